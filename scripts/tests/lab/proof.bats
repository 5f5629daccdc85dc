#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The tools that prove the suite: mutants, soak, explorer.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/results.bash
source "$BATS_TEST_DIRNAME/../results.bash"

setup() {
	SCRIPTS=$BATS_TEST_DIRNAME/../..
	LAB=$SCRIPTS/lab
	OUT=$BATS_TEST_TMPDIR/out
	unset KERNEL CONTRACT PMU_SEED PMU_ORDER PMU_DELAY_US PMU_PATIENCE
}

order_of() {
	grep -a '^@@lab program\|^ok' "$1/report.log" | sed 's/^ok [0-9]*//'
}

@test "every fault is killed by a case of its rule, or argued" {
	run -0 --separate-stderr "$SCRIPTS/mutants" --out "$OUT"
	[ "$(wc -l <"$OUT/rows")" -eq "$("$LAB" faults | wc -l)" ]
	[[ "${lines[-1]}" == *" faults killed, "*" by a case of their own rule, 1 equivalent" ]]
	# A case that fails the second time it is asked has killed nothing.
	local contract items
	for contract in mediated rfc; do
		mapfile -t items < <(sed -n "s|^amd-zen4/$contract/[^ ]* ||p" "$OUT/plan")
		run -0 --separate-stderr "$LAB" try --pretend --contract "$contract" --out "$OUT.pretend" "${items[@]}"
		[ "${#lines[@]}" -eq "${#items[@]}" ]
		[ "$(grep -c ' survived ' <<<"$output")" -eq "${#items[@]}" ]
	done
	# A sample is drawn from its seed, and nothing is run twice.
	touch "$BATS_TEST_TMPDIR/then"
	run -0 --separate-stderr "$SCRIPTS/mutants" --sample 4 --seed 1 --out "$OUT"
	[ "${lines[-1]}" = "4 of 4 faults killed, 4 by a case of their own rule, 0 equivalent" ]
	[ -z "$(find "$OUT" -name results.json -newer "$BATS_TEST_TMPDIR/then")" ]
}

@test "many faults in one boot: each is tried after the same case without it" {
	run -0 --separate-stderr "$LAB" try --contract rfc --out "$OUT" \
		wrong_errno=rfc_creation_test:R8_R22_after_the_vcpu_has_moved wakes=rfc_error_test:R13_enable_of_a_task_event
	[ "$output" = "wrong_errno          killed      rfc_creation_test:R8_R22_after_the_vcpu_has_moved
wakes                survived    rfc_error_test:R13_enable_of_a_task_event" ]
	[ "$(jq -r '[.fault, .facts["/sys/module/perf_guest/parameters/fault"], .totals.violates > 0] | join(" ")' \
		"$OUT/wrong_errno/results.json")" = "wrong_errno wrong_errno true" ]
	[ "$(jq -r '[.fault, .facts["/sys/module/perf_guest/parameters/fault"], .totals.conforms > 0] | join(" ")' \
		"$OUT/wrong_errno/control/results.json")" = " none true" ]
}

@test "what a fault leaves behind is nobody else's" {
	run -1 --separate-stderr "$LAB" try --out "$OUT" \
		claim_stays=claim_test:M9_the_vcpu_fd_keeps_the_claim \
		vm_passes=claim_test:M6_refused_beside_an_include_guest_event
	[ "${lines[0]}" = "claim_stays          killed      claim_test:M9_the_vcpu_fd_keeps_the_claim" ]
	[ "${lines[1]}" = "vm_passes            not tried: the case fails without the fault claim_test:M6_refused_beside_an_include_guest_event" ]
	run -0 --separate-stderr "$SCRIPTS/mutants" --out "$OUT" claim_stays vm_passes
	[ "${lines[-1]}" = "2 of 2 faults killed, 2 by a case of their own rule, 0 equivalent" ]
}

@test "a case that is skipped here says so, and the next is asked" {
	run -1 --separate-stderr "$LAB" try --out "$OUT" wrong_errno=rfc_group_test:R16_pinned_that_includes \
		vm_passes=claim_test:M6_refused_beside_an_include_guest_event
	[ "${lines[0]}" = "wrong_errno          not tried: here the case cannot be asked rfc_group_test:R16_pinned_that_includes" ]
	[ "${lines[1]}" = "vm_passes            killed      claim_test:M6_refused_beside_an_include_guest_event" ]
}

@test "a fault that the cases of its rule miss is looked for in the others" {
	local results
	run -0 "$SCRIPTS/mutants" --out "$OUT" wrong_errno
	# As if the case asked first had not killed it, and then as if none of R22 had.
	for results in "$OUT/wrong_errno.trial/results.json" "$OUT/wrong_errno/results.json" "$OUT/wrong_errno.rule/results.json"; do
		counted '.cases |= map(.outcome = "conforms" | .said |= map(sub("^# violates"; "# conforms")))' "$results" >"$results.new"
		mv "$results.new" "$results"
		run -0 --separate-stderr "$SCRIPTS/mutants" --out "$OUT" wrong_errno
		[ "${lines[-1]}" = "1 of 1 faults killed, 1 by a case of their own rule, 0 equivalent" ]
	done
	run ! grep -q wrong_errno "$OUT/killing-cases.list"
	# Not before the whole suite conformed on the kernel without a fault.
	[ "$(jq .complete "$OUT/none-amd-zen4-rfc-whole/results.json")" = true ]
	[ "$(jq -r .fault "$OUT/wrong_errno.whole/results.json")" = wrong_errno ]
}

@test "an interrupted matrix says so, and goes on where it stopped" {
	"$SCRIPTS/mutants" --jobs 1 --out "$OUT" wakes vm_passes event_denied >"$BATS_TEST_TMPDIR/said" 2>&1 &
	local pid=$! tries status=0
	for ((tries = 0; tries < 600; tries++)); do
		[ ! -s "$OUT/wakes/row" ] || break
		read -rt 0.1 <> <(:) || true
	done
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 2 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/said")" = "mutants: interrupted; the same command goes on from here" ]
	touch "$BATS_TEST_TMPDIR/then"
	run -0 "$SCRIPTS/mutants" --jobs 1 --out "$OUT" wakes vm_passes event_denied
	[ -z "$(find "$OUT/wakes.trial" -name results.json -newer "$BATS_TEST_TMPDIR/then")" ]
	[ -s "$OUT/event_denied.trial/results.json" ]
}

@test "--stop ends a run at its first failure" {
	run -1 "$LAB" run --contract rfc --fault wrong_errno --filter 'rfc_creation_test' --stop --out "$OUT"
	[ "$(jq -r '[.cases[] | select(.outcome == "violates")] | length' "$OUT/results.json")" -eq 1 ]
	[ "$(jq -c '[.complete, .totals.broken]' "$OUT/results.json")" = "[false,0]" ]
}

@test "an order is drawn from its number, for programs and cases" {
	for turn in 1 2; do
		PMU_ORDER=7 run -0 "$LAB" run --filter 'param_test,claim_test' --out "$OUT.$turn"
	done
	run -0 "$LAB" run --filter 'param_test,claim_test' --out "$OUT.3"
	diff <(order_of "$OUT.1") <(order_of "$OUT.2")
	run ! diff -q <(order_of "$OUT.1") <(order_of "$OUT.3")
	diff <(order_of "$OUT.1" | sort) <(order_of "$OUT.3" | sort)
	PMU_ORDER=x run -2 "$LAB" run
}

@test "a short soak is not flaky, and one that is is told" {
	local results=$OUT/run-0002/results.json
	run -0 --separate-stderr "$SCRIPTS/soak" --runs 4 --filter 'claim_test,rfc_group_test' --out "$OUT"
	[[ "${lines[-1]}" = "4 runs, "*" 0 failed always, 0 incomplete, 0 flaky" ]]
	touch "$BATS_TEST_TMPDIR/then"
	counted '(.cases[] | select(.case | endswith("M3_every_vm_claims")) | .outcome) = "undecided"' "$results" >"$results.new"
	mv "$results.new" "$results"
	run -1 --separate-stderr "$SCRIPTS/soak" --runs 4 --filter 'claim_test,rfc_group_test' --out "$OUT"
	[[ "$output" = *"flaky mediated claim_test:claim.M3_every_vm_claims"* ]]
	[ -z "$(find "$OUT"/run-* -name table -newer "$BATS_TEST_TMPDIR/then")" ]
}

@test "the explorer finds a broken kernel, and leaves a program that shows it" {
	local dir=$BATS_TEST_DIRNAME/../../../build/test/history
	mkdir -p "$dir"
	run -1 "$SCRIPTS/explore" --contract rfc --fault task_stays --seconds 60 --seed 2 --out "$OUT"
	[[ "$output" = *"the whole program is in $OUT/history.c"* ]]
	gcc -Wall -Wextra -Werror -O2 -pthread -o "$dir/history" "$OUT/history.c"
	run -0 "$LAB" exec --contract rfc --fault task_stays -- "$(realpath "$dir/history")"
	[[ "$output" = *alive* ]]
	run -0 "$LAB" exec --contract rfc -- "$(realpath "$dir/history")"
	[[ "$output" = *ERROR* ]]
}

@test "bad input is refused with one line" {
	local command
	while IFS='|' read -r command message; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$SCRIPTS"/$command
		[ "$output" = "" ]
		[ "${stderr_lines[*]}" = "$message" ]
	done <<-'EOF'
		mutants --sample none|mutants: --sample wants a number from 1, not 'none'
		mutants --faults|mutants: no option called '--faults'; see scripts/mutants --help
		mutants wakes,forgets|mutants: no fault called 'wakes,forgets'; see scripts/lab show faults
		mutants --out /proc/no wakes|mutants: cannot write results to /proc/no
		peers gremlin|peers: no fault called 'gremlin'; see scripts/lab show faults
		peers --code /dev/null|peers: /dev/null is no mutants.json of scripts/mutants --code
		peers --code x --contract rfc|peers: --contract wants mediated or emulated, not 'rfc'
		kills gremlin|kills: no fault called 'gremlin'; see scripts/lab show faults
		kills --seconds 0|kills: --seconds wants a number from 1, not '0'
		soak --cpus two|soak: --cpus wants a number from 1, not 'two'
		soak --contracts treaty|soak: no contract called 'treaty'; there is: mediated rfc rfc-as-posted emulated
		soak --runs|soak: --runs wants a value
		explore --seconds 4000|explore: --seconds 4000: a case may take 600 s in all, shrinking included
		soak --cpus 99|soak: --cpus 99: machine amd-zen4 has at most 16
		soak --filter M99|soak: no case matches --filter 'M99'; see scripts/lab show cases
		explore --fault gremlin|explore: no fault called 'gremlin'; see scripts/lab show faults
	EOF
}
