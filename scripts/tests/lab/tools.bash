# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Programs of lib/tools, for the kernel under test.

# tool NAME: build it where the lab can see it (its own /tmp is empty), and print the path.
tool() {
	test_program "tools/$1"
}

# test_program NAME: build one of the suite's own programs there; its path.
test_program() {
	local top
	top=$(realpath "$BATS_TEST_DIRNAME/../../..")
	make -s -C "$top/selftests" KSRC="$("$LAB" source)" KHDR="$("$LAB" headers)" \
		OUTPUT="$top/build/test-tools" "$top/build/test-tools/$1"
	printf '%s\n' "$top/build/test-tools/$1"
}
