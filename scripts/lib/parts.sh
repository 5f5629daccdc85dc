# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The first stage of scripts/mutants: faults dealt out to boots, each asked the case
# that killed it last time (scripts/lab try).

# What goes into one boot: not so much that the machine's cores wait for one.
FAULTS_A_BOOT=10

# Faults that have a case to begin with, each with the boot it goes into, as
# "machine/contract/N fault=case".
plan() {
	local fault how case
	for fault in "${WANTED[@]}"; do
		how=$(how_of "$fault")
		case=$(killing_case "$fault")
		[[ $how == @(boot|debug) || -z $case ]] ||
			printf '%s/%s %s=%s %s\n' "$(machine_of "$fault")" "$(contract_of "$fault")" "$fault" "$case" "$how"
	done | awk -v most="$FAULTS_A_BOOT" '$3 == "alone" { print $1 "/alone-" ++alone, $2; next }
		{ k = n[$1]++; print $1 "/" int(k / most), $2 }'
}

# tried FAULT: has it been, in this state?
tried() {
	[[ $(cat "$OUT/$1.trial/state" 2>/dev/null || true) == "$STATE $(killing_case "$1")" ]]
}

# trial_part PART: all of a part, in as many boots as it takes: one ends early when a
# fault leaves something behind.
trial_part() {
	local machine contract part item fault dir=$OUT/trials-${1//\//-} todo=() left
	IFS=/ read -r machine contract part <<<"$1"
	mapfile -t left < <(awk -v part="$1" '$1 == part { print $2 }' "$OUT/plan")
	while :; do
		todo=("${left[@]}") left=()
		for item in "${todo[@]}"; do
			fault=${item%%=*}
			if tried "$fault"; then
				killed_in_trial "$fault"
			else
				left+=("$item")
			fi
		done
		((${#left[@]})) || return 0
		rm -rf "$dir"
		mkdir -p "$dir"
		"$LAB" try --machine "$machine" --contract "$contract" --out "$dir" "${left[@]}" \
			>"$dir/table" 2>"$dir/progress" || (($? == 1)) ||
			die "$(tail -n 1 "$dir/progress")"
		rm -f "$dir/initrd" "$dir/disk.iso"
		for item in "${left[@]}"; do
			fault=${item%%=*}
			# What cannot be asked here leaves its control: that is an answer.
			! grep -q "^$fault  *not tried: here" "$dir/table" || mv "$dir/$fault.control" "$dir/$fault"
			[[ -s $dir/$fault/results.json ]] || continue
			rm -rf "$OUT/$fault.trial"
			mv "$dir/$fault" "$OUT/$fault.trial"
			printf '%s %s\n' "$STATE" "${item#*=}" >"$OUT/$fault.trial/state"
		done
		# The first in a fresh kernel has nobody to blame.
		tried "${left[0]%%=*}" ||
			die "the case ${left[0]#*=} does not conform on the kernel without a fault; see $dir/table"
	done
}

# Its row, if the trial killed it.
killed_in_trial() {
	local fault=$1 rule killer
	rule=$(rule_of "$fault")
	[[ $(jq -r .fault "$OUT/$fault.trial/results.json") == "$fault" ]] || return 0
	has_fault "$fault" "$OUT/$fault.trial"
	killer=$(first_case "$OUT/$fault.trial" "$rule")
	[[ -n $killer ]] || return 0
	rm -rf "${OUT:?}/$fault" "$OUT/$fault".{rule,whole}
	mkdir -p "$OUT/$fault"
	printf '%s\n' "$STATE" >"$OUT/$fault/state"
	row "$fault" "$rule" killed "$killer"
}
