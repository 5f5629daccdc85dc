# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion for scripts/lab: source this from ~/.bashrc. What it offers comes
# from the program itself, so that it is never behind.

_pmu_lab_words() {
	local lab=$1 kind=$2
	case $kind in
	verbs) "$lab" --help | awk -F '  +' '/^  [a-z]/ { n = split($2, words, /[ ,]+/)
		for (i = 1; i <= n; i++) if (words[i] ~ /^[a-z]+$/) print words[i] }' ;;
	options) "$lab" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' ;;
	faults) "$lab" faults | cut -f 1 ;;
	cases) "$lab" cases ;;
	contracts) printf '%s\n' auto mediated rfc rfc-as-posted all ;;
	machines) (cd "$(dirname "$lab")/../configs/machines" && printf '%s\n' *.conf all | sed 's/\.conf$//') ;;
	esac 2>/dev/null
}

_pmu_lab() {
	local lab=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} kind=options
	if ((COMP_CWORD == 1)); then
		kind=verbs
	else
		case ${COMP_WORDS[COMP_CWORD - 1]} in
		--fault) kind=faults ;;
		--filter) kind=cases ;;
		--contract) kind=contracts ;;
		--machine) kind=machines ;;
		--kernel | --out)
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
			;;
		*) [[ ${COMP_WORDS[1]} != try || $word == -* ]] || kind=faults ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_pmu_lab_words "$lab" "$kind")" -- "$word")
}

# A case is called program:case, and bash takes the colon for a break.
COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}
complete -F _pmu_lab lab scripts/lab ./scripts/lab
