#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The emulated contract: a guest's counters are events of the host.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"
# shellcheck source=scripts/tests/lab/tools.bash
source "$BATS_TEST_DIRNAME/tools.bash"

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab
	export ALL=$BATS_FILE_TMPDIR/all
	unset CONTRACT KERNEL
	"$LAB" run --contract emulated --out "$ALL" >"$BATS_FILE_TMPDIR/table" 2>&1 ||
		printf '%s\n' $? >"$BATS_FILE_TMPDIR/status"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
}

@test "the unmodified kernel conforms but for what has nothing to do with it" {
	[ ! -e "$BATS_FILE_TMPDIR/status" ]
	[ "$(field .contract "$ALL")" = emulated ]
	[ "$(field .kernel "$ALL")" = plain ]
	[ "$(outcomes "$ALL")" = "conforms known skip" ]
	[ "$(known "$ALL")" = "D37 D42 D43 D44 D45 D48 D50 D52" ]
	[ "$(field '.stale | length' "$ALL")" = 0 ]
	[ "$(field '[.cases[] | select(.outcome == "skip") | .reason] | unique | join(",")' "$ALL")" = \
		"needs PMU_MAY_BREAK=1, and a machine that may be booted again,needs a PMU that CPUID can take away,needs a PMU with fixed counters,needs a mediated or passthrough PMU,needs an Intel processor,needs enable_mediated_pmu=1,needs the RFC's contract,needs the mediated contract,needs the perf tool" ]
}

@test "every rule of the emulated contract was asked" {
	local number
	for number in {1..13}; do
		[ "$(field "[.cases[] | select((.rules | index(\"E$number\")) and .outcome == \"conforms\")] | length > 0" "$ALL")" = true ]
	done
}

@test "so was what holds in every mode" {
	local rule
	for rule in M1 M2 M20 M29 M32 M34 M35 M38 {M41,M42,M43,M44,M45,M46,M47,M48,M49,M50,M51,M52,M53,M54,M55,M56,M57} D1 D2 D3 D4 D6 D7 D11 D13 D14 D15 D16 D17 D18 D20 D21 D24 D25 D33 D38; do
		[ "$(field "[.cases[] | select((.rules | index(\"$rule\")) and .outcome == \"conforms\")] | length > 0" "$ALL")" = true ]
	done
}

@test "it is found from the kernel's parameters" {
	run -0 "$LAB" run --append kvm_amd.enable_mediated_pmu=0 --filter '*E10*' --out "$OUT"
	[ "$(field .contract)" = emulated ]
	# Asked for by name, the other one lacks something.
	run -1 "$LAB" run --filter claim_test --append kvm_amd.enable_mediated_pmu=0 --out "$OUT"
	[ "$(field '.cases[0].reason')" = "needs enable_mediated_pmu=1" ]
	# Without a PMU for guests there is nothing to ask.
	run -1 "$LAB" run --append kvm.enable_pmu=0 --filter emulated_test --out "$OUT"
	[ "$(field .contract)" = mediated ]
}

@test "who counts in a guest says so where others hold the counters" {
	local suite held=cycles:D,cycles:D,cycles:D
	suite=$("$LAB" build --contract emulated 2>&1 | sed -n 's/^lab: suite *//p')
	run -4 "$LAB" exec --contract emulated -- perf stat -C 1 -e "$held" -- "$suite/guest_count_test"
	[[ "$output" == *"1..0 # SKIP needs counters that nobody holds"* ]]
	# Where the guest has the hardware that is nobody's business.
	run -0 "$LAB" exec --contract mediated -- perf stat -C 1 -e "${held//D/HD}" -- "$suite/guest_count_test"
}

# samples_of WHOSE EVENT: how many samples of a guest and of the host perf kvm records.
samples_of() {
	local vpmu
	vpmu=$(tool vpmu)
	# shellcheck disable=SC2016
	"$LAB" exec --contract emulated -- sh -c '
		cd /tmp
		perf kvm $1 record -q -c 20000 -e "$2" -o data -- "$3" >/dev/null 2>&1 || exit 3
		perf script -i data -D 2>/dev/null |
			sed -n "s/.*PERF_RECORD_SAMPLE(IP, 0x[0-9a-f]*\([0-9a-f]\)).*/0x\1/p"' sh "$1" "$2" "$vpmu" |
		# PERF_RECORD_MISC_CPUMODE_MASK; from PERF_RECORD_MISC_GUEST_KERNEL on it is a guest.
		while read -r misc; do echo $(((misc & 7) > 3)); done |
		awk '{ n[$1]++ } END { print n[1] + 0, n[0] + 0 }'
}

@test "perf kvm record sees guest and host, as it was told" {
	command -v perf >/dev/null || skip "perf is missing (package linux-perf)"
	local of_guest of_host
	run -0 --separate-stderr samples_of "--host --guest" instructions
	read -r of_guest of_host <<<"$output"
	[ "$of_guest" -gt 100 ]
	[ "$of_host" -gt 100 ]
	run -0 --separate-stderr samples_of --guest instructions
	read -r of_guest of_host <<<"$output"
	[ "$of_guest" -gt 100 ]
	# An overflow that is noticed after the exit finds the host.
	[ "$of_host" -lt $((of_guest / 10)) ]
	run -0 --separate-stderr samples_of --host instructions:H
	read -r of_guest of_host <<<"$output"
	[ "$of_guest" -eq 0 ]
	[ "$of_host" -gt 100 ]
}

# exits_of CONTRACT: what perf kvm stat calls the exits of a guest that uses its PMU. On a
# terminal, as the lab's port is one, perf 6.12 shows them in a window and waits for a key.
exits_of() {
	local vpmu
	vpmu=$(tool vpmu)
	# shellcheck disable=SC2016
	"$LAB" exec --contract "$1" -- sh -c '
		cd /tmp
		perf kvm stat record -o data -- "$1" >/dev/null 2>&1 || exit 3
		perf --no-pager kvm -i data stat report 2>&1 | cat' sh "$vpmu" |
		awk '$2 ~ /^[0-9]+$/ { print $1, $2 }'
}

# count_of NAME EXITS: of those exits.
count_of() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' <<<"$2"
}

@test "perf kvm stat sees what a guest's PMU costs in each mode" {
	command -v perf >/dev/null || skip "perf is missing (package linux-perf)"
	# The guest runs CPUID 1000 times, which KVM emulates in each mode, and in five tries
	# RDPMC 100 times.
	run -0 --separate-stderr exits_of emulated
	[ "$(count_of cpuid "$output")" -ge 1000 ]
	[ "$(count_of rdpmc "$output")" -ge 500 ]
	run -0 --separate-stderr exits_of mediated
	[ "$(count_of cpuid "$output")" -ge 1000 ]
	[ "$(count_of rdpmc "$output")" -eq 0 ]
}

@test "perf stat and perf record of a Linux guest are exact in each mode" {
	command -v perf >/dev/null || skip "perf is missing (package linux-perf)"
	local contract program
	program=$(test_program linux_test)
	for contract in mediated emulated; do
		# One that stays where it is, and one that is saved and restored meanwhile.
		run -0 --separate-stderr "$LAB" exec --contract "$contract" -- \
			env PMU_GUEST_KERNEL="$(field .kernel_image "$ALL")" \
			"$program" -t M76_M77_M78_the_perf_tool_in_it
		[ "$(grep -c '^# conforms M7[678]' <<<"$output")" -eq 6 ]
	done
}

@test "under the mediated contract its rules are not asked" {
	run -1 "$LAB" run --contract mediated --filter '*E10*' --out "$OUT"
	[ "$(field '[.cases[].reason] | unique | join(",")')" = "needs the emulated contract" ]
}

@test "several contracts by name, in one table" {
	run -0 "$LAB" run --contract mediated,emulated --filter '*M38*' --out "$OUT"
	[[ $output == *"mediated     M38   conforms"*"emulated     M38   conforms"* || $output == *"emulated     M38   conforms"*"mediated     M38   conforms"* ]]
	[ -e "$OUT/mediated/results.json" ]
	[ -e "$OUT/emulated/results.json" ]
	run -2 "$LAB" run --contract mediated,none --out "$OUT"
	[[ $output == *"no contract called 'none'"* ]]
}
