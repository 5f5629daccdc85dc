#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The series for the emulators' projects, on the source that the lab builds from.

bats_require_minimum_version 1.5.0

# written NAME COUNT: so many mails that apply to each other, whose last leaves nothing
# of what is only the lab's.
written() {
	local out=$BATS_TEST_TMPDIR/$1
	export GIT_AUTHOR_NAME="A Sender" GIT_AUTHOR_EMAIL=sender@example.org
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	run -0 --separate-stderr "$BATS_TEST_DIRNAME/../../series" "$1" --out "$out"
	[ "${#lines[@]}" -eq "$(($2 + 1))" ]
	cat "${lines[@]:1}" >"$BATS_TEST_TMPDIR/all"
	grep -q '^+.*pmu' "$BATS_TEST_TMPDIR/all"
	run -1 grep -Ei '^\+.*(\brough[ _.(]|rough_|svm_tlb|smp_turn|wait_hint|getenv)' "$BATS_TEST_TMPDIR/all"
}

@test "the series for QEMU is written, without what is the lab's own" {
	written qemu 4
}

@test "the series for Bochs is written, without what is the lab's own" {
	written bochs 7
}
