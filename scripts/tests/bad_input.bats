#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Bad input: one line on standard error, status 2, nothing half-written.

bats_require_minimum_version 1.5.0

setup() {
	LAB=$BATS_TEST_DIRNAME/../lab
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache LAB_BUILD=$BATS_TEST_TMPDIR/build
	unset KERNEL CONTRACT KSRC QEMU_SRC BOCHS_SRC
}

# refused MESSAGE COMMAND...: status 2 and just this line.
refused() {
	local message=$1
	shift
	run -2 --separate-stderr "$@"
	[ "$output" = "" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "${stderr_lines[0]}" = "lab: $message" ]
}

@test "an unknown verb is refused" {
	refused "no verb called 'fly'; see scripts/lab --help" "$LAB" fly
}

@test "no verb is refused" {
	refused "no verb; see scripts/lab --help" "$LAB"
}

@test "an unknown option is refused" {
	refused "no option called '--fast'; see scripts/lab --help" "$LAB" run --fast
}

@test "an option without its value is refused" {
	refused "--cpus wants a value" "$LAB" run --cpus
}

@test "a seed or a time for races that is no number is refused" {
	PMU_SEED=seven refused "PMU_SEED wants a number from 1, not 'seven'" "$LAB" run
	PMU_RACE_MS=-1 refused "PMU_RACE_MS wants a number from 1, not '-1'" "$LAB" run
}

@test "results that are none are refused by the table of rules" {
	echo '{' >"$BATS_TEST_TMPDIR/broken.json"
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../rules" "$BATS_TEST_TMPDIR/broken.json"
	[ "$stderr" = "rules: $BATS_TEST_TMPDIR/broken.json is no results.json of this suite" ]
	[ "$output" = "" ]
}

@test "an unknown machine is refused, and those there are named" {
	refused "no machine called 'vax'; there is: amd-zen4 amd-zen4-rough intel-atom intel-fixed4 intel-sparse intel-v4 intel-v5 intel-v5-rough" "$LAB" run --machine vax
}

@test "an unknown roughness is refused, and one that is out of range" {
	refused "no roughness called 'sand' on amd-zen4; there is: late cycles garbage ipi nmi smi" \
		"$LAB" run --rough sand=1
	refused "no roughness called 'entry' on amd-zen4; there is: late cycles garbage ipi nmi smi" \
		"$LAB" run --rough entry=1
	refused "roughness 'late': wants late=N, at most 1000000" "$LAB" run --rough late
	refused "roughness 'late=x': wants late=N, at most 1000000" "$LAB" run --rough ipi=10,late=x
	refused "roughness 'garbage=2': wants garbage=N, at most 1" "$LAB" run --rough garbage=2
	refused "--rough-strength '401': wants a number from 0 to 400, in percent" \
		"$LAB" run --machine amd-zen4-rough --rough-strength 401
	refused "--rough-strength '-1': wants a number from 0 to 400, in percent" "$LAB" run --rough-strength -1
	refused "--rough-seed '1e3': wants a number of at most nine digits" "$LAB" run --rough-seed 1e3
}

@test "an unknown contract is refused" {
	refused "no contract called 'treaty'; there is: auto mediated rfc rfc-as-posted all" "$LAB" run --contract treaty
}

@test "an old name is refused, with the new one" {
	refused "no contract called 'seed'; it is called rfc; there is: auto mediated rfc rfc-as-posted all" "$LAB" run --contract seed
	refused "no contract called 'seed-literal'; it is called rfc-as-posted; there is: auto mediated rfc rfc-as-posted all" \
		"$LAB" run --contract seed-literal
	refused "no case matches --filter 'seed_error_test:R4*'; seed_error_test is called rfc_error_test; see scripts/lab cases" \
		"$LAB" run --filter 'seed_error_test:R4*'
	refused "no case called 'seed_error_test:R4_for_good'; seed_error_test is called rfc_error_test; see scripts/lab cases" \
		"$LAB" try wakes=seed_error_test:R4_for_good
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../explore" --contract seed
	[ "$stderr" = "explore: no contract called 'seed'; it is called rfc; to explore there is: mediated rfc" ]
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../soak" --contracts seed
	[ "$stderr" = "soak: no contract called 'seed'; it is called rfc; there is: mediated rfc rfc-as-posted" ]
	refused "no fault called 'all_judged'; it is called all_to_error; see scripts/lab faults" "$LAB" run --fault all_judged
	refused "no case matches --filter 'guest_count_test:M46*'; guest_count_test:M46_overflow_sets_its_status_bit is guest_counters_test:M46_overflow_sets_its_status_bit now; see scripts/lab cases" \
		"$LAB" run --filter 'guest_count_test:M46*'
	refused "no case matches --filter 'R28_the_child_of_a_condemned_event'; R28_the_child_of_a_condemned_event is called R28_the_child_of_an_event_in_error; see scripts/lab cases" \
		"$LAB" run --filter R28_the_child_of_a_condemned_event
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../host" run --filter seed_group_test
	[ "$stderr" = "host: no case matches --filter 'seed_group_test'; seed_group_test is called rfc_group_test; see scripts/lab cases" ]
}

@test "every new name is one of today, and no old one is" {
	local old new names
	names=$("$LAB" cases | sed 's/:/\n/'
		sed -nE 's/^FIXTURE\(([a-z_]+)\).*/\1/p' "$BATS_TEST_DIRNAME"/../../selftests/*.c
		"$LAB" faults | cut -f 1
		printf 'rfc\nrfc-as-posted\n')
	names+=$'\n'$(sed -nE 's/^[a-z_]+:.* \| ([a-z_]+:[a-z_]+\.[A-Za-z0-9_]+)$/\1/p' "$BATS_TEST_DIRNAME/../../configs/renamed.list" |
		while IFS=':.' read -r program fixture case; do
			grep -qx "$program:$case" <("$LAB" cases) && printf '%s:%s.%s\n' "$program" "$fixture" "$case"
		done)
	while IFS='|' read -r old new; do
		grep -qxF "${new# }" <<<"$names"
		run ! grep -qxF "${old% }" <<<"$names"
	done < <(grep -v '^#' "$BATS_TEST_DIRNAME/../../configs/renamed.list")
}

@test "both contracts at once are for run, and choose their kernels themselves" {
	refused "--contract all is for run" "$LAB" exec --contract all -- true
	refused "--contract all chooses its kernels itself" "$LAB" run --contract all --kernel image
	refused "--contract all chooses its kernels itself" "$LAB" run --contract all --debug
}

@test "an unknown fault is refused, and one for a given kernel" {
	refused "no fault called 'gremlin'; see scripts/lab faults" "$LAB" run --fault gremlin
	refused "--kernel is a kernel already: no --reference, --debug or --fault" "$LAB" run --kernel image --fault wakes
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../mutants" gremlin
	[ "$stderr" = "mutants: no fault called 'gremlin'; see scripts/lab faults" ]
}

@test "every fault has a name, a rule and words" {
	run -0 "$LAB" faults
	[ "${#lines[@]}" -eq "$(grep -c '^	X(' "$BATS_TEST_DIRNAME/../../lab/kernel/files/include/linux/perf_guest.h")" ]
	[ "$(printf '%s\n' "${lines[@]}" | grep -vcP '^[a-z_]+\t[RMD][0-9]+[a-z]?\t(rfc|mediated)\t(any|amd|intel)\t(late|alone|boot|debug)\t.+')" -eq 0 ]
}

# known_only LIST FIELD THESE: every entry's field, a case's without its variant, is
# one of these lines' first.
known_only() {
	local list=$BATS_TEST_DIRNAME/../../configs/$1 entry
	while IFS= read -r entry; do
		cut -f 1 <<<"$3" | grep -Fxq -- "$entry"
	done < <(sed '/^#/d' "$list" | awk -F ' [|] ' -v field="$2" '{ print $field }' | sed 's/:.*\./:/')
}

@test "what is asked first of a fault, and what no fault needs, exists" {
	run -0 "$LAB" cases
	known_only killing-cases.list 2 "$output"
	known_only justified.list 1 "$output"
	output=$(cut -d : -f 1 <<<"$output")
	known_only durations.list 1 "$output"
	run -0 "$LAB" faults
	known_only killing-cases.list 1 "$output"
}

@test "a number that is none is refused" {
	refused "--cpus wants a number from 1, not '0'" "$LAB" run --cpus 0
	refused "--timeout wants a number from 1, not '1m'" "$LAB" run --timeout 1m
}

@test "more CPUs than the machine has are refused" {
	refused "--cpus 17: machine amd-zen4 has at most 16" "$LAB" run --cpus 17
}

@test "a variable called like one of ours is left alone" {
	CASES=none run -2 --separate-stderr "$LAB" run --filter 'M6*' --out /proc/no
	[ "$stderr" = "lab: cannot write results to /proc/no" ]
}

@test "a filter that matches nothing is refused" {
	refused "no case matches --filter 'M99*'; see scripts/lab cases" "$LAB" run --filter 'M99*'
	# This variant's fixture is another one's.
	refused "no case matches --filter 'claim_test:open.x.M3_every_vm_claims'; see scripts/lab cases" \
		"$LAB" run --filter 'claim_test:open.x.M3_every_vm_claims'
}

@test "a stray word is refused" {
	refused "run does not take 'everything'" "$LAB" run everything
}

@test "exec without a command is refused" {
	refused "exec wants a command: scripts/lab exec -- COMMAND" "$LAB" exec
}

@test "a results file that is missing or none is refused" {
	refused "$BATS_TEST_TMPDIR/none cannot be read" "$LAB" table "$BATS_TEST_TMPDIR/none"
	printf '{"schema": 7}\n' >"$BATS_TEST_TMPDIR/other"
	refused "$BATS_TEST_TMPDIR/other is no results.json of this suite" "$LAB" table "$BATS_TEST_TMPDIR/other"
	printf 'not json\n' >"$BATS_TEST_TMPDIR/text"
	refused "$BATS_TEST_TMPDIR/text is no results.json of this suite" "$LAB" table "$BATS_TEST_TMPDIR/text"
}

@test "a kernel tree that is none is refused" {
	export KSRC=$BATS_TEST_TMPDIR
	run -2 --separate-stderr bash -c "NAME=lab; source '$BATS_TEST_DIRNAME/../lib/common.sh'
		source '$BATS_TEST_DIRNAME/../lib/kernel.sh'; kernel_source"
	[ "$stderr" = "lab: KSRC=$BATS_TEST_TMPDIR is no kernel source tree" ]
}

@test "a QEMU tree that is none is refused" {
	export QEMU_SRC=$BATS_TEST_TMPDIR
	refused "QEMU_SRC=$BATS_TEST_TMPDIR is no QEMU source tree" "$LAB" payload
}

@test "a Bochs tree that is none is refused" {
	export BOCHS_SRC=$BATS_TEST_TMPDIR
	refused "BOCHS_SRC=$BATS_TEST_TMPDIR is no Bochs source tree" "$LAB" run --machine intel-v5 --out "$BATS_TEST_TMPDIR/out"
}

@test "a trial that makes no sense is refused" {
	refused "try wants FAULT=PROGRAM:CASE" "$LAB" try
	refused "try wants FAULT=PROGRAM:CASE, not 'wakes'" "$LAB" try wakes
	refused "no fault called 'gremlin'; see scripts/lab faults" "$LAB" try gremlin=param_test:M1
	refused "no case called 'param_test:M'; see scripts/lab cases" "$LAB" try wakes=param_test:M
	refused "no case called 'rfc_error_test:other.R14_nobody_is_woken_pinned'; see scripts/lab cases" \
		"$LAB" try wakes=rfc_error_test:other.R14_nobody_is_woken_pinned
	refused "no fault called 'wakes.'; see scripts/lab faults" "$LAB" try wakes.=param_test:M1
	refused "one case for each fault: wakes is there twice" "$LAB" try \
		wakes=rfc_error_test:R14_nobody_is_woken_pinned wakes=rfc_error_test:R14_nobody_is_woken_flexible
	refused "the fault fewer_offered is one to boot with: scripts/lab run --fault" \
		"$LAB" try fewer_offered=rfc_error_test:R14_nobody_is_woken_pinned
	refused "try takes no --timeout, --filter, --stop, --stop-at or --strict" "$LAB" try --strict wakes=param_test:M1
	refused "--machine all is for run" "$LAB" try --machine all wakes=rfc_error_test:R14_nobody_is_woken_pinned
	refused "try is for the reference kernel: no --kernel, --fault, --debug or --contract all" \
		"$LAB" try --fault wakes wakes=rfc_error_test:R14_nobody_is_woken_pinned
}

check_image() {
	run -2 --separate-stderr bash -c "NAME=lab; source '$BATS_TEST_DIRNAME/../lib/common.sh'
		source '$BATS_TEST_DIRNAME/../lib/kernel.sh'; check_image '$1' /nonexistent"
	[ "${#stderr_lines[@]}" -eq 1 ]
}

# make_image VERSION: the header of a bzImage with that version string.
make_image() {
	local image=$BATS_TEST_TMPDIR/image
	truncate -s 4096 "$image"
	printf HdrS | dd of="$image" bs=1 seek=514 conv=notrunc status=none
	printf '\x00\x04' | dd of="$image" bs=1 seek=526 conv=notrunc status=none
	printf '%s (me@here) #1\0' "$1" | dd of="$image" bs=1 seek=1536 conv=notrunc status=none
	printf '%s\n' "$image"
}

@test "a kernel image that is missing is refused" {
	check_image "$BATS_TEST_TMPDIR/none"
	[ "$stderr" = "lab: KERNEL=$BATS_TEST_TMPDIR/none does not exist" ]
}

@test "a file that is no kernel image is refused" {
	printf 'hello\n' >"$BATS_TEST_TMPDIR/text"
	check_image "$BATS_TEST_TMPDIR/text"
	[ "$stderr" = "lab: KERNEL=$BATS_TEST_TMPDIR/text is no x86 bzImage" ]
}

@test "a kernel image that is too old is refused" {
	local image
	image=$(make_image 6.12.117)
	check_image "$image"
	[ "$stderr" = "lab: KERNEL=$image is Linux 6.12.117, too old: mediated PMUs came with 7.0" ]
}

@test "a kernel image without a needed option is refused, and it is named" {
	local image src=$BATS_TEST_TMPDIR/src
	image=$(make_image 7.3.4)
	mkdir -p "$src/scripts"
	printf '#!/bin/sh\nprintf "%%s=y\\n" CONFIG_BLK_DEV_INITRD CONFIG_DEVTMPFS\n' >"$src/scripts/extract-ikconfig"
	chmod +x "$src/scripts/extract-ikconfig"
	run -2 --separate-stderr bash -c "NAME=lab; source '$BATS_TEST_DIRNAME/../lib/common.sh'
		source '$BATS_TEST_DIRNAME/../lib/kernel.sh'; check_image '$image' '$src'"
	[ "$stderr" = "lab: KERNEL=$image lacks CONFIG_PROC_FS=y" ]
}

@test "a disk without space is refused before anything is fetched" {
	export LAB_FREE_MIB_TEST=999999999
	run -2 --separate-stderr "$LAB" payload
	[[ "${stderr_lines[-1]}" =~ ^"lab: no space for building QEMU: $XDG_CACHE_HOME/pmu_passthrough has "[0-9]+" MiB free, 3000 are needed"$ ]]
	[ ! -e "$XDG_CACHE_HOME/pmu_passthrough/src" ]
}

@test "a missing tool is named, and where to get it" {
	local bin=$BATS_TEST_TMPDIR/bin tool
	mkdir "$bin"
	for tool in bash env dirname realpath nproc sed grep basename paste uniq cut cat sort; do
		ln -s "$(command -v "$tool")" "$bin/$tool"
	done
	refused "gcc is missing (building QEMU); \"scripts/lab doctor\" tells how to get it" env PATH="$bin" "$LAB" payload
}

@test "an output folder that cannot be written is refused" {
	refused "cannot write results to /proc/run" "$LAB" run --out /proc/run
}

@test "an output folder without room is refused before anything is built" {
	local small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	mount -t tmpfs -o size=8m none "$small" 2>/dev/null || skip "needs mount(8)"
	run -2 --separate-stderr "$LAB" run --out "$small/run"
	umount "$small"
	# shellcheck disable=SC2154 # bats sets it
	[ "${#stderr_lines[@]}" -eq 1 ]
	# shellcheck disable=SC2154
	[[ $stderr == "lab: no room for results in $small/run: "* ]]
}

@test "help goes to standard output" {
	run -0 --separate-stderr "$LAB" --help
	[ "${lines[0]}" = "Usage: scripts/lab VERB [OPTIONS] [-- COMMAND]" ]
	[ "$stderr" = "" ]
}
