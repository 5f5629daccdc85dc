#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# git bisect finds the commit that broke a rule, whatever else happens on the way.

bats_require_minimum_version 1.5.0

setup() {
	unset KERNEL CONTRACT
	export LAB_BUILD=$BATS_TEST_TMPDIR/build
	BISECT=$(realpath "$BATS_TEST_DIRNAME/../bisect")
	export PMU_BISECT_LAB=$BATS_TEST_TMPDIR/lab
	# In place of the lab: the tree says how its run ends.
	cat >"$PMU_BISECT_LAB" <<'X'
#!/bin/bash
if [[ $2 == --check ]]; then
	[[ $* != *--filter\ wrong* ]] || { echo "lab: no such case" >&2; exit 2; }
	exit 0
fi
[[ $KSRC == "$PWD" ]] || exit 9
while (($#)); do [[ $1 == --out ]] && out=$2; shift; done
state=$(cat state)
[[ $state != no-build ]] || exit 2
case $state in
bad) outcome=violates ;;
unclear) outcome=undecided ;;
*) outcome=conforms ;;
esac
jq -n --arg o "$outcome" '{ schema: 1, complete: true, machine: "m", contract: "mediated", kernel: "plain", cpus: 2, stale: [], facts: {}, verdict: $o,
	cases: [{ program: "p", case: "c", outcome: $o, reason: "", rules: [], said: [] }],
	totals: { conforms: ($o == "conforms" | if . then 1 else 0 end), known: 0, violates: ($o == "violates" | if . then 1 else 0 end), broken: 0, skip: 0, undecided: ($o == "undecided" | if . then 1 else 0 end) } }' >"$out/results.json"
[[ $outcome == conforms ]]
X
	chmod +x "$PMU_BISECT_LAB"
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE/tools/testing/selftests/kvm"
	cd "$TREE" || return
	touch Kbuild
	git init -q
	git config user.name t
	git config user.email t@example.org
	for state in good unclear good no-build good bad unclear bad; do
		printf '%s\n' "$state" >state
		date +%N >stamp
		git add -A
		git commit -q -m "$state"
	done
}

@test "the first bad commit is found past those that do not build or decide" {
	first=$(git log --format=%H --grep '^bad$' --reverse | head -n 1)
	git bisect start HEAD "$(git rev-list --max-parents=0 HEAD)"
	run -0 git bisect run "$BISECT" --filter 'M9*'
	[[ $output == *"$first is the first bad commit"* ]]
}

@test "what failed before is not bad" {
	run -1 "$BISECT"
	[[ $output == *"bad: p:c"* ]]
	cp "$LAB_BUILD/bisect/results.json" "$BATS_TEST_TMPDIR/then.json"
	run -0 "$BISECT" --since "$BATS_TEST_TMPDIR/then.json"
	[[ $output == *good* ]]
}

@test "help is help, wherever it stands" {
	run -0 "$BISECT" --filter 'M9*' --help
	[[ ${lines[0]} == "Usage: scripts/bisect"* ]]
}

@test "bad input ends the bisection" {
	run -128 "$BISECT" --check
	run -128 "$BISECT" --since=/nowhere
	run -128 "$BISECT" --since /nowhere
	[ "${#lines[@]}" -eq 1 ]
	run -128 "$BISECT" --out /tmp
	run -128 "$BISECT" --machine all
	[ "${#lines[@]}" -eq 1 ]
	run -128 "$BISECT" --kernel image
	MACHINE=all run -128 "$BISECT"
	run -128 "$BISECT" --filter wrong
	[ "$output" = "lab: no such case" ]
	printf '{}' >"$BATS_TEST_TMPDIR/odd.json"
	run -128 "$BISECT" --since "$BATS_TEST_TMPDIR/odd.json"
	[ "${#lines[@]}" -eq 1 ]
	LAB_BUILD=/proc/nowhere run -128 "$BISECT"
	[ "${#lines[@]}" -eq 1 ]
	cd /
	run -128 "$BISECT"
	[ "${#lines[@]}" -eq 1 ]
}
