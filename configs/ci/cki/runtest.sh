#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What tmt runs, in configs/ci/cki. A run in which cases fail is a run; one in which nothing ran is
# an error.
cd "$(dirname "$0")/../../.." || exit 2
[ -n "$KSRC" ] || unset KSRC
status=0
scripts/host run --fix --out "$TMT_TEST_DATA/run" ${SUITE:+--suite "$SUITE"} || status=$?
[ "$status" -le 1 ] || exit 2
scripts/report tmt --out "$TMT_TEST_DATA/results.yaml" "$TMT_TEST_DATA/run"
