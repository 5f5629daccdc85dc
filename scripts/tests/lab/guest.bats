#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Guests that program the PMU: what the suite says of guests that break, of
# machines that lack something, and of kernels that are broken; and the findings.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"
# shellcheck source=scripts/tests/lab/tools.bash
source "$BATS_TEST_DIRNAME/tools.bash"

setup() {
	SCRIPTS=$BATS_TEST_DIRNAME/../..
	LAB=$SCRIPTS/lab
	OUT=$BATS_TEST_TMPDIR/out
	unset CONTRACT KERNEL
}

@test "a guest that shuts down is told with the step it had come to" {
	local broken
	broken=$(tool broken)
	run ! --separate-stderr "$LAB" exec -- "$broken" dies
	[ "$status" -ne 4 ]
	[[ "$output$stderr" == *"step 2"*"SHUTDOWN"* ]]
}

@test "so is one that never comes back" {
	local broken
	broken=$(tool broken)
	run ! --separate-stderr "$LAB" exec -- "$broken" hangs
	[ "$status" -ne 4 ]
	[[ "$output$stderr" == *"the guest hangs at heartbeat"*"step 2"* ]]
}

@test "without nesting its cases are skipped with that need" {
	run -1 "$LAB" run --append kvm_amd.nested=0 --filter '*M37*' --out "$OUT"
	[ "$(field '[.cases[].reason] | unique | join(",")')" = "needs nested virtualisation" ]
}

@test "with one CPU the guests' programs are skipped with that need" {
	run -1 "$LAB" run --cpus 1 --filter ownership_test --out "$OUT"
	[ "$(field '[.cases[].reason] | unique | join(",")')" = "needs two CPUs" ]
}

@test "a seed that is given is drawn from, and printed" {
	PMU_SEED=12345 run -0 "$LAB" run --filter 'race_test:M14*' --out "$OUT"
	[[ "$(field '.cases[0].said | join(" ")')" == *"seed 12345,"* ]]
}

@test "the findings show on the unmodified kernel, without the suite" {
	# Where the lab can see it: its own /tmp is empty.
	local name program=$SCRIPTS/../build/test-tools/reproduce
	mkdir -p "${program%/*}"
	gcc -O2 -Wall -Wextra -Werror -pthread -o "$program" "$SCRIPTS/../upstream/findings/reproduce.c"
	program=$(realpath "$program")
	for name in backwards page fresh watchdog mapping cgroup warning enable arrives; do
		run -1 --separate-stderr "$LAB" exec -- "$program" "$name"
		[ "${#lines[@]}" -eq 1 ]
	done
	run -2 "$program" nothing
}

@test "so do those about children" {
	local program=$SCRIPTS/../build/test-tools/children name
	mkdir -p "${program%/*}"
	gcc -O2 -Wall -Wextra -Werror -o "$program" "$SCRIPTS/../upstream/findings/children.c"
	program=$(realpath "$program")
	for name in ended own; do
		run -1 --separate-stderr "$LAB" exec -- "$program" "$name"
	done
	run -2 "$program" nothing
}

@test "so do those about a saved vCPU" {
	local program=$SCRIPTS/../build/test-tools/saved contract name
	mkdir -p "${program%/*}"
	gcc -O2 -Wall -Wextra -Werror -o "$program" "$SCRIPTS/../upstream/findings/saved.c"
	program=$(realpath "$program")
	for contract in 1 0; do
		for name in overflow listed; do
			run -1 --separate-stderr "$LAB" exec \
				--append kvm_amd.enable_mediated_pmu=$contract -- "$program" "$name"
		done
	done
	run -2 "$program" nothing
}

@test "so does the one that breaks a CPU, with the suite and without" {
	local program=$SCRIPTS/../build/test-tools/stuck suite
	mkdir -p "${program%/*}"
	gcc -O2 -Wall -Wextra -Werror -o "$program" "$SCRIPTS/../upstream/findings/stuck.c"
	program=$(realpath "$program")
	run -1 --separate-stderr "$LAB" exec -- "$program"
	[[ "$output" == "the same work: "*" instructions before, 0 after" ]]
	suite=$("$LAB" build 2>&1 | sed -n 's/^lab: suite *//p')
	run -0 "$LAB" exec --append kvm_amd.enable_mediated_pmu=1 -- \
		env PMU_MAY_BREAK=1 "$suite/survivors_test" -t D47_it_goes_to_error
	[[ "$output" == *"# XFAIL known D47"* ]]
}

@test "so does the one about a group that is throttled" {
	local program=$SCRIPTS/../build/test-tools/throttled machine
	mkdir -p "${program%/*}"
	gcc -O2 -Wall -Wextra -Werror -o "$program" "$SCRIPTS/../upstream/findings/throttled.c"
	program=$(realpath "$program")
	for machine in amd-zen4 intel-v5; do
		run -1 --separate-stderr "$LAB" exec --machine $machine -- "$program"
		[[ "$output" == "leader: "*"sibling: "*" samples" ]]
	done
}
