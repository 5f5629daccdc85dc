#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Commands of the build machine inside the lab: the perf tool, and KVM's own PMU
# selftests, behave as on a machine with a PMU.

bats_require_minimum_version 1.5.0

load tools

setup() {
	LAB=$BATS_TEST_DIRNAME/../../lab
}

need_perf() {
	command -v perf >/dev/null || skip "needs perf"
}

@test "output and status of a command come back" {
	run -7 --separate-stderr "$LAB" exec -- sh -c 'echo one; echo two; exit 7'
	[ "${lines[0]}" = one ]
	[ "${lines[1]}" = two ]
	[ "${#lines[@]}" -eq 2 ]
}

@test "the build machine's files are there, and read-only" {
	run -0 --separate-stderr "$LAB" exec -- sh -c "cmp '$BATS_TEST_FILENAME' '$BATS_TEST_FILENAME' && ! touch '$BATS_TEST_FILENAME.new' 2>/dev/null"
	[ ! -e "$BATS_TEST_FILENAME.new" ]
}

@test "a command below /tmp runs, with what it names, and what is missing is said before the boot" {
	printf '#!/bin/sh\ncat "$1"; exit 3\n' >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	mkdir "$BATS_TEST_TMPDIR/folder"
	printf 'a file\n' >"$BATS_TEST_TMPDIR/folder/file, with \"signs\""
	run -3 --separate-stderr "$LAB" exec -- "$BATS_TEST_TMPDIR/script" "$BATS_TEST_TMPDIR/folder/file, with \"signs\""
	[ "$output" = "a file" ]
	run -0 --separate-stderr "$LAB" exec -- ls "$BATS_TEST_TMPDIR/folder"
	# On a terminal, as the port is one, names are quoted.
	[ "$output" = "'file, with \"signs\"'" ]
	run -2 --separate-stderr "$LAB" exec -- "$BATS_TEST_TMPDIR/nowhere"
	[ "$stderr" = "lab: exec: there is no command '$BATS_TEST_TMPDIR/nowhere' on this machine" ]
}

@test "perf stat counts instructions, the same each time that nothing interrupts" {
	need_perf
	run -0 --separate-stderr "$LAB" exec -- sh -c '
		# Where things lie in memory changes how much a program does.
		echo 0 >/proc/sys/kernel/randomize_va_space
		for turn in $(seq 40); do
			count=$(perf stat -x , -e instructions:u -- /bin/busybox true 2>&1 | cut -d , -f 1)
			echo "$count"
			# An interrupt or a page fault more is an IRET to user space more:
			# it never takes from a count.
			if [ "$turn" -eq 1 ] || [ "$count" -lt "$least" ]; then
				least=$count met=0
			fi
			[ "$count" -ne "$least" ] || met=$((met + 1))
			[ "$turn" -lt 5 ] || [ $((met * 4)) -lt "$turn" ] || exit 0
		done
		exit 1'
	[ "${#lines[@]}" -ge 5 ]
	[ "${lines[0]}" -gt 1000 ]
}

@test "perf record gets the samples its period asks for" {
	need_perf
	run -0 --separate-stderr "$LAB" exec -- sh -c '
		cd /tmp
		perf record -q -e instructions:u -c 100000 -o data -- \
			/bin/busybox sh -c "i=0; while [ \$i -lt 20000 ]; do i=\$((i + 1)); done" >/dev/null 2>&1
		perf stat -x , -e instructions:u -- \
			/bin/busybox sh -c "i=0; while [ \$i -lt 20000 ]; do i=\$((i + 1)); done" 2>&1 | cut -d , -f 1
		perf script -i data -F ip 2>/dev/null | grep -c .'
	local counted=${lines[0]} sampled=${lines[1]}
	[ "$counted" -gt 1000000 ]
	# The command after exec() only: perf stat and perf record start alike.
	[ "$sampled" -ge $((counted / 100000 - 1)) ]
	[ "$sampled" -le $((counted / 100000 + 1)) ]
}

# kvm_selftest NAME: build it from the tree under test and run it in the lab.
kvm_selftest() {
	local name=$1 suite
	suite=$("$LAB" build 2>&1 | sed -n 's/^lab: suite *//p')
	make -s -C "$BATS_TEST_DIRNAME/../../../selftests" OUTPUT="$suite" \
		KSRC="$("$LAB" source)" KHDR="$("$LAB" headers)" "$suite/kvm/$name"
	"$LAB" exec -- "$suite/kvm/$name"
}

@test "KVM's own pmu_event_filter_test passes" {
	run -0 kvm_selftest pmu_event_filter_test
	[[ "$output" != *SKIP* ]]
}

@test "KVM's own svm_pmu_host_guest_test passes" {
	[ -e "$("$LAB" source)/tools/testing/selftests/kvm/x86/svm_pmu_host_guest_test.c" ] || skip "needs Linux 7.3"
	run -0 kvm_selftest svm_pmu_host_guest_test
	[[ "$output" != *SKIP* ]]
}

@test "a program that is built for any machine encodes its event and programs guests as well" {
	local program
	for program in guest_count_test claim_test probe; do
		program=$(static_program "$program")
		run -1 ldd "$program"
		run -0 --separate-stderr "$LAB" exec -- "$program"
		[[ ${program##*/} == probe || $output == *"# Totals: pass:"[1-9]*" fail:0 "* ]]
	done
	[[ $output == *"encoded by the suite, by the vendor's manual"* ]]
}
