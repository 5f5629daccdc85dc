#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Older kernels, unmodified, in every mode they have, on both machines. Not a part of
# "make test": each kernel takes minutes to build.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/../lab/fields.bash"

setup() {
	LAB=$BATS_TEST_DIRNAME/../../lab
	OUT=$BATS_TEST_TMPDIR/out
	unset CONTRACT KERNEL MACHINE KERNEL_VERSION
}

# conforms MACHINE VERSION CONTRACT KNOWN...
conforms() {
	local machine=$1 version=$2 contract=$3
	shift 3
	run -0 "$LAB" run --machine "$machine" --kernel-version "$version" --contract "$contract" --out "$OUT"
	[ "$(outcomes "$OUT")" = "conforms known skip" ]
	[ "$(known "$OUT")" = "$*" ]
}

@test "6.12 conforms on an AMD machine" {
	conforms amd-zen4 6.12 emulated D37 D41 D43 D44 D45 D49 D50 D52 D53
}

@test "6.12 conforms on an Intel machine" {
	conforms intel-v5 6.12 emulated D37 D43 D45 D46 D49 D50 D52 D53
}

@test "7.2 conforms on an AMD machine, mediated and emulated" {
	conforms amd-zen4 7.2 mediated D27 D28 D29 D33 D35 D36 D37 D39 D42 D43 D44 D48 D50 D51
	[ "$(field '.stale | length')" = 0 ]
	conforms amd-zen4 7.2 emulated D37 D42 D43 D44 D45 D48 D50 D51 D52
	[ "$(field '.stale | length')" = 0 ]
}

@test "7.2 conforms on an Intel machine, mediated and emulated" {
	conforms intel-v5 7.2 mediated D27 D28 D29 D33 D35 D36 D37 D38 D42 D43 D48 D50 D51
	conforms intel-v5 7.2 emulated D37 D42 D43 D45 D48 D50 D51 D52
}
