#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The RFC's contract on the reference kernel: its verdicts, the RFC as posted's,
# the debug kernel's silence, and faults that must be noticed.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab
	export ALL=$BATS_FILE_TMPDIR/all LITERAL=$BATS_FILE_TMPDIR/literal
	unset CONTRACT KERNEL
	"$LAB" run --contract all --out "$ALL" >"$BATS_FILE_TMPDIR/table" 2>&1 ||
		printf '%s\n' $? >"$BATS_FILE_TMPDIR/status"
	"$LAB" run --contract rfc-as-posted --out "$LITERAL" >"$BATS_FILE_TMPDIR/literal.table" 2>&1 ||
		printf '%s\n' $? >"$BATS_FILE_TMPDIR/literal.status"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
}

@test "one command gives both verdicts, in one table" {
	[ ! -e "$BATS_FILE_TMPDIR/status" ]
	[ "$(field .verdict "$ALL/mediated")" = "conforms but for known defects" ]
	[ "$(field .verdict "$ALL/rfc")" = "conforms but for known defects" ]
	[ "$(field .kernel "$ALL/mediated")" = plain ]
	[ "$(field .kernel "$ALL/rfc")" = reference ]
	grep -q '^mediated     M11   conforms ' "$BATS_FILE_TMPDIR/table"
	grep -q '^rfc          R22   conforms ' "$BATS_FILE_TMPDIR/table"
	[[ "$(tail -n 1 "$BATS_FILE_TMPDIR/table")" =~ ^[0-9]+" passed, 0 failed, "[0-9]+" skipped"$ ]]
}

@test "the reference kernel has the defects of the design, and no other" {
	[ "$(outcomes "$ALL/rfc")" = "conforms known skip" ]
	[ "$(known "$ALL/rfc")" = "D11 D2 D37 D39 D4 D42 D43 D44 D48 D50 D6 D7" ]
	[ "$(field '.stale | length' "$ALL/rfc")" = 0 ]
	[ "$(field '.facts["/sys/module/perf_guest/parameters/contract"]' "$ALL/rfc")" = rfc ]
}

@test "the RFC as posted has its slips as well" {
	[ ! -e "$BATS_FILE_TMPDIR/literal.status" ]
	[ "$(outcomes "$LITERAL")" = "conforms known skip" ]
	[ "$(known "$LITERAL")" = "D1 D11 D2 D3 D37 D39 D4 D42 D43 D44 D48 D5 D50 D6 D7 D8 D9" ]
	[ "$(field '.stale | length' "$LITERAL")" = 0 ]
}

@test "the unmodified kernel has none of the RFC's defects" {
	local defect
	for defect in D1 D2 D3 D4 D5 D6 D7 D8 D9 D11 D12; do
		[ "$(field "[.cases[] | select(.rules | index(\"$defect\")) | .outcome] | unique | join(\" \")" "$ALL/mediated")" = conforms ]
	done
}

@test "every rule of the RFC was judged" {
	local number
	for number in {1..31}; do
		[ "$number" = 6 ] || # asked of the debug kernel
			[ "$(field "[.cases[] | select((.rules | index(\"R$number\")) and (.outcome == \"conforms\" or .outcome == \"known\"))] | length > 0" "$ALL/rfc")" = true ]
	done
}

@test "what is skipped belongs to another contract, to the debug kernel, or to more CPUs" {
	[ "$(field '[.cases[] | select(.outcome == "skip") | .reason] | unique | join(",")' "$ALL/mediated")" = \
		"needs PMU_MAY_BREAK=1, and a machine that may be booted again,needs a PMU that CPUID can take away,needs a PMU with fixed counters,needs a host with LBR or PEBS,needs an Intel processor,needs the RFC's contract,needs the emulated contract,needs the perf tool" ]
	[ "$(field '[.cases[] | select(.outcome == "skip") | .reason] | unique | join(",")' "$ALL/rfc")" = \
		"needs CONFIG_PROVE_LOCKING, and no report so far,needs PMU_MAY_BREAK=1, and a machine that may be booted again,needs a PMU that CPUID can take away,needs a PMU with fixed counters,needs a host with LBR or PEBS,needs an Intel processor,needs the emulated contract,needs the mediated contract,needs the perf tool,needs three CPUs" ]
}

@test "asked for the mediated contract, the reference kernel speaks it as the plain one does" {
	run -0 "$LAB" run --reference --out "$OUT"
	[ "$(field .contract)" = mediated ]
	diff <(field '.cases[] | "\(.program):\(.case) \(.outcome)"' "$ALL/mediated") \
		<(field '.cases[] | "\(.program):\(.case) \(.outcome)"')
}

# But for the matrix of event kinds, which the mediated contract's run has: it is
# two fifths of the time.
@test "the debug kernel has nothing to say under the RFC's contract" {
	run -0 "$LAB" run --contract rfc --debug --filter '[!h]*_test' --out "$OUT"
	[ "$(known "$OUT")" = "D11 D2 D37 D39 D4 D42 D43 D44 D48 D50 D6 D7" ]
	[ "$(field '[.cases[] | select(.rules | index("R6")) | .outcome] | sort | join(" ")')" = "conforms skip" ]
	run ! grep -q 'KASAN disabled' "$OUT/kernel.log"
	grep -q '^CONFIG_PROVE_LOCKING=y' "$OUT/config"
	grep -q '^CONFIG_KASAN=y' "$OUT/config"
}

@test "nor under the mediated one" {
	run -0 "$LAB" run --contract mediated --debug --out "$OUT"
	[ "$(known "$OUT")" = "D27 D28 D29 D33 D35 D36 D37 D39 D42 D43 D44 D48 D50" ]
}

@test "lockdep speaks up for an exit with interrupts on, too" {
	run -0 "$LAB" run --contract rfc --debug --filter '*R6_exit_with_interrupts_on' --out "$OUT"
	[ "$(outcomes)" = conforms ]
}

@test "the RFC as posted loses the errno of its check, the reference hands it on (D10)" {
	run -1 "$LAB" run --contract rfc --fault wrong_errno --filter rfc_creation_test --out "$OUT"
	[ "$(field '[.cases[] | select(.outcome == "violates") | .rules[]] | unique | contains(["R22"])')" = true ]
	run -0 "$LAB" run --contract rfc-as-posted --fault wrong_errno --filter rfc_creation_test --out "$OUT"
	[ "$(outcomes)" = conforms ]
}

@test "a watchdog that excludes guests is noticed (D12)" {
	run -1 "$LAB" run --contract rfc --fault watchdog_excludes --filter watchdog_defect_test:D12_it_does_not_exclude_guests --out "$OUT"
	[ "$(field '.cases[0].outcome')" = violates ]
}

@test "a kernel that is said to speak the RFC's contract and lacks its calls is skipped, with the reason" {
	run -1 "$LAB" run --kernel "$(field .kernel_image "$ALL/mediated")" --contract rfc --filter rfc_group_test --out "$OUT"
	[ "$(field '.cases[0].reason')" = "needs perf_guest_enter() in the kernel" ]
	[ "$(field .verdict)" = broken ]
}

@test "a kernel without its test module is skipped, with the reason" {
	cp "$(field .kernel_image "$ALL/mediated")" "$BATS_TEST_TMPDIR/image"
	run -1 "$LAB" run --kernel "$BATS_TEST_TMPDIR/image" --filter '*M22*' --out "$OUT"
	[ "$(field '.cases[0].reason')" = "needs the test module of this kernel" ]
}

@test "so is one with the module of another kernel" {
	local reference
	reference=$(dirname "$(field .kernel_image "$ALL/rfc")")
	cp "$(field .kernel_image "$ALL/mediated")" "$BATS_TEST_TMPDIR/bzImage"
	cp "$reference/perf_guest_calls.ko" "$BATS_TEST_TMPDIR/"
	run -1 "$LAB" run --kernel "$BATS_TEST_TMPDIR/bzImage" --filter '*M22*' --out "$OUT"
	[ "$(field '.cases[0].reason')" = "needs the test module of this kernel" ]
}

@test "two guests on two CPUs, watched from a third" {
	run -0 "$LAB" run --contract rfc --cpus 3 --filter '*two_guests*' --out "$OUT"
	[ "$(outcomes)" = conforms ]
}

@test "with time counted in instructions the verdicts are the same" {
	run -0 "$LAB" run --contract rfc --icount --filter rfc_group_test --out "$OUT"
	[ "$(outcomes)" = conforms ]
}
