#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Processors that count otherwise than the manual says: what is measured of them, and
# that a correct kernel conforms on them all the same.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"

setup() {
	LAB=$BATS_TEST_DIRNAME/../../lab
	OUT=$BATS_TEST_TMPDIR/out
	unset KERNEL CONTRACT MACHINE ROUGH_GIVEN ROUGH_STRENGTH ROUGH_SEED
}

# measured NAME: a value of the calibration.
measured() {
	field ".facts.calibration | split(\",\")[] | select(startswith(\"$1=\")) | sub(\".*=\"; \"\")"
}

# What an interrupt in user space adds: one. Built by gcc 14, the measuring program gains
# one more on every machine, whatever its loop is made of; not understood.
interrupts_add_one() {
	local most=1
	(($(gcc -dumpversion | cut -d . -f 1) < 14)) || most=2
	(($(measured interrupt_instructions) >= 1 && $(measured interrupt_instructions) <= most))
}

conforms() {
	"$LAB" run "$@" --out "$OUT" >"$OUT.table" 2>&1 || {
		tail -n 40 "$OUT.table"
		return 1
	}
	[ "$(field .verdict)" = "conforms but for known defects" ]
	[ "$(field .totals.undecided)" -eq 0 ]
}

@test "an AMD machine as rough as silicon raises no false alarm" {
	conforms --machine amd-zen4-rough
	[[ $(field .rough) == "late=400 "*" seed=0" ]]
	[ "$(measured entry_instructions) $(measured entry_branches)" = "1 1" ]
	interrupts_add_one
	[ "$(measured fault_instructions)" = 1 ]
	(($(measured overflow_late) > 200))
	[ "$(field .facts.calibration_fits)" = yes ]
	# There were such NMIs, and the machine was busy with others' interrupts.
	grep -q 'NMI received for unknown reason' "$OUT/console.log"
}

@test "nor does an Intel machine" {
	conforms --machine intel-v5-rough --boots 2
	[ "$(measured entry_instructions) $(measured entry_branches)" = "0 0" ]
	interrupts_add_one
	[ "$(measured fault_instructions)" = 1 ]
	(($(measured overflow_late) > 200))
}

@test "an Atom's entries are measured, and expected of its kernel" {
	run -0 "$LAB" run --machine intel-atom --out "$OUT" \
		--filter guest_count_test,guest_emulate_test,load_put_test,guest_filter_test:D25*
	[ "$(field .verdict)" = conforms ]
	[ "$(measured entry_instructions) $(measured entry_branches)" = "2 2" ]
	[ "$(field .facts.calibration_known)" = nothing ]
	[ "$(field .facts.calibration_fits)" = "unknown processor" ]
}

@test "fixed counters with a gap are counted by their mask" {
	run -0 "$LAB" run --machine intel-sparse --out "$OUT" --filter guest_access_test,guest_count_test,guest_emulate_test,guest_counters_test,ownership_test
	[ "$(field .verdict)" = conforms ]
	[ "$(field .facts.pmu_counters)" = "8 general, 6 fixed, 48 bits" ]
}

@test "what is measured on a clean machine is what it does" {
	run -0 "$LAB" run --filter param_test --out "$OUT"
	[ "$(field .facts.calibration)" = \
		"entry_instructions=1,entry_branches=1,fault_entry_instructions=1,fault_entry_branches=1,interrupt_instructions=$(measured interrupt_instructions),fault_instructions=1,overflow_late=$(measured overflow_late),exact=1" ]
	interrupts_add_one
	(($(measured overflow_late) < 32))
}

# programs COMMAND: in the emulated host, where the suite's programs are.
programs() {
	local suite
	suite=$("$LAB" build 2>&1 | sed -n 's/^lab: suite *//p')
	"$LAB" exec -- sh -c "cd $suite && $1"
}

@test "a machine that is not what its table says is said to be one, and blames no kernel" {
	run -0 programs "PMU_CALIBRATION=entry_instructions=0,entry_branches=0 ./guest_count_test -t M57_after_interrupts_few_and_many
		PMU_CALIBRATION=entry_instructions=0,entry_branches=0 ./guest_emulate_test -t M34_emulated_instructions_are_counted
		PMU_CALIBRATION=entry_instructions=0,entry_branches=0 ./guest_count_test -t M41_branches_are_counted_exactly"
	[[ $output == *"# broken about this machine, or what it does at each VM entry: 0 instructions and 0 branches"* ]]
	[[ $output == *"# undecided M34:"* ]]
	# Without an entry in it, it is no question.
	[[ $output == *"# conforms M41"* ]]
	[[ $output != *"# violates"* ]]
}

@test "calibrate takes no word it does not know" {
	run -0 programs "./calibrate --fast; echo status \$?; ./calibrate
		PMU_CALIBRATION=entry=1 ./guest_count_test; echo status \$?"
	[[ $output == *"calibrate: usage: calibrate [--facts]"* ]]
	[ "$(grep -c "^status 2" <<<"$output")" -eq 2 ]
	[[ $output == *"guest_count_test: PMU_CALIBRATION wants what calibrate prints, not 'entry=1'"* ]]
	[[ $output == *"entry_instructions "*"1: instructions of a guest that a VM entry adds, after an interrupt"* ]]
	[[ $output == *"known: AMD Zen 3 and 4, VMRUN counts in the guest"* ]]
}

@test "the same roughness is the same run" {
	run -0 "$LAB" run --machine amd-zen4-rough --icount --filter guest_pmi_test --out "$OUT"
	run -0 "$LAB" replay "$OUT"
}

@test "what a rough machine does can be seen on it, and not on the clean one" {
	count() {
		"$LAB" exec --machine "$1" -- perf stat -x, -e cycles:u,instructions:u -- sh -c 'i=0; while [ $i -lt 9999 ]; do i=$((i + 1)); done' |
			tr -d '\r' | awk -F, '/cycles:u/ { c = $1 } /instructions:u/ { i = $1 } END { printf "%d\n", c * 100 / i }'
	}
	[ "$(count amd-zen4)" -eq 100 ]
	cycles=$(count amd-zen4-rough)
	((cycles > 120 && cycles < 150))
	# Its interrupts are in the line of those between processors.
	run -0 "$LAB" exec --machine amd-zen4-rough -- sh -c \
		'perf stat -a sleep 1 2>/dev/null; sed -n "s/^ *RES: *\([0-9]*\).*/\1/p" /proc/interrupts'
	((output > 500))
}
