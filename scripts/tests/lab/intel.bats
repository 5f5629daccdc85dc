#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The Intel machine, as far as it goes: the same kernel image, an Intel PMU, and
# guests that count on it.

bats_require_minimum_version 1.5.0

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab
	unset KERNEL CONTRACT
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
}

field() {
	jq -r "$1" "$OUT/results.json"
}

@test "an unmodified kernel hands its PMU to guests on every CPU" {
	run -0 "$LAB" run --machine intel-v5 --filter every_cpu_test --out "$OUT"
	[ "$(field .verdict)" = conforms ]
	[ "$(field .totals.conforms)" -eq 2 ]
	[ "$(field '[.facts.pmu_vendor, .facts.pmu_version, .facts.pmu_counters, .facts.pmu_handover] | join(" ")')" = \
		"Intel 5 8 general, 3 fixed, 48 bits yes" ]
	[ "$(field '.facts["/sys/module/kvm_intel/parameters/enable_mediated_pmu"]')" = Y ]
	[[ $(field .emulator) == "Bochs 3."* ]]
	grep -q 'Intel PMU driver' "$OUT/kernel.log"
	run ! grep -E 'WARNING|unchecked MSR|broken PMU' "$OUT/kernel.log"
}

@test "what only the AMD machine can do is refused with one line" {
	refused() {
		run -2 --separate-stderr "$LAB" "$@"
		[ -z "$output" ]
		# shellcheck disable=SC2154 # bats sets it
		[ "${#stderr_lines[@]}" -eq 1 ]
	}
	refused exec --machine intel-v5 -- true
	refused run --machine intel-v5 --icount --filter every_cpu_test --out "$OUT"
	refused run --machine intel-v5 --cpus 8
}
