#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# From what a boot leaves behind to a verdict, on stored reports: above all,
# that nothing which did not conform is ever taken for a pass.

bats_require_minimum_version 1.5.0

setup() {
	SCRIPTS=$BATS_TEST_DIRNAME/..
	export LAB_BUILD=$BATS_TEST_TMPDIR/build
	OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$OUT"
	: >"$OUT/console.log"
	ENDED=yes
}

# Make results.json of the report on standard input.
results() {
	cat >"$OUT/report.log"
	bash -euo pipefail -c "NAME=lab; source '$SCRIPTS/lib/common.sh'; source '$SCRIPTS/lib/suite.sh'
		source '$SCRIPTS/lib/results.sh'
		results_make '$OUT' $ENDED '{\"machine\": \"test\", \"contract\": \"mediated\"}'"
}

field() {
	jq -r "$1" "$OUT/results.json"
}

passes() {
	bash -euo pipefail -c "NAME=lab; source '$SCRIPTS/lib/common.sh'; source '$SCRIPTS/lib/suite.sh'
		source '$SCRIPTS/lib/results.sh'; results_status '$OUT/results.json'"
}

@test "a clean run conforms" {
	results <"$BATS_TEST_DIRNAME/fixtures/clean"
	[ "$(field .verdict)" = conforms ]
	[ "$(field .totals.conforms)" = 2 ]
	[ "$(field '.cases[0].rules[0]')" = M4 ]
	[ "$(field '.facts.release')" = 7.3.4 ]
	run -0 passes
}

@test "a known defect is shown, and is no pass" {
	results <"$BATS_TEST_DIRNAME/fixtures/known"
	[ "$(field .verdict)" = "conforms but for known defects" ]
	[ "$(field .totals.known)" = 1 ]
	[ "$(field .totals.conforms)" = 1 ]
	[ "$(field '.cases[1].reason')" = "known D28" ]
	run -0 passes
	run -0 "$SCRIPTS/lab" table "$OUT/results.json"
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
	[[ "$output" == *"known  D28  time_test:times.M23_page"* ]]
}

@test "a violation fails, with its evidence" {
	results <"$BATS_TEST_DIRNAME/fixtures/violates"
	[ "$(field .verdict)" = violates ]
	run ! passes
	run -0 "$SCRIPTS/lab" table "$OUT/results.json"
	[ "${lines[-1]}" = "1 passed, 1 failed, 0 skipped" ]
	[[ "$output" == *"missed    err (errno of the call, 0 if it succeeded): expected EBUSY, was 0"* ]]
	[[ "$output" == *"again     scripts/lab run --filter claim_test:M6_refused"* ]]
}

@test "broken, undecided and timed out are told apart from a violation" {
	results <"$BATS_TEST_DIRNAME/fixtures/broken"
	[ "$(field '.cases | map(.outcome) | join(" ")')" = "broken undecided broken" ]
	run ! passes
}

@test "a run in which everything was skipped fails" {
	results <"$BATS_TEST_DIRNAME/fixtures/skipped"
	[ "$(field .totals.skip)" = 1 ]
	[ "$(field '.cases[0].reason')" = "needs enable_mediated_pmu=1" ]
	[ "$(field .verdict)" = broken ]
	run ! passes
}

@test "a pass without a verdict, and a skip without a need, are broken" {
	results <"$BATS_TEST_DIRNAME/fixtures/empty"
	[ "$(field '.cases | map(.outcome) | join(" ")')" = "broken broken conforms" ]
	run ! passes
}

@test "a case that was planned and never reported is broken" {
	results <"$BATS_TEST_DIRNAME/fixtures/short"
	[ "$(field '.cases[1].outcome')" = broken ]
	[ "$(field '.cases[1].reason')" = "3 cases planned, 1 reported, status 139" ]
	run ! passes
}

@test "a program that says nothing is broken" {
	results <"$BATS_TEST_DIRNAME/fixtures/silent"
	[ "$(field '.cases[0].reason')" = "ended without a plan, status 127" ]
	run ! passes
}

@test "a panic keeps what there is and names what was running" {
	printf '[    3.1] Kernel panic - not syncing: Fatal exception\n' >"$OUT/console.log"
	results <"$BATS_TEST_DIRNAME/fixtures/cut"
	[ "$(field .totals.conforms)" = 1 ]
	[ "$(field '.cases[1] | "\(.outcome) \(.case)"')" = "violates schedule.task_pinned.M21_stops" ]
	[ "$(field '.cases[1].reason')" = "the kernel stopped: Kernel panic - not syncing: Fatal exception" ]
	run ! passes
}

@test "a hang names what was running, and is not the kernel's fault by itself" {
	ENDED=no
	results <"$BATS_TEST_DIRNAME/fixtures/cut"
	[ "$(field '.cases[1] | "\(.outcome) \(.case): \(.reason)"')" = "broken schedule.task_pinned.M21_stops: the deadline passed" ]
	run ! passes
}

@test "a kernel that never spoke is broken" {
	ENDED=no
	results </dev/null
	[ "$(field '.cases[0] | "\(.program) \(.case): \(.reason)"')" = "boot before the first program: the deadline passed" ]
	run ! passes
}

@test "a warning outside every case fails the run" {
	printf '[    0.9] WARNING: CPU: 0 PID: 1 at kernel/events/core.c:1\n' >"$OUT/console.log"
	results <"$BATS_TEST_DIRNAME/fixtures/clean"
	[ "$(field '.cases[-1] | "\(.outcome) \(.program):\(.case)"')" = "violates boot:kernel_log" ]
	run ! passes
}

@test "a defect that did not show is reported" {
	results <"$BATS_TEST_DIRNAME/fixtures/stale"
	run -0 "$SCRIPTS/lab" table "$OUT/results.json"
	[[ "$output" == *"stale  D28 (M23.page) did not show on this kernel"* ]]
}

@test "a complaint that a case provoked is none" {
	printf '%s\n' '[ 1.0] pmu_passthrough: an expected complaint begins' \
		'[ 1.1] WARNING: CPU: 0 PID: 1 at kernel/events/core.c:1' \
		'[ 1.2] pmu_passthrough: an expected complaint ends' >"$OUT/console.log"
	results <"$BATS_TEST_DIRNAME/fixtures/clean"
	[ "$(field .verdict)" = conforms ]
	printf '[ 1.3] WARNING: CPU: 0 PID: 1 at kernel/events/core.c:2\n' >>"$OUT/console.log"
	results <"$BATS_TEST_DIRNAME/fixtures/clean"
	[ "$(field '.cases[-1].reason')" = "WARNING: CPU: 0 PID: 1 at kernel/events/core.c:2" ]
}

@test "a case of two rules says of each what it found" {
	results <"$BATS_TEST_DIRNAME/fixtures/two_rules"
	run -0 "$SCRIPTS/lab" table "$OUT/results.json"
	[[ "$output" == *"R29   conforms   1 "* ]]
	[[ "$output" == *"D4    known      1 "* ]]
	[[ "$output" != *"stale"* ]]
}

@test "two results make one table" {
	results <"$BATS_TEST_DIRNAME/fixtures/clean"
	cp "$OUT/results.json" "$OUT/first.json"
	results <"$BATS_TEST_DIRNAME/fixtures/known"
	run -0 "$SCRIPTS/lab" table "$OUT/first.json" "$OUT/results.json"
	[ "${lines[-1]}" = "3 passed, 0 failed, 0 skipped" ]
}

@test "the contract is the one the kernel says it speaks" {
	results <"$BATS_TEST_DIRNAME/fixtures/two_rules"
	[ "$(field .contract)" = rfc ]
}
