#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The suite in a kernel tree, as a user of kselftest has it: built by lib.mk,
# installed, run by run_kselftest.sh on the lab's host, with the same verdicts.

bats_require_minimum_version 1.5.0

setup_file() {
	export TOP
	TOP=$(realpath "$BATS_TEST_DIRNAME/../../..")
	export LAB=$TOP/scripts/lab KSFT=$TOP/scripts/ksft
	# Below the checkout: the lab's host sees that, but not /tmp.
	export HERE=$TOP/build/ksft-test
	export TREE=$HERE/tree
	unset KERNEL CONTRACT
	rm -rf "$HERE"
	mkdir -p "$TREE/tools/testing/selftests" "$TREE/tools/arch/x86"
	part_of_the_tree "$("$LAB" source)"
	ln -s "$("$LAB" headers)" "$TREE/usr"
	"$KSFT" install "$TREE"
}

teardown_file() {
	rm -rf "$HERE"
}

# What building one target needs, and no more: a tree has two gigabytes.
part_of_the_tree() {
	local from=$1 tests=tools/testing/selftests
	cp -r "$from"/{Kbuild,Makefile,scripts} "$TREE/"
	cp -r "$from"/tools/{include,lib,scripts,build} "$TREE/tools/"
	cp -r "$from/tools/arch/x86/include" "$TREE/tools/arch/x86/"
	cp -r "$from/$tests"/{kvm,rseq,kselftest} "$TREE/$tests/"
	find "$from/$tests" -maxdepth 1 -type f -exec cp -t "$TREE/$tests" {} +
}

kselftest() {
	make -s -j2 -C "$TREE/tools/testing/selftests" TARGETS=pmu_passthrough "$@"
}

@test "it builds without a word, with gcc and with LLVM=1" {
	# With O= the headers are looked for there.
	mkdir -p "$HERE/gcc" "$HERE/llvm"
	ln -s "$TREE/usr" "$HERE/gcc/usr"
	ln -s "$TREE/usr" "$HERE/llvm/usr"
	run -0 kselftest O="$HERE/gcc"
	[[ $output != *warning* && $output != *error* ]]
	[ -x "$HERE/gcc/kselftest/pmu_passthrough/claim_test" ]
	run -0 kselftest LLVM=1 O="$HERE/llvm"
	[[ $output != *warning* && $output != *error* ]]
	[ -x "$HERE/llvm/kselftest/pmu_passthrough/claim_test" ]
}

@test "installed, it runs on the lab's host, and nothing violates" {
	run -0 kselftest install KSFT_INSTALL_PATH="$HERE/installed"
	run -0 "$LAB" exec --append kvm_amd.enable_mediated_pmu=1 --timeout 280 -- \
		sh -c "cp -r '$HERE/installed' /tmp/k && cd /tmp/k && ./run_kselftest.sh -c pmu_passthrough | cat"
	printf '%s\n' "$output" >"$HERE/printed"
	[ "${lines[0]}" = "TAP version 13" ]
	grep -qx '1\.\.[1-9][0-9]*' "$HERE/printed"
	run ! grep -E '^(# )?not ok' "$HERE/printed"
	# What "make run" sees there, this sees, too.
	grep -q '^# ok [0-9]* claim.M9_the_vcpu_fd_keeps_the_claim$' "$HERE/printed"
	grep -q '# XFAIL known D28$' "$HERE/printed"
	grep -q '^ok [0-9]* selftests: pmu_passthrough: rfc_error_test # SKIP$' "$HERE/printed"
	[ "$(grep -c '^# # violates' "$HERE/printed")" -eq 0 ]
	[ "$(grep -c '^ok .*_test$' "$HERE/printed")" -ge 18 ]
}

# "program:case outcome" of what run_kselftest.sh printed.
printed_outcomes() {
	awk '
		/^# selftests: pmu_passthrough: / { program = $NF }
		/^# 1\.\.0 # SKIP/ { print program ":all skip" }
		/^# (not )?ok [0-9]+ [^ ]+/ {
			name = $2 == "not" ? $5 : $4
			outcome = $2 == "not" ? "fails" : "conforms"
			if (/ # SKIP/) outcome = "skip"
			if (/ # XFAIL known/) outcome = "known"
			print program ":" name " " outcome
		}' "$1" | sort
}

# How much of its time a starved child loses (D42) is a matter of ticks.
whether_known_or_not() {
	sed 's/\(starved\.D42_[^ ]*\) known$/\1 conforms/'
}

@test "case by case it says what a run of the lab says" {
	run -0 "$LAB" run --out "$HERE/run"
	printed_outcomes "$HERE/printed" | whether_known_or_not >"$HERE/in-tree"
	# The module that makes wrong calls, and the image for a guest, are the lab's own.
	jq -r '.cases[] | "\(.program):\(.case) \(.outcome)"' "$HERE/run/results.json" | sort |
		sed -E 's/^((wrong_calls|linux)_test:[^ ]*) conforms/\1 skip/' | whether_known_or_not >"$HERE/in-lab"
	[ "$(wc -l <"$HERE/in-lab")" -gt 300 ]
	diff "$HERE/in-lab" "$HERE/in-tree"
}

@test "it makes a tarball, and cleans up" {
	run -0 kselftest gen_tar
	tar -tf "$TREE"/tools/testing/selftests/kselftest_install/kselftest-packages/kselftest.tar.gz |
		grep -q '/pmu_passthrough/claim_test$'
	run -0 kselftest clean
	[ -z "$(find "$TREE/tools/testing/selftests/pmu_passthrough" -name '*_test' -o -name '*.o' -o -name '*.a')" ]
	run -0 "$KSFT" remove "$TREE"
	diff "$TREE/tools/testing/selftests/Makefile" "$("$LAB" source)/tools/testing/selftests/Makefile"
}

@test "the probe says what there is, and what must change" {
	local probe suite
	suite=$("$LAB" build 2>&1 | sed -n 's/^lab: suite *//p')
	probe=$suite/probe
	run -0 "$LAB" exec --append kvm_amd.enable_mediated_pmu=1 -- "$probe"
	[[ $output == *"AMD version 2: 6 general"* ]]
	[[ $output == *"guests that program the PMU"*"can run"* ]]
	[[ $output != *"What must change for all of it"* ]]
	run -4 "$LAB" exec --append nmi_watchdog=1 -- "$probe"
	[[ $output == *"sysctl kernel.nmi_watchdog=0"* ]]
	run -0 "$LAB" exec --append kvm_amd.enable_mediated_pmu=0 -- "$probe"
	[[ $output == *"modprobe kvm_amd enable_mediated_pmu=1"* ]]
	[[ $output == *"host and guest side by side (emulated)"*"can run"* ]]
	run -2 "$probe" --fix-everything
	[ "${#lines[@]}" -eq 1 ]
	run -2 "$probe" --fix
	[ "${#lines[@]}" -eq 1 ]
}
