#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a commit must say of itself.

bats_require_minimum_version 1.5.0

setup() {
	mkdir -p "$BATS_TEST_TMPDIR/tree/scripts"
	cp -r "$BATS_TEST_DIRNAME"/../{commits,pmu_passthrough} "$BATS_TEST_TMPDIR/tree/scripts/"
	cd "$BATS_TEST_TMPDIR/tree" || return
	git init -q .
	git config user.name tester
	git config user.email tester@example.org
	commit "tree: Begin" "To have one."
}

# commit SUBJECT BODY
commit() {
	git commit -q --allow-empty -m "$1" -m "$2" -m "Signed-off-by: tester <tester@example.org>"
}

@test "a subject with its area and a body that says why are right" {
	commit "lab, host: Count exits" "They were counted twice."
	run -0 scripts/commits HEAD~1..HEAD
	[ -z "$output" ]
}

@test "no area, no capital, too long or no body are named" {
	commit "Count exits" "Why."
	commit "lab: count exits" "Why."
	commit "lab: Count exits $(printf '%060d' 0)" "Why."
	commit "lab: Count exits" ""
	run -1 scripts/commits HEAD~4..HEAD
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} == *": no body says why: lab: Count exits" ]]
	[[ ${lines[1]} == *": the subject has 77 characters, at most 72 are read" ]]
	[[ ${lines[2]} == *": the subject is not 'area: Imperative summary': lab: count exits" ]]
	[[ ${lines[3]} == *": the subject is not 'area: Imperative summary': Count exits" ]]
}

@test "a clone without the commit before the rule says that nothing was checked" {
	commit "Count exits" ""
	run -0 --separate-stderr scripts/commits
	[[ $stderr == "commits: not checked: this clone does not go back to "* ]]
}

@test "no range is bad input" {
	run -2 --separate-stderr scripts/commits nowhere
	[ "$stderr" = "commits: nowhere is no range of commits; see scripts/commits --help" ]
	run -2 scripts/commits HEAD HEAD
	run -2 scripts/commits --all
}

@test "a tree that git cannot read is no pass" {
	rm -rf .git
	run -2 scripts/commits
}
