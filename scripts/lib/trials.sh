# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Many faults in one boot. Each is asked one case, twice: with no fault in the
# kernel, and with this one. The first run is the second's control: it says that
# nothing is left of the faults before.

# A program's share of time: longer than a case waits for anything.
trial_patience() {
	local seconds=$((40 * ${PMU_PATIENCE:-1}))
	[[ $EMULATED_BY == qemu ]] || seconds=$((seconds * 3))
	printf '%s\n' "$seconds"
}

# Is there such a case, written with its fixture and variant or without? Variants are
# made by macros: what is none of them is told by the program.
case_exists() {
	local program=${1%%:*} name=${1#*:}
	grep -qxF -- "$program:${name##*.}" <<<"$CASES" || return 1
	[[ $name != *.* ]] || grep -qE "^TEST_F[A-Z_]*\\(${name%%.*}, *${name##*.}[,)]" "$TOP/selftests/$program.c"
}

check_trials() {
	local item
	((${#REST[@]})) || die "try wants FAULT=PROGRAM:CASE"
	cases_known
	[[ -z $IMAGE$FAULT && $CONTRACT != all && $VARIANT != debug ]] ||
		die "try is for the reference kernel: no --kernel, --fault, --debug or --contract all"
	for item in "${REST[@]}"; do
		[[ $item == ?*=?*:?* ]] || die "try wants FAULT=PROGRAM:CASE, not '$item'"
		check_faults "${item%%=*}"
		[[ $(how_of "${item%%=*}") != boot ]] || die "the fault ${item%%=*} is one to boot with: scripts/lab run --fault"
		case_exists "${item#*=}" || unknown_case "no case called" "${item#*=}"
	done
	item=$(printf '%s\n' "${REST[@]%%=*}" | sort | uniq -d | head -n 1)
	[[ -z $item ]] || die "one case for each fault: $item is there twice"
}

trials_job() {
	local item trials='' given options="--machine $MACHINE --contract $CONTRACT"
	for item in "${REST[@]}"; do
		trials+=" ${item/=/:}"
	done
	for item in "${PASSED_ON[@]}"; do
		[[ -z ${!item:-} ]] || printf 'export %s=%s\n' "$item" "${!item}"
	done
	given=$(passed_on)
	[[ $CPUS == 2 ]] || options+=" --cpus $CPUS"
	printf 'JOB=try\nTRIALS=%s\nPRETEND=%s\nLAB_TIMEOUT=%s\nAGAIN=%s\n' "$(sh_quote "$trials")" "$PRETEND" \
		"$(trial_patience)" "$(sh_quote "${given}scripts/lab run $options")"
}

# stuck OUT: wait until nothing was said for longer than a program may take. False
# if the boot ended before: known within a second, as the shell does not notice that
# a process has ended while it reads.
stuck() {
	local silent=0 status most
	most=$(($(trial_patience) + 5))
	while ((silent < most)); do
		status=0
		IFS= read -r -t 1 || status=$?
		silent=$((status > 128 ? silent + 1 : 0))
		((status == 0 || status > 128)) || return 1
	done < <(tail -s 0.1 -n +1 -f --pid="$BOOT_PID" "$1/report.log" 2>/dev/null)
}

# part_of_report FILE FAULT NOW: what was said while the kernel had the fault NOW in
# the trial of FAULT, as the report of a boot of its own.
part_of_report() {
	awk -v trial="@@lab trial $2 $3" '
		/^@@lab fact / && !seen { print; next }
		{ sub(/\r$/, "") }
		/^@@lab (trial|tried) / { if (on) print "@@lab end"; seen = 1; on = ($0 == trial) }
		on { print }' "$1"
}

part_of_console() {
	awk -v trial="pmu_passthrough: trial $2 $3" '
		{ sub(/\r$/, "") }
		/pmu_passthrough: trial / { on = substr($0, length($0) - length(trial) + 1) == trial }
		on { print }' "$1"
}

# trial_results FAULT NOW DIR ENDED SECONDS: results.json of one of the two, if it
# began.
trial_results() {
	local fault=$1 now=$2 dir=$3 ended=$4 context
	grep -a -q "^@@lab trial $fault $now" "$OUT/report.log" || return 1
	mkdir -p "$dir"
	part_of_report "$OUT/report.log" "$fault" "$now" >"$dir/report.log"
	part_of_console "$OUT/console.log" "$fault" "$now" >"$dir/console.log"
	context=$(run_context "$5" | jq --arg fault "${now#none}" '.fault = $fault')
	results_make "$dir" "$ended" "$context"
}

# trial_row ITEM ENDED SECONDS: one line, what became of it. False if it was not tried.
trial_row() {
	local fault=${1%%=*} words tried=yes
	if trial_results "$fault" "$fault" "$OUT/$fault" "$2" "$3"; then
		words=$(jq -r 'if .totals.violates + .totals.undecided > 0 then "killed" else "survived" end' \
			"$OUT/$fault/results.json")
		trial_results "$fault" none "$OUT/$fault/control" yes "$3"
	elif trial_results "$fault" none "$OUT/$fault.control" "$2" "$3"; then
		tried=
		words=$(jq -r '"not tried: " + if .complete and all(.cases[]; .outcome == "skip" or .case == "plan")
			then "here the case cannot be asked" else "the case fails without the fault" end' \
			"$OUT/$fault.control/results.json")
	else
		tried='' words="not reached"
	fi
	printf '%-20s %-11s %s\n' "$fault" "$words" "${1#*=}"
	[[ -n $tried ]]
}

# What every trial leaves in OUT/FAULT is what a run leaves; the run before it, with
# no fault, is in control below.
verb_try() {
	local item ended=yes status=0 began
	prepare_out
	for item in "${REST[@]}"; do
		rm -rf "${OUT:?}/${item%%=*}" "${OUT:?}/${item%%=*}.control"
	done
	prepare
	say "booting $(basename "$(dirname "$EMULATOR")")/$MACHINE, ${#REST[@]} faults, results in $OUT"
	trials_job >"$OUT/job"
	began=$SECONDS
	WATCHED_BY=stuck
	# Nobody waits this long: silence ends it.
	TIMEOUT=$((${#REST[@]} * 2 * $(trial_patience) + 120))
	run_initrd || status=$?
	check_emulator "$status"
	((status == 0)) || ended=no
	status=0
	for item in "${REST[@]}"; do
		trial_row "$item" "$ended" $((SECONDS - began)) || status=1
	done
	return "$status"
}
