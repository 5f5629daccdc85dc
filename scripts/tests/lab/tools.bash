# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Programs of lib/tools, for the kernel under test.

# tool NAME: build it where the lab can see it (its own /tmp is empty), and print the path.
tool() {
	test_program "tools/$1"
}

# program_in FOLDER NAME [VARIABLE]...: build one of the suite's own programs in a folder of
# build/; its path.
program_in() {
	local top where
	top=$(realpath "$BATS_TEST_DIRNAME/../../..")
	where=$top/build/$1
	make -s -C "$top/selftests" KSRC="$("$LAB" source)" KHDR="$("$LAB" headers)" \
		OUTPUT="$where" "${@:3}" "$where/$2"
	printf '%s\n' "$where/$2"
}

# test_program NAME: as it is built for this machine.
test_program() {
	program_in test-tools "$1"
}

# static_program NAME: as it is built for any machine, without libpfm4.
static_program() {
	program_in test-static "$1" LDFLAGS=-static
}
