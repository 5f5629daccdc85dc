# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A run on several machines (--machine all), and one table of it.

# The arguments of this invocation without what each machine has of its own.
arguments_for_each() {
	EACH=()
	while (($#)); do
		case $1 in
		--machine | --out) shift 2 ;;
		*)
			EACH+=("$1")
			shift
			;;
		esac
	done
}

# Every machine at the same time, each in a folder below OUT: one emulator works
# with one thread, the other waits for real time.
verb_run_machines() {
	local out=${OUT:-$BUILD/run} machine status=0 one files=()
	declare -A pids=()
	mkdir -p "$out" 2>/dev/null || die "cannot write results to $out"
	for machine in "${MACHINES[@]}"; do
		"$TOP/scripts/lab" build --machine "$machine" || return
	done
	for machine in "${MACHINES[@]}"; do
		rm -rf "${out:?}/$machine"
		"$TOP/scripts/lab" "${EACH[@]}" --machine "$machine" --out "$out/$machine" >"$out/$machine.table" &
		pids[$machine]=$!
		RUN_PIDS+=("$!")
	done
	for machine in "${MACHINES[@]}"; do
		one=0
		wait "${pids[$machine]}" || one=$?
		((one <= status)) || status=$one
	done
	RUN_PIDS=()
	((status < 2)) || return "$status"
	mapfile -t files < <(find "$out" -name results.json | sort)
	results_table "${files[@]}"
	return "$status"
}
