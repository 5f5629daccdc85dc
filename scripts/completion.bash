# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of the commands in scripts/: source this from ~/.bashrc. What it offers the
# commands say themselves (argcomplete), so that it is never behind.

_pmu_passthrough() {
	local IFS=$'\013' offered
	offered=$(IFS='' COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_TYPE=$COMP_TYPE \
		_ARGCOMPLETE=1 _ARGCOMPLETE_COMP_WORDBREAKS=$COMP_WORDBREAKS _ARGCOMPLETE_SUPPRESS_SPACE=0 \
		"${COMP_WORDS[0]}" 8>&1 9>/dev/null 1>/dev/null 2>/dev/null)
	# shellcheck disable=SC2206 # words, separated by IFS
	COMPREPLY=($offered)
}

_pmu_commands() {
	local name
	for name in lab host report rules mutants soak explore kills peers ksft measure hooks series test; do
		printf '%s\n' "$name" "scripts/$name" "./scripts/$name" "pmu-passthrough-$name"
	done
}

# A case is called program:case, and bash takes the colon for a break.
COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}
mapfile -t _pmu_names < <(_pmu_commands)
# Nothing but ours: "test" is bash's own.
for _pmu_name in "${_pmu_names[@]}"; do
	[[ $(type -t "$_pmu_name") == builtin ]] || complete -o default -F _pmu_passthrough "$_pmu_name"
done
unset _pmu_name _pmu_names
