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
	refused_by lab "$@"
}

# refused_by NAME MESSAGE COMMAND...: the same of another command than scripts/lab.
refused_by() {
	local message="$1: $2"
	shift 2
	run -2 --separate-stderr "$@"
	[ "$output" = "" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "${stderr_lines[0]}" = "$message" ]
}

@test "an unknown verb is refused" {
	refused "no verb called 'fly'; see scripts/lab --help" "$LAB" fly
}

@test "no verb is refused" {
	refused "no verb; see scripts/lab --help" "$LAB"
}

@test "an unknown option is refused" {
	refused "no option called '--fast'; see scripts/lab run --help" "$LAB" run --fast
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
	[ "$stderr" = "rules: $BATS_TEST_TMPDIR/broken.json is no results.json of this suite, or not a whole one" ]
	[ "$output" = "" ]
}

@test "an unknown machine is refused, and those there are named" {
	refused "no machine called 'vax'; there is: amd-zen4 amd-zen4-rough intel-atom intel-fixed4 intel-linux intel-sparse intel-v4 intel-v5 intel-v5-rough" "$LAB" run --machine vax
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
	refused "no contract called 'treaty'; there is: auto mediated rfc rfc-as-posted emulated all" "$LAB" run --contract treaty
}

@test "a contract or a kernel named twice, or none, is refused" {
	refused "--contract emulated,emulated: emulated is there twice" "$LAB" run --contract emulated,emulated
	refused "no contract called ''; there is: auto mediated rfc rfc-as-posted emulated all" "$LAB" run --contract mediated,
	refused "--contract mediated,rfc is for run" "$LAB" build --contract mediated,rfc
	refused "--kernel-version '': give two numbers, as 6.12" "$LAB" run --kernel-version 6.12,
	refused "--kernel-version '07.3': give two numbers, as 6.12" "$LAB" run --kernel-version 07.3
	refused "--kernel-version '6.12.117': give two numbers, as 6.12" "$LAB" run --kernel-version 6.12.117
	refused "--kernel-version 7.2,7.2: 7.2 is there twice" "$LAB" run --kernel-version 7.2,7.2
	refused "--kernel-version 7.2,6.12 is for run" "$LAB" build --kernel-version 7.2,6.12
	refused "Linux 6.12 speaks the emulated contract only; the others begin with 7.0" \
		"$LAB" run --kernel-version 6.12 --contract mediated
	refused "--contract rfc is for the newest kernel: no --kernel-version" "$LAB" run --kernel-version 7.2 --contract rfc
	refused "--kernel-version is for a kernel as it is: no KERNEL=, no reference kernel" \
		"$LAB" run --kernel-version 7.2 --debug
	refused "show cases does not take --kernel-version" "$LAB" show cases --kernel-version 6.12
}

@test "an old name is refused, with the new one" {
	refused "no contract called 'seed'; it is called rfc; there is: auto mediated rfc rfc-as-posted emulated all" "$LAB" run --contract seed
	refused "no contract called 'seed-literal'; it is called rfc-as-posted; there is: auto mediated rfc rfc-as-posted emulated all" \
		"$LAB" run --contract seed-literal
	refused "no case matches --filter 'seed_error_test:R4*'; seed_error_test is called rfc_error_test; see scripts/lab show cases" \
		"$LAB" run --filter 'seed_error_test:R4*'
	refused "no case called 'seed_error_test:R4_for_good'; seed_error_test is called rfc_error_test; see scripts/lab show cases" \
		"$LAB" try wakes=seed_error_test:R4_for_good
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../explore" --contract seed
	[ "$stderr" = "explore: no contract called 'seed'; it is called rfc; to explore there is: mediated rfc emulated" ]
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../soak" --contracts seed
	[ "$stderr" = "soak: no contract called 'seed'; it is called rfc; there is: mediated rfc rfc-as-posted emulated" ]
	refused "no fault called 'all_judged'; it is called all_to_error; see scripts/lab show faults" "$LAB" run --fault all_judged
	refused "no case matches --filter 'guest_count_test:M46*'; guest_count_test:M46_overflow_sets_its_status_bit is guest_counters_test:M46_overflow_sets_its_status_bit now; see scripts/lab show cases" \
		"$LAB" run --filter 'guest_count_test:M46*'
	refused "no case matches --filter 'R28_the_child_of_a_condemned_event'; R28_the_child_of_a_condemned_event is called R28_the_child_of_an_event_in_error; see scripts/lab show cases" \
		"$LAB" run --filter R28_the_child_of_a_condemned_event
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../host" run --filter seed_group_test
	[ "$stderr" = "host: no case matches --filter 'seed_group_test'; seed_group_test is called rfc_group_test; see scripts/lab show cases" ]
}

@test "every new name is one of today, and no old one is" {
	local old new names
	names=$("$LAB" cases | sed 's/:/\n/'
		sed -nE 's/^FIXTURE\(([a-z_]+)\).*/\1/p' "$BATS_TEST_DIRNAME"/../../selftests/*.c
		"$LAB" faults | cut -f 1
		printf 'rfc\nrfc-as-posted\n')
	names+=$'\n'$(sed -nE 's/^[a-z_]+:.* \| ([a-z_]+:([a-z_]+\.)+[A-Za-z0-9_]+)$/\1/p' "$BATS_TEST_DIRNAME/../../configs/renamed.list" |
		while read -r moved; do
			grep -qx "${moved%%:*}:${moved##*.}" <("$LAB" cases) && printf '%s\n' "$moved"
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
	refused "no fault called 'gremlin'; see scripts/lab show faults" "$LAB" run --fault gremlin
	refused "--kernel is a kernel already: no --reference, --debug or --fault" "$LAB" run --kernel image --fault wakes
	run -2 --separate-stderr "$BATS_TEST_DIRNAME/../mutants" gremlin
	[ "$stderr" = "mutants: no fault called 'gremlin'; see scripts/lab show faults" ]
}

@test "mutants of the kernel's code that cannot be made are refused" {
	local mutants=$BATS_TEST_DIRNAME/../mutants
	refused_by mutants "$BATS_TEST_TMPDIR/none cannot be read" "$mutants" --patch "$BATS_TEST_TMPDIR/none"
	echo hello >"$BATS_TEST_TMPDIR/hello"
	refused_by mutants "$BATS_TEST_TMPDIR/hello is no patch, or changes nothing" "$mutants" --patch "$BATS_TEST_TMPDIR/hello"
	for more in "--patch hello" "--range a..b"; do
		# shellcheck disable=SC2086
		refused_by mutants "--code, --patch and --range go with no other of these" "$mutants" --code $more
		# shellcheck disable=SC2086
		refused_by mutants "--reference says itself what changed of that kernel, or goes with --code" "$mutants" --reference $more
	done
	for more in --own --all; do
		refused_by mutants "--own and --all are for faults" "$mutants" --code "$more"
		refused_by mutants "--own and --all are for faults" "$mutants" --reference "$more"
	done
	for more in "--patch hello" --reference; do
		# shellcheck disable=SC2086
		refused_by mutants "'kvm_pmu_refresh' goes with --code: a change says itself what to break" "$mutants" $more kvm_pmu_refresh
	done
	refused_by mutants "configs/mutation.list has no file include/linux/none.h" "$mutants" --code include/linux/none.h
	refused_by mutants "the kernel's own code speaks mediated and emulated, not 'rfc'" "$mutants" --code --contract rfc
	refused_by mutants "--patch wants a value" "$mutants" --patch ""
	refused_by mutants "--range wants a value" "$mutants" --range ""
	for option in --mutant --machine --contract; do
		refused_by mutants "$option is for --code, --patch, --range and --reference" "$mutants" "$option" x
	done
}

@test "every fault has a name, a rule and words" {
	run -0 "$LAB" faults
	[ "${#lines[@]}" -eq "$(grep -c '^	X(' "$BATS_TEST_DIRNAME/../../lab/kernel/files/include/linux/perf_guest.h")" ]
	[ "$(printf '%s\n' "${lines[@]}" | grep -vcP '^[a-z_]+\t[MRED][0-9]+[a-z]?\t(rfc|mediated|emulated)\t(any|amd|intel)\t(late|alone|boot|debug)\t.+')" -eq 0 ]
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
	refused "no case matches --filter 'M99*'; see scripts/lab show cases" "$LAB" run --filter 'M99*'
	# This variant's fixture is another one's.
	refused "no case matches --filter 'claim_test:open.x.M3_every_vm_claims'; see scripts/lab show cases" \
		"$LAB" run --filter 'claim_test:open.x.M3_every_vm_claims'
}

@test "a newline gets nothing past a check, and the message is one line" {
	refused "no fault called 'wakes\\nwakes'; see scripts/lab show faults" "$LAB" run --fault $'wakes\nwakes'
	refused "no case matches --filter 'param_test\\nnonsense'; see scripts/lab show cases" "$LAB" run --filter $'param_test\nnonsense'
	refused "no machine called 'a\\nb'; there is: amd-zen4 amd-zen4-rough intel-atom intel-fixed4 intel-linux intel-sparse intel-v4 intel-v5 intel-v5-rough" \
		"$LAB" run --machine $'a\nb'
}

@test "a rule to stop at must be one" {
	refused "no rule called 'M999'; see scripts/rules --list" "$LAB" run --stop-at M999
	refused "no rule called '('; see scripts/rules --list" "$LAB" run --stop-at '('
}

@test "what is wrong with every commit is told before a bisection asks one" {
	run -0 "$LAB" run --check --filter param_test
	JOBS=abc run -2 "$LAB" run --check
	XDG_CACHE_HOME=/proc refused "cannot write to the cache, /proc/pmu_passthrough" "$LAB" run --check
	refused "no fault called 'gremlin'; see scripts/lab show faults" "$LAB" run --check --fault gremlin
}

@test "an option of another verb is refused" {
	local option
	for option in --plain --pretend --update --install --test --cache; do
		refused "no option called '$option'; see scripts/lab run --help" "$LAB" run "$option"
	done
	refused "no option called '--filter'; see scripts/lab clean --help" "$LAB" clean --filter param_test
	refused "show faults does not take --filter" "$LAB" show faults --filter param_test
	refused "show durations does not take --filter" "$LAB" show durations --filter param_test
	refused "$BATS_TEST_TMPDIR has no results.json" "$LAB" show durations --out "$BATS_TEST_TMPDIR"
	refused "show wants one of: cases faults words machines source headers image durations" "$LAB" show
}

@test "numbers of the environment are checked before anything is done" {
	JOBS=0 refused "JOBS wants a number from 1 to 4096, not '0'" "$LAB" run
	JOBS=abc refused "JOBS wants a number from 1 to 4096, not 'abc'" "$LAB" run
	LAB_MEMORY_MIB=0 refused "LAB_MEMORY_MIB wants a number from 128 to 1048576, not '0'" "$LAB" run
	LAB_MEMORY_MIB=512,slots=2 refused "LAB_MEMORY_MIB wants a number from 128 to 1048576, not '512,slots=2'" "$LAB" run
	refused "--cpus wants a number from 1, not '99999999999999999999'" "$LAB" run --cpus 99999999999999999999
}

@test "a refused run has touched no results" {
	local keep=$BATS_TEST_TMPDIR/keep name
	mkdir "$keep"
	for name in results.json config command report.log; do
		echo mine >"$keep/$name"
	done
	cp -r "$keep" "$BATS_TEST_TMPDIR/before"
	KERNEL=/nowhere run -2 "$LAB" run --out "$keep"
	KSRC=/nowhere run -2 "$LAB" run --out "$keep"
	KSRC=/nowhere run -2 "$LAB" run --machine all --out "$keep"
	KSRC=/nowhere run -2 "$LAB" try --out "$keep" wakes=rfc_error_test:R14_nobody_is_woken_pinned
	QEMU_SRC=/nowhere run -2 "$LAB" run --out "$keep"
	XDG_CACHE_HOME=/proc run -2 "$LAB" run --out "$keep"
	diff -x .run -r "$keep" "$BATS_TEST_TMPDIR/before"
	# Nor is a folder taken for a run's that is none.
	rm "$keep/results.json" "$keep/report.log" "$keep/.run"
	refused "$keep holds other things than a run's results: name another folder" "$LAB" run --out "$keep"
	[ -e "$keep/config" ]
}

@test "clean removes what was built, and nothing else" {
	mkdir "$BATS_TEST_TMPDIR/mine"
	touch "$BATS_TEST_TMPDIR/mine/thesis"
	LAB_BUILD=$BATS_TEST_TMPDIR/mine refused "LAB_BUILD=$BATS_TEST_TMPDIR/mine holds other things than builds" "$LAB" clean
	[ -e "$BATS_TEST_TMPDIR/mine/thesis" ]
	run -0 "$LAB" show words
	[ -e "$LAB_BUILD" ]
	run -0 "$LAB" clean
	[ ! -e "$LAB_BUILD" ]
}

@test "output that cannot be written is no verdict" {
	local command
	for command in "$LAB show cases" "$LAB show faults" "$LAB --help" "$LAB run --help"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr bash -c '"$@" >/dev/full' - $command
		[ "$stderr" = "lab: cannot write the output: no space left on device" ]
		# shellcheck disable=SC2086
		run -2 --separate-stderr bash -c '"$@" >&-' - $command
		[ "$stderr" = "lab: standard output is closed" ]
	done
	run -2 bash -c '"$@" 2>/dev/full' - "$LAB" run --cpus 99
	run -2 bash -c '"$@" 2>&-' - "$LAB" run --cpus 99
}

@test "without a home there is one, and folders that cannot be written are named" {
	run -0 env -u HOME -u XDG_CACHE_HOME "$LAB" --help
	run -0 env -u HOME -u XDG_CACHE_HOME "$LAB" show cases
	XDG_CACHE_HOME=/dev/null refused "cannot write to the cache, /dev/null/pmu_passthrough" "$LAB" payload --out "$BATS_TEST_TMPDIR/p"
	XDG_CACHE_HOME=/proc refused "cannot write to the cache, /proc/pmu_passthrough" "$LAB" payload --out "$BATS_TEST_TMPDIR/p"
	LAB_BUILD=/proc/x refused "cannot write to /proc/x" "$LAB" show words
}

@test "a stray word is refused" {
	refused "run does not take 'everything'" "$LAB" run everything
}

@test "exec without a command is refused" {
	refused "exec wants a command: scripts/lab exec -- COMMAND" "$LAB" exec
}

@test "a results file that is missing or none is refused" {
	refused "$BATS_TEST_TMPDIR/none is no file that can be read" "$LAB" table "$BATS_TEST_TMPDIR/none"
	refused "/dev/null is no file that can be read" "$LAB" table /dev/null
	printf '{"schema": 7}\n' >"$BATS_TEST_TMPDIR/other"
	refused "$BATS_TEST_TMPDIR/other is no results.json of this suite, or not a whole one (: lacks machine)" "$LAB" table "$BATS_TEST_TMPDIR/other"
	printf 'not json\n' >"$BATS_TEST_TMPDIR/text"
	refused "$BATS_TEST_TMPDIR/text is no results.json of this suite, or not a whole one" "$LAB" table "$BATS_TEST_TMPDIR/text"
}

@test "a kernel tree that is none is refused" {
	KSRC=$BATS_TEST_TMPDIR refused "KSRC=$BATS_TEST_TMPDIR is no kernel source tree" "$LAB" show source
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
	refused "no fault called 'gremlin'; see scripts/lab show faults" "$LAB" try gremlin=param_test:M1
	refused "no case called 'param_test:M'; see scripts/lab show cases" "$LAB" try wakes=param_test:M
	refused "no case called 'rfc_error_test:other.R14_nobody_is_woken_pinned'; see scripts/lab show cases" \
		"$LAB" try wakes=rfc_error_test:other.R14_nobody_is_woken_pinned
	refused "no fault called 'wakes.'; see scripts/lab show faults" "$LAB" try wakes.=param_test:M1
	refused "no case called 'rfc_error_test:[x.R14_nobody_is_woken_pinned'; see scripts/lab show cases" \
		"$LAB" try 'wakes=rfc_error_test:[x.R14_nobody_is_woken_pinned'
	refused "one case for each fault: wakes is there twice" "$LAB" try \
		wakes=rfc_error_test:R14_nobody_is_woken_pinned wakes=rfc_error_test:R14_nobody_is_woken_flexible
	refused "the fault fewer_offered is one to boot with: scripts/lab run --fault" \
		"$LAB" try fewer_offered=rfc_error_test:R14_nobody_is_woken_pinned
	refused "no option called '--strict'; see scripts/lab try --help" "$LAB" try --strict wakes=param_test:M1
	refused "--machine all is for run" "$LAB" try --machine all wakes=rfc_error_test:R14_nobody_is_woken_pinned
	refused "no option called '--fault'; see scripts/lab try --help" \
		"$LAB" try --fault wakes wakes=rfc_error_test:R14_nobody_is_woken_pinned
	KERNEL=image refused "try is for the reference kernel: no KERNEL=" \
		"$LAB" try wakes=rfc_error_test:R14_nobody_is_woken_pinned
}

@test "a disk without space is refused before anything is fetched" {
	export LAB_FREE_MIB_TEST=999999999
	run -2 --separate-stderr "$LAB" payload
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "${stderr_lines[-1]}" =~ ^"lab: no space for building QEMU: $XDG_CACHE_HOME/pmu_passthrough has "[0-9]+" MiB free, 3000 are needed"$ ]]
	[ ! -e "$XDG_CACHE_HOME/pmu_passthrough/src" ]
}

@test "a missing tool is named, and where to get it" {
	local bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	ln -s "$(command -v setpriv)" "$bin/"
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
	[ "${lines[0]}" = "Usage: scripts/lab VERB [OPTIONS]" ]
	[ "$stderr" = "" ]
}

@test "a series of no emulator, into a folder that is there, or of no source is refused" {
	SERIES=$BATS_TEST_DIRNAME/../series
	refused_by series "wants one of bochs, qemu" "$SERIES"
	refused_by series "wants one of bochs, qemu" "$SERIES" vax
	refused_by series "wants one of bochs, qemu" "$SERIES" qemu bochs
	mkdir "$BATS_TEST_TMPDIR/there"
	refused_by series "$BATS_TEST_TMPDIR/there is there already" "$SERIES" qemu --out "$BATS_TEST_TMPDIR/there"
	QEMU_SRC=$BATS_TEST_TMPDIR/there refused_by series \
		"QEMU_SRC=$BATS_TEST_TMPDIR/there is no QEMU source tree" "$SERIES" qemu
}
