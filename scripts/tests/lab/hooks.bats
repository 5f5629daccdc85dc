#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's patch as files to edit, and back.

setup() {
	bats_require_minimum_version 1.5.0
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE"
	cp -r "$BATS_TEST_DIRNAME"/../../../{configs,guest_code,lab,lib,scripts,selftests,Makefile} "$TREE/"
	HOOKS=$TREE/scripts/hooks
	PATCH=$TREE/lab/kernel/hooks.patch
}

# refused WORDS COMMAND...: one line, status 2, and the patch is what it was.
refused() {
	local words=$1
	shift
	run -2 --separate-stderr "$@"
	[ "$stderr" = "hooks: $words" ]
	cmp "$PATCH" "$BATS_TEST_DIRNAME/../../../lab/kernel/hooks.patch"
}

@test "a patch that nobody edited comes back the same byte for byte" {
	run -0 --separate-stderr "$HOOKS" edit
	[ "$output" = "$TREE/build/hooks/b" ]
	run -0 "$HOOKS" refresh
	cmp "$PATCH" "$BATS_TEST_DIRNAME/../../../lab/kernel/hooks.patch"
	[ ! -e "$TREE/build/hooks" ]
}

@test "an edit of a file it has, and of another, is in the patch" {
	run -0 --separate-stderr "$HOOKS" edit kernel/fork.c
	sed -i '1s|^|/* first */\n|' "$output/kernel/fork.c"
	sed -i '$s|$|\n/* last */|' "$output/kernel/events/core.c"
	run -0 "$HOOKS" refresh
	grep -qx '+/\* first \*/' "$PATCH"
	grep -qx '+/\* last \*/' "$PATCH"
	[ "$(grep -c '^+++ ' "$PATCH")" -eq "$(($(grep -c '^+++ ' "$BATS_TEST_DIRNAME/../../../lab/kernel/hooks.patch") + 1))" ]
}

@test "what makes no sense is refused, and nothing is lost" {
	refused "no verb; see scripts/hooks --help" "$HOOKS"
	refused "refresh does not take 'kernel/fork.c'" "$HOOKS" refresh kernel/fork.c
	refused "nothing is laid out: scripts/hooks edit" "$HOOKS" refresh
	refused "the kernel has no file 'kernel/nothing.c'" "$HOOKS" edit kernel/nothing.c
	refused "no option called '--all'; see scripts/hooks edit --help" "$HOOKS" edit --all
	run -0 "$HOOKS" edit
	refused "$TREE/build/hooks is there already: scripts/hooks refresh writes it back; remove it to begin again" \
		"$HOOKS" edit
	touch "$TREE/build/hooks/b/new.c"
	refused "$TREE/build/hooks/b/new.c is none of the kernel's files: new ones belong into lab/kernel/files" "$HOOKS" refresh
	rm "$TREE/build/hooks/b/new.c"
	cp -r "$TREE/build/hooks/a/." "$TREE/build/hooks/b/"
	refused "what is in $TREE/build/hooks/b makes no patch" "$HOOKS" refresh
	[ -d "$TREE/build/hooks/b" ]
}
