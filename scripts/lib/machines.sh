# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A run on several machines (--machine all), and one table of it.

# Those that "all" stands for: an AMD one and an Intel one.
MACHINES=(amd-zen4 intel-v5)

# The arguments of this invocation without what each machine has of its own.
arguments_for_each() {
	EACH=()
	while (($#)); do
		case $1 in
		--machine | --out) shift 2 ;;
		--) return ;;
		*)
			EACH+=("$1")
			shift
			;;
		esac
	done
}

# What one of them cannot do, none of them does. Other verbs look at no machine, or
# at one.
check_all_machines() {
	local machine
	case $VERB in
	run)
		for machine in "${MACHINES[@]}"; do
			(MACHINE=$machine && check_options) || exit 2
		done
		;;
	exec | shell | payload | build | replay | try) die "--machine all is for run" ;;
	*)
		FOR_ALL=yes
		MACHINE=${MACHINES[0]}
		check_options
		;;
	esac
}

# What every machine needs, before two at once look for it.
build_for_all() {
	local machine wanted=()
	[[ -z $IMAGE ]] || wanted+=(--kernel "$IMAGE")
	[[ -z $FAULT && $VARIANT != reference && $CONTRACT != rfc* ]] || wanted+=(--reference)
	[[ $VARIANT != debug ]] || wanted+=(--debug)
	for machine in "${MACHINES[@]}"; do
		env -u CONTRACT -u MACHINE -u KERNEL "$TOP/scripts/lab" build --machine "$machine" "${wanted[@]}" ||
			return 2
	done
}

# Every machine at the same time, each in a folder below OUT: one emulator works
# with one thread, the other waits for real time.
verb_run_machines() {
	local out=${OUT:-$BUILD/run} machine status=0 one files=()
	declare -A pids=()
	mkdir -p "$out" 2>/dev/null || die "cannot write results to $out"
	build_for_all || return
	for machine in "${MACHINES[@]}"; do
		rm -rf "${out:?}/$machine"
		"$TOP/scripts/lab" "${EACH[@]}" --machine "$machine" --out "$out/$machine" >"$out/$machine.table" &
		pids[$machine]=$!
		RUN_PIDS+=("$!")
	done
	for machine in "${MACHINES[@]}"; do
		one=0
		wait "${pids[$machine]}" || one=$?
		((one < 2)) || one=2
		((one <= status)) || status=$one
	done
	RUN_PIDS=()
	mapfile -t files < <(find "${MACHINES[@]/#/$out/}" -name results.json 2>/dev/null | sort)
	((${#files[@]} == 0)) || results_table "${files[@]}"
	return "$status"
}
