#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The Intel machines: the same kernel image and suite on an Intel PMU.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab
	export ALL=$BATS_FILE_TMPDIR/all
	unset KERNEL CONTRACT MACHINE
	"$LAB" run --machine intel-v5 --boots 2 --out "$ALL" >"$BATS_FILE_TMPDIR/table" 2>&1 ||
		printf '%s\n' $? >"$BATS_FILE_TMPDIR/status"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
}

@test "an unmodified kernel keeps the contract on an Intel machine, known defects aside" {
	[ ! -e "$BATS_FILE_TMPDIR/status" ] || {
		tail -n 40 "$BATS_FILE_TMPDIR/table"
		false
	}
	[ "$(field .verdict "$ALL")" = "conforms but for known defects" ]
	[ "$(field '[.cases[] | select(.outcome == "known") | .reason | sub("known "; "")] | unique | join(" ")' "$ALL")" = \
		"D27 D28 D29 D33 D35 D36 D37 D38 D42 D43 D48 D50" ]
	[ "$(field '.stale | length' "$ALL")" = 0 ]
}

@test "it binds its driver to what the machine has, and does not complain" {
	[ "$(field '[.facts.pmu_vendor, .facts.pmu_version, .facts.pmu_counters, .facts.pmu_mediated] | join(" ")' "$ALL")" = \
		"Intel 5 8 general, 3 fixed, 48 bits yes" ]
	[ "$(field '.facts["/sys/module/kvm_intel/parameters/enable_mediated_pmu"]' "$ALL")" = Y ]
	[[ $(field .emulator "$ALL") == "Bochs 3."* ]]
	grep -q 'generic architected perfmon.*Intel PMU driver' "$ALL/kernel.log"
	run ! grep -E 'unchecked MSR|broken PMU|LBR|PEBS' "$ALL/kernel.log"
}

@test "what is skipped needs another vendor's CPU, another contract or a lesser PMU" {
	[ "$(field '[.cases[] | select(.outcome == "skip") | .reason] | unique | join(",")' "$ALL")" = \
		"needs PMU_MAY_BREAK=1, and a machine that may be booted again,needs a host without fixed counters,needs a kernel image (PMU_GUEST_KERNEL=),needs an AMD processor,needs nested SVM,needs the RFC's contract,needs the emulated contract" ]
}

@test "version 4, without APIC virtualisation, and a fixed counter that the guest has not" {
	run -0 "$LAB" run --machine intel-v4 --filter every_cpu_test,guest_pmi_test --out "$OUT"
	[ "$(field .facts.pmu_version)" = 4 ]
	[ "$(field '.facts["/sys/module/kvm_intel/parameters/enable_apicv"]' "$ALL")" = Y ]
	[ "$(field '.facts["/sys/module/kvm_intel/parameters/enable_apicv"]')" = N ]
	[ "$(field .verdict)" = conforms ]
	run -0 "$LAB" run --machine intel-fixed4 --filter guest_access_test,guest_count_test,guest_counters_test --out "$OUT"
	[ "$(field .facts.pmu_counters)" = "8 general, 4 fixed, 48 bits" ]
	[ "$(field .verdict)" = conforms ]
}

@test "the RFC's contract holds there as well" {
	run -0 "$LAB" run --machine intel-v5 --contract rfc \
		--filter 'rfc_creation_test,rfc_error_test,rfc_kernel_test,guest_pmi_test' --out "$OUT"
	[ "$(field .contract)" = rfc ]
	[ "$(field '.totals.conforms > 20')" = true ]
}

@test "a run in two boots leaves one result" {
	[ "$(field '[.cases[].program] | unique | length' "$ALL")" = "$("$LAB" cases | cut -d : -f 1 | sort -u | wc -l)" ]
	[ "$(field '.cases | length' "$ALL")" -eq $(($(field '.cases | length' "$ALL/1") + $(field '.cases | length' "$ALL/2"))) ]
	[ "$(jq -s 'map(.cases[].program) | unique | length' "$ALL/1/results.json")" -gt 1 ]
	run -0 "$LAB" table "$ALL/results.json"
	[ "${lines[-1]}" = "$(tail -n 1 "$BATS_FILE_TMPDIR/table")" ]
	run -2 "$LAB" run --boots 2 --stop --out "$OUT"
	run -2 "$LAB" run --boots none --out "$OUT"
}

@test "the explorer goes there as well" {
	MACHINE=intel-v5 run -0 "$BATS_TEST_DIRNAME/../../explore" --seconds 20 --seed 3 --out "$OUT"
	[ "$(field .machine)" = intel-v5 ]
	[ "$(field .totals.conforms)" -eq 1 ]
}

@test "both machines at once, in one table" {
	run -0 --separate-stderr "$LAB" run --machine all --filter every_cpu_test --out "$OUT"
	[ "${lines[0]}" = "contract     rule  amd-zen4   intel-v5   cases" ]
	[[ ${lines[1]} == "mediated     M41   conforms   conforms   1 "* ]]
	[ "${lines[-1]}" = "4 passed, 0 failed, 0 skipped" ]
	[ "$(field .machine "$OUT/intel-v5")" = intel-v5 ]
}

@test "every run there can be replayed to the last byte, and says so when a case fails" {
	run -1 "$LAB" run --machine intel-v5 --fault vmx_fixed_left --filter M20_the_host_finds_nothing_of_the_guest --out "$OUT"
	[[ "$output" == *"lab: the same again, instruction for instruction: scripts/lab replay $OUT"* ]]
	[[ "$output" == *"# violates M20"* ]]
	# The folder may have been moved.
	mv "$OUT" "$BATS_TEST_TMPDIR/moved"
	run -0 "$LAB" replay "$BATS_TEST_TMPDIR/moved"
	[[ ${lines[-1]} == "lab: the same to the last byte: "* ]]
	grep -q '^# violates M20' "$BATS_TEST_TMPDIR/moved/replay/report.log"
	rm "$BATS_TEST_TMPDIR/moved/disk.iso"
	run -2 "$LAB" replay "$BATS_TEST_TMPDIR/moved"
	[ "$output" = "lab: $BATS_TEST_TMPDIR/moved is no folder of a run: it has no disk.iso" ]
}

# kvm_selftest NAME: build it from the tree under test and run it there.
kvm_selftest() {
	local name=$1 suite
	suite=$("$LAB" build --machine intel-v5 2>&1 | sed -n 's/^lab: suite *//p')
	make -s -C "$BATS_TEST_DIRNAME/../../../selftests" OUTPUT="$suite" \
		KSRC="$("$LAB" source)" KHDR="$("$LAB" headers)" "$suite/kvm/$name"
	"$LAB" exec --machine intel-v5 -- "$suite/kvm/$name"
}

@test "KVM's own pmu_counters_test passes" {
	run -0 kvm_selftest pmu_counters_test
	[[ "$output" != *SKIP* ]]
}

@test "KVM's own pmu_event_filter_test passes" {
	run -0 kvm_selftest pmu_event_filter_test
	[[ "$output" != *SKIP* ]]
}

@test "KVM's own vmx_pmu_caps_test passes" {
	run -0 kvm_selftest vmx_pmu_caps_test
	[[ "$output" != *SKIP* ]]
}

@test "a command runs there with what it names" {
	printf '#!/bin/sh\nsed -n "s/^vendor_id.*: //p" /proc/cpuinfo | sort -u; cat "$1"; exit 3\n' >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	printf 'a file\n' >"$BATS_TEST_TMPDIR/file"
	run -3 --separate-stderr "$LAB" exec --machine intel-v5 -- \
		"$BATS_TEST_TMPDIR/script" "$BATS_TEST_TMPDIR/file" "$(type -P sed)" "$(type -P sort)" "$(type -P cat)"
	[[ $output == *"GenuineIntel"*"a file"* ]]
}

@test "what only the AMD machine can do is refused with one line" {
	refused() {
		run -2 --separate-stderr "$LAB" "$@"
		[ -z "$output" ]
		# shellcheck disable=SC2154 # bats sets it
		[ "${#stderr_lines[@]}" -eq 1 ]
	}
	refused shell --machine intel-v5
	refused run --machine intel-v5 --icount --filter every_cpu_test --out "$OUT"
	refused run --machine intel-v5 --cpus 8
	refused exec --machine all -- true
	refused run --machine intel-v9
}
