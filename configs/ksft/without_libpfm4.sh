#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs in place of the suite where it could not be built.
echo "TAP version 13"
echo "1..0 # SKIP needs libpfm4"
exit 4
