#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Completion offers what the commands take.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	# shellcheck source=scripts/completion.bash
	source scripts/completion.bash
}

offered() {
	COMP_LINE="scripts/lab $*"
	COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_WORDS=(scripts/lab "$@") COMPREPLY=()
	_pmu_passthrough
	printf '%s\n' "${COMPREPLY[@]% }"
}

@test "every verb is offered, and each is taken" {
	run -0 offered ""
	[[ " ${lines[*]} " == *" run "* && " ${lines[*]} " == *" replay "* && " ${lines[*]} " == *" exec "* ]]
	[[ " ${lines[*]} " == *" show "* ]]
	for verb in "${lines[@]}"; do
		run -0 scripts/lab "$verb" --help
		[[ $output != *"no verb called"* ]]
	done
}

@test "options, faults, cases, contracts and machines are offered" {
	run -0 offered run --fi
	[ "$output" = "--filter" ]
	run -0 offered run --fault claim_e
	[ "$output" = claim_early ]
	run -0 offered run --filter param_test:M1_
	[ "${#lines[@]}" -ge 1 ]
	[[ ${lines[0]} == param_test:M1_* ]]
	run -0 offered run --contract rf
	[ "${lines[*]}" = "rfc rfc-as-posted" ]
	run -0 offered run --machine ""
	[[ " ${lines[*]} " == *" amd-zen4 "* ]]
}

@test "other commands complete as well" {
	COMP_LINE="scripts/report ht" COMP_POINT=17 COMP_TYPE=9 COMP_WORDS=(scripts/report ht) COMPREPLY=()
	_pmu_passthrough
	[ "${COMPREPLY[*]% }" = html ]
}

@test "nothing is offered where nothing fits" {
	run -0 offered run --fault no_such
	[ -z "$output" ]
}
