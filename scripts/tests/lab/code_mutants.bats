#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Mutants of the kernel's own code, end to end: made, reached, asked, shown.

bats_require_minimum_version 1.5.0

setup() {
	MUTANTS=$BATS_TEST_DIRNAME/../../mutants
	OUT=$BATS_FILE_TMPDIR/out
	# Of the reference kernel, whose objects are there: a few files are compiled for it.
	CODE=("$MUTANTS" --code --reference --contract mediated --out "$OUT")
	ONE=arch/x86/kvm/pmu.c:kvm_pmu_incr_counter
	unset CONTRACT KERNEL MACHINE KERNEL_VERSION MUTANTS_OPTIONS
}

# outcomes WORD: how many mutants came to it.
outcomes() {
	jq --arg word "$1" '[.each[] | select(.outcome == $word)] | length' "$OUT/mutants.json"
}

# What an instruction that KVM emulates adds to a counter: most of it is asked by M34, two
# statements are of the emulated contract.
@test "a function's mutants are noticed by the rules that name it" {
	run -1 "${CODE[@]}" "$ONE"
	# What bats shows if something of this is not so.
	cat "$OUT/table" "$OUT/unnoticed"
	jq -r '.each[] | "\(.outcome) \(.was) -> \(.becomes) \(.case) \(.said)"' "$OUT/mutants.json"
	[ "$(jq '.mutants' "$OUT/mutants.json")" -ge 15 ]
	[ "$(jq '.noticed' "$OUT/mutants.json")" -ge 12 ]
	[ "$(outcomes own)" -ge 6 ]
	[ "$(outcomes absent)" -eq 2 ]
	jq -e '[.each[] | select(.outcome == "own") | .rules[]] | index("M34") != null' "$OUT/mutants.json"
	grep -q "same .*pmc_is_pmi_enabled" "$OUT/unnoticed"
	grep -q "kvm_pmu_incr_counter" "$OUT/mutants.html"
}

@test "what was answered is not asked again, unless it is wanted" {
	local name
	name=$(jq -r '[.each[] | select(.outcome == "own")][0].fingerprint' "$OUT/mutants.json")
	rm -r "$OUT"/*/amd-zen4/mediated/boot-*
	run -0 "${CODE[@]}" "$ONE" --mutant "$name"
	[[ ${lines[-1]} == "own"*"$name"* ]]
	run ! compgen -G "$OUT/*/amd-zen4/mediated/boot-0"
	run -0 "${CODE[@]}" "$ONE" --mutant "$name" --fresh
	[[ ${lines[-1]} == "own"*"$name"* ]]
	compgen -G "$OUT/*/amd-zen4/mediated/boot-0"
	# The others were not forgotten.
	[ "$(cat "$OUT"/*/amd-zen4/mediated/verdicts | wc -l)" -ge 15 ]
}

@test "a mutant that is not there is refused, and a function that is not" {
	run -2 --separate-stderr "${CODE[@]}" "$ONE" --mutant 0123456789ab
	[ "${stderr_lines[-1]}" = "mutants: this kernel has no mutant 0123456789ab" ]
	run -2 --separate-stderr "${CODE[@]}" 'arch/x86/kvm/pmu.c:nothing_*'
	[ "${stderr_lines[-1]}" = "mutants: arch/x86/kvm/pmu.c has no function nothing_*" ]
}

@test "a patch that fits nowhere is refused" {
	printf -- '--- a/kernel/cpu.c\n+++ b/kernel/cpu.c\n@@ -1,2 +1,2 @@\n-no such line\n+nor this\n and not this\n' >"$BATS_TEST_TMPDIR/patch"
	run -2 --separate-stderr "$MUTANTS" --patch "$BATS_TEST_TMPDIR/patch" --out "$OUT"
	[[ ${stderr_lines[0]} == "mutants: $BATS_TEST_TMPDIR/patch neither is in "*" nor fits there, line by line" ]]
	[ "${#stderr_lines[@]}" = 1 ]
}

# A gate for our own changes: each is asked what it could get wrong without anybody noticing.
@test "what the last commit changed of the reference kernel is noticed or argued" {
	local out=$BATS_FILE_TMPDIR/reference top last
	top=$(realpath "$BATS_TEST_DIRNAME/../../..")
	last=$(git -C "$top" log -1 --format=%H -- lab/kernel)
	git -C "$top" rev-parse -q --verify "$last^" >/dev/null || skip "needs the project's history"
	run --separate-stderr "$MUTANTS" --reference --out "$out"
	printf '%s\n' "$output" "$stderr"
	# It may have changed nothing that is code of the kernel.
	[[ $status == 0 || $stderr == *"changes no C" || $stderr == *"there is no mutant of this" ||
		$stderr == *"changed nothing of the reference kernel" ||
		$stderr == *"is compiled in the lab's configuration" ]]
}
