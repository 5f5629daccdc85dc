#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The suite in a kernel tree: put there, brought up to date, taken away.

bats_require_minimum_version 1.5.0

setup() {
	KSFT=$BATS_TEST_DIRNAME/../ksft
	TREE=$BATS_TEST_TMPDIR/tree
	SELFTESTS=$TREE/tools/testing/selftests
	FOLDER=$SELFTESTS/pmu_passthrough
	mkdir -p "$SELFTESTS"
	: >"$TREE/Kbuild"
	: >"$SELFTESTS/lib.mk"
	printf 'TARGETS += perf_events\nTARGETS += pidfd\nTARGETS += power_supply\nTARGETS += sched\n' \
		>"$SELFTESTS/Makefile"
	cp -r "$TREE" "$BATS_TEST_TMPDIR/before"
}

unchanged() {
	diff -r "$TREE" "$BATS_TEST_TMPDIR/before"
}

@test "install puts a folder and a line at their places" {
	run -0 "$KSFT" install "$TREE"
	[ "$(sed -n 3p "$SELFTESTS/Makefile")" = "TARGETS += pmu_passthrough" ]
	[ "$(grep -c . "$SELFTESTS/Makefile")" -eq 5 ]
	grep -qx 'include ../lib.mk' "$FOLDER/Makefile"
	[ -s "$FOLDER/config" ]
	[ -s "$FOLDER/settings" ]
	[ -s "$FOLDER/known/mediated.list" ]
	[ ! -L "$FOLDER" ]
	[ ! -e "$FOLDER/lib/tests" ]
	# Flat names, as the installed suite is: none twice.
	[ -z "$(find "$FOLDER" -name '*_test.c' -printf '%f\n' | sort | uniq -d)" ]
	# Every program of the suite came along.
	[ "$(find "$FOLDER" -name '*_test.c' | wc -l)" -eq "$(find "$BATS_TEST_DIRNAME/../../selftests" -maxdepth 1 -name '*_test.c' | wc -l)" ]
}

@test "install again changes nothing, and remove leaves the tree as it was" {
	run -0 "$KSFT" install "$TREE"
	cp -r "$TREE" "$BATS_TEST_TMPDIR/once"
	run -0 "$KSFT" install "$TREE"
	[[ $output == *"is up to date" ]]
	diff -r "$TREE" "$BATS_TEST_TMPDIR/once"
	run -0 "$KSFT" remove "$TREE"
	unchanged
	run -0 "$KSFT" remove "$TREE"
	[[ $output == *"is not there" ]]
}

@test "an older version is brought up to date" {
	run -0 "$KSFT" install "$TREE"
	(cd "$FOLDER" && echo "timeout=1" >settings &&
		find . -type f ! -name .installed | LC_ALL=C sort | xargs sha256sum | sed 's|  \./|  |' >../sums && mv ../sums .installed)
	run -0 "$KSFT" install "$TREE"
	[ "$(cat "$FOLDER/settings")" = "timeout=300" ]
	[ -z "$(find "$SELFTESTS" -maxdepth 1 -name '.pmu*')" ]
}

@test "what was built there does not stand in the way" {
	run -0 "$KSFT" install "$TREE"
	mkdir -p "$FOLDER/obj/lib" "$FOLDER/libkvm"
	touch "$FOLDER/obj/lib/x.o" "$FOLDER/claim_test" "$FOLDER/libkvm.a"
	run -0 "$KSFT" remove "$TREE"
	unchanged
}

@test "a list that ends before the target takes it at its end" {
	printf 'TARGETS += acct\nTARGETS += pidfd\n\nall:\n' >"$SELFTESTS/Makefile"
	cp "$SELFTESTS/Makefile" "$BATS_TEST_TMPDIR/list"
	run -0 "$KSFT" install "$TREE"
	[ "$(sed -n 3p "$SELFTESTS/Makefile")" = "TARGETS += pmu_passthrough" ]
	run -0 "$KSFT" remove "$TREE"
	cmp "$SELFTESTS/Makefile" "$BATS_TEST_TMPDIR/list"
}

@test "a list keeps its bytes and its ends of lines" {
	local text
	for text in 'TARGETS += a\nTARGETS += z' 'TARGETS += a\r\nTARGETS += z\r\n' '# caf\xe9\nTARGETS += a\n' 'TARGETS +=a\n'; do
		# shellcheck disable=SC2059 # the format is the text
		printf "$text" >"$SELFTESTS/Makefile"
		cp "$SELFTESTS/Makefile" "$BATS_TEST_TMPDIR/list"
		run -0 "$KSFT" install "$TREE"
		[ "$(tr -d '\r' <"$SELFTESTS/Makefile" | grep -acx 'TARGETS += pmu_passthrough')" -eq 1 ]
		run -0 "$KSFT" remove "$TREE"
		cmp "$SELFTESTS/Makefile" "$BATS_TEST_TMPDIR/list"
	done
}

@test "files of others with a like name stay" {
	touch "$SELFTESTS/.pmu_passthrough.swp"
	mkdir "$SELFTESTS/.pmu_passthrough.mine"
	run -0 "$KSFT" install "$TREE"
	[ -e "$SELFTESTS/.pmu_passthrough.swp" ]
	[ -e "$SELFTESTS/.pmu_passthrough.mine" ]
}

@test "a folder may be called anything" {
	mv "$TREE" "$BATS_TEST_TMPDIR/a&b [1] |"
	run -0 "$KSFT" install "$BATS_TEST_TMPDIR/a&b [1] |"
	run -0 "$KSFT" install "$BATS_TEST_TMPDIR/a&b [1] |"
	run -0 "$KSFT" remove "$BATS_TEST_TMPDIR/a&b [1] |"
	diff -r "$BATS_TEST_TMPDIR/a&b [1] |" "$BATS_TEST_TMPDIR/before"
}

@test "work of somebody else is not overwritten" {
	run -0 "$KSFT" install "$TREE"
	echo "# mine" >>"$FOLDER/Makefile"
	run -2 "$KSFT" install "$TREE"
	[ "$output" = "ksft: files of $FOLDER were changed by hand: Makefile" ]
	run -2 "$KSFT" remove "$TREE"
	tail -n 1 "$FOLDER/Makefile" | grep -qx '# mine'
	sed -i '$d' "$FOLDER/Makefile"
	touch "$FOLDER/notes"
	run -2 "$KSFT" remove "$TREE"
	[ "$output" = "ksft: $FOLDER/notes was put there by hand" ]
	rm "$FOLDER/notes"
	for name in my_test selftests/my_test lib/probe obj/notes; do
		mkdir -p "$(dirname "$FOLDER/$name")"
		touch "$FOLDER/$name"
		run -2 "$KSFT" remove "$TREE"
		[ "$output" = "ksft: $FOLDER/$name was put there by hand" ]
		rm "$FOLDER/$name"
	done
	ln -s /etc/passwd "$FOLDER/link"
	run -2 "$KSFT" install "$TREE"
	[ -L "$FOLDER/link" ]
	rm -r "$FOLDER"
	mkdir "$FOLDER"
	run -2 "$KSFT" install "$TREE"
	[[ $output == *"was not made by \"scripts/ksft install\"" ]]
}

@test "bad input is refused with one line, and nothing is left behind" {
	run -2 "$KSFT" install
	[ "$output" = "ksft: install wants a kernel tree: KSRC=<tree>" ]
	run -2 "$KSFT" install ""
	[ "${#lines[@]}" -eq 1 ]
	run -2 "$KSFT" frobnicate "$TREE"
	[ "${#lines[@]}" -eq 1 ]
	run -2 "$KSFT" install "$BATS_TEST_TMPDIR/nowhere"
	[ "$output" = "ksft: $BATS_TEST_TMPDIR/nowhere is no folder" ]
	run -2 "$KSFT" install "$BATS_TEST_TMPDIR"
	[[ $output == *"is no kernel tree: it has no tools/testing/selftests/lib.mk" ]]
	: >"$SELFTESTS/Makefile"
	run -2 "$KSFT" install "$TREE"
	[[ $output == *"has no list of targets" ]]
	[ ! -e "$FOLDER" ]
}
