#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The lab itself, with real boots: verdicts on the unmodified kernel, and what
# becomes of kernels that panic, hang, or are not asked for a mediated PMU.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/lab/fields.bash
source "$BATS_TEST_DIRNAME/fields.bash"

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab
	export FULL=$BATS_FILE_TMPDIR/full
	unset CONTRACT
	"$LAB" run --out "$FULL" >"$BATS_FILE_TMPDIR/table" 2>&1 || printf '%s\n' $? >"$BATS_FILE_TMPDIR/status"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
}

@test "the unmodified kernel conforms but for its known defects" {
	[ ! -e "$BATS_FILE_TMPDIR/status" ]
	[ "$(field .verdict "$FULL")" = "conforms but for known defects" ]
	[ "$(outcomes "$FULL")" = "conforms known skip" ]
	[ "$(field '[.cases[] | select(.outcome == "skip") | .reason] | unique | join(",")' "$FULL")" = \
		"needs PMU_MAY_BREAK=1, and a machine that may be booted again,needs a PMU that CPUID can take away,needs a PMU with fixed counters,needs a host with LBR or PEBS,needs an Intel processor,needs the RFC's contract,needs the emulated contract,needs the perf tool" ]
	[ "$(field '[.cases[] | select(.outcome == "known") | .reason] | unique | join(",")' "$FULL")" = "known D27,known D28,known D29,known D33,known D35,known D36,known D37,known D39,known D42,known D43,known D44,known D48,known D50" ]
	[ "$(field '.stale | length' "$FULL")" = 0 ]
}

@test "every case there is was run" {
	local missing
	# Programs of the other contracts are skipped as a whole.
	missing=$(comm -23 <("$LAB" cases | grep -v '^rfc_\|^emulated_' | sort -u) \
		<(field '.cases[] | "\(.program):\(.case | split(".") | last)"' "$FULL" | sort -u))
	[ "$missing" = "" ]
}

@test "every rule of the chapter was judged" {
	local rule
	# M15, M39 and M40 cannot be asked, M36 not here: docs/contract/guest.md.
	for rule in M{1..14} M{16..35} M37 M38 M{41..85} D{13..22} D{24..26} D26c D29 D33 D36 D37 D38 D39 D42 D43 D48 D50; do
		[ "$(field "[.cases[] | select((.rules | index(\"$rule\")) and .outcome != \"skip\")] | length > 0" "$FULL")" = true ] ||
			{ echo "$rule was not judged" && false; }
	done
}

@test "the table ends with the totals alone on a line" {
	[[ "$(tail -n 1 "$BATS_FILE_TMPDIR/table")" =~ ^[0-9]+" passed, 0 failed, "[0-9]+" skipped"$ ]]
}

@test "a run leaves everything that explains it" {
	local file
	for file in results.json results.ktap console.log kernel.log config command; do
		[ -s "$FULL/$file" ]
	done
	grep -q '^TAP version 13' "$FULL/results.ktap"
	grep -q 'Linux version 7' "$FULL/kernel.log"
	grep -q '^CONFIG_PERF_EVENTS=y' "$FULL/config"
	grep -q 'qemu-system-x86_64' "$FULL/command"
}

@test "what a run leaves has the published form, and says what machine it was" {
	/usr/bin/python3 -c 'import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
		"$FULL/results.json" "$BATS_TEST_DIRNAME/../../../docs/results.schema.json"
	[ "$(field '[.facts.pmu_vendor, .facts.pmu_version, .facts.pmu_mediated, .facts.pmu_contract] | join(" ")' "$FULL")" = "AMD 2 yes mediated" ]
	[[ $(field .facts.cpu_model "$FULL") == *EPYC* ]]
	[ "$(field '.facts["/sys/module/kvm_amd/parameters/enable_mediated_pmu"]' "$FULL")" = Y ]
}

@test "asked to be strict, the known defects violate" {
	run -1 "$LAB" run --strict --filter time_test --out "$OUT"
	[ "$(field '[.cases[] | select(.outcome == "violates") | .case | split(".") | last] | sort | join(" ")')" = \
		"M23_page_leaves_the_guest_out M23_samples_leave_the_guest_out M23_time_never_goes_back_for_a_reader_elsewhere M26_a_cgroup_event_runs_as_long_as_it_is_enabled" ]
	[ "$(field .totals.known)" = 0 ]
	# What happened in each is drawn.
	run -0 "$BATS_TEST_DIRNAME/../../report" html "$OUT"
	[ "$(grep -o '<svg class="timeline"' <<<"$output" | wc -l)" -ge 3 ]
	[[ $output == *'class="guest"'* ]]
}

@test "a filter chooses one case of one program" {
	run -0 "$LAB" run --filter claim_test:M8_claim_survives_a_failed_vcpu --out "$OUT"
	[ "$(field '.cases | length')" = 1 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
}

@test "without kvm.enable_pmu the parameter reads back N" {
	run -0 "$LAB" run --append kvm.enable_pmu=0 --filter param_test --out "$OUT"
	[ "$(field '.facts["/sys/module/kvm_amd/parameters/enable_mediated_pmu"]')" = N ]
	[ "$(field '.totals.conforms')" = 2 ]
}

@test "not asked for, the parameter reads back N" {
	run -0 "$LAB" run --append kvm_amd.enable_mediated_pmu=0 --filter param_test --out "$OUT"
	[ "$(field '.facts["/sys/module/kvm_amd/parameters/enable_mediated_pmu"]')" = N ]
	[ "$(field '.totals.conforms')" = 2 ]
}

@test "a need that is absent skips with its name, and a run of skips fails" {
	run -1 "$LAB" run --append nmi_watchdog=1 --filter claim_test --out "$OUT"
	[ "$(outcomes)" = skip ]
	[ "$(field '.cases[0].reason')" = "needs kernel.nmi_watchdog=0" ]
	[ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
}

@test "a kernel that panics is a violation that says so" {
	run -1 "$LAB" run --append rdinit=/nowhere --filter param_test --out "$OUT"
	[ "$(field '.cases[0].outcome')" = violates ]
	[[ "$(field '.cases[0].reason')" == "the kernel stopped: Kernel panic - not syncing"* ]]
}

@test "a boot that does not end is stopped at its deadline" {
	run -1 "$LAB" run --timeout 1 --filter host_events_test --out "$OUT"
	[ "$(field '.cases[-1].reason')" = "the deadline passed" ]
}

@test "an image of the user's runs, and its configuration is kept" {
	local image
	image=$(field .kernel_image "$FULL")
	run -0 "$LAB" run --kernel "$image" --filter param_test --out "$OUT"
	grep -q '^CONFIG_KVM_AMD=y' "$OUT/config"
}

@test "more CPUs make no difference" {
	run -0 "$LAB" run --cpus 8 --filter claim_test --out "$OUT"
	[ "$(field .facts.cpus)" = 8 ]
	[ "$(outcomes)" = conforms ]
}

@test "a failure says where and what, and its command repeats that variant alone" {
	local again
	run -1 --separate-stderr "$LAB" run --contract rfc --fault wrong_errno --out "$OUT" \
		--filter 'rfc_creation_test:R8_R19_R22_R23_R25_R26_before_during_and_after'
	[[ $output == *"# violates R22: opening an include-guest event of a CPU is refused while that CPU is inside a guest"* ]]
	[[ $output == *"#   source    perf_force_exclude_guest_check() in the RFC; docs/contract/rfc.md"* ]]
	[[ $output == *"#   at        selftests/rfc_creation_test.c:"* ]]
	[[ $output == *"#   missed    err (errno of the call, 0 if it succeeded): expected EBUSY, was EOPNOTSUPP"* ]]
	again=$(sed -n 's/^ *#   again     scripts\/lab //p' <<<"$output" | tail -n 1)
	[[ $again == *"--filter rfc_creation_test:rfc_open."*".R8_R19_R22_R23_R25_R26_before_during_and_after" ]]
	# shellcheck disable=SC2086 # a command line
	run -1 --separate-stderr "$LAB" $again --out "$OUT"
	[ "${lines[-1]}" = "0 passed, 1 failed, 0 skipped" ]
	[ "rfc_creation_test:$(field '.cases[].case')" = "${again##* }" ]
}

@test "the kernel functions that a rule names are in the kernel's source" {
	local source name missing=''
	local top=$BATS_TEST_DIRNAME/../../..
	source=$("$LAB" source)
	for name in $("$top/scripts/rules" --list | cut -f 3 | sed 's/[a-z_]*() in the RFC//g' | grep -oE '[a-z_0-9]+\(\)' | tr -d '()' | sort -u); do
		grep -rqE "\b$name\(" "$source"/{kernel/events,kernel/watchdog.c,arch/x86/kvm,arch/x86/events,virt/kvm,tools/perf/util} \
			"$top/lab/kernel/files" || missing+="$name "
	done
	[ "$missing" = "" ]
}

@test "two runs at once in a fresh build folder both work" {
	export LAB_BUILD=$BATS_TEST_TMPDIR/build
	local first second
	"$LAB" run --filter param_test --out "$OUT.1" >"$BATS_TEST_TMPDIR/1" 2>&1 &
	first=$!
	"$LAB" run --filter param_test --out "$OUT.2" >"$BATS_TEST_TMPDIR/2" 2>&1 &
	second=$!
	wait "$first"
	wait "$second"
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/1")" = "2 passed, 0 failed, 0 skipped" ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/2")" = "2 passed, 0 failed, 0 skipped" ]
}

# begin FOLDER: a run there that is well on its way, its process in RUN.
begin() {
	local tries
	# Below nohup(1) a hangup would be ignored, and by a shell an interrupt is.
	env --default-signal=HUP,INT "$LAB" run --filter host_events_test --out "$1" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 &
	RUN=$!
	for ((tries = 0; tries < 600; tries++)); do
		! grep -q RUN "$1/report.log" 2>/dev/null || return 0
		read -rt 0.1 <> <(:) || true
	done
	return 1
}

# emulators FOLDER: those at work there.
emulators() {
	pgrep -cf "qemu-system-x86_64.*path=$1/" || true
}

@test "a folder belongs to one run at a time" {
	begin "$OUT"
	run -2 --separate-stderr "$LAB" run --filter param_test --out "$OUT"
	# shellcheck disable=SC2154 # bats sets it
	[ "$stderr" = "lab: $(realpath "$OUT") is in use by another run" ]
	kill -TERM "$RUN"
	wait "$RUN" || true
}

@test "a signal ends a run at once, with no emulator left" {
	local signal began status tries
	for signal in HUP INT TERM; do
		begin "$OUT.$signal"
		[ "$(emulators "$OUT.$signal")" -eq 1 ]
		began=$(date +%s%3N) status=0
		kill "-$signal" "$RUN"
		wait "$RUN" || status=$?
		(($(date +%s%3N) - began < 10000))
		[ "$status" -eq 2 ]
		[ "$(tail -n 1 "$BATS_TEST_TMPDIR/said")" = "lab: interrupted; what was built so far is kept" ]
		[ "$(emulators "$OUT.$signal")" -eq 0 ]
	done
	# The kernel ends it where nobody else can, and the folder is free again.
	begin "$OUT.KILL"
	kill -KILL "$RUN"
	wait "$RUN" || true
	for ((tries = 0; tries < 50; tries++)); do
		[ "$(emulators "$OUT.KILL")" -ne 0 ] || break
		read -rt 0.1 <> <(:) || true
	done
	[ "$(emulators "$OUT.KILL")" -eq 0 ]
	run -0 "$LAB" run --filter param_test --out "$OUT.KILL"
}

@test "a folder with a comma in its name takes results" {
	run -0 "$LAB" run --filter param_test --out "$OUT,x"
	[ "$(field .verdict "$OUT,x")" = conforms ]
}

@test "a verdict that cannot be written is none, and results are kept" {
	run -2 bash -c '"$@" >/dev/full' - "$LAB" run --filter param_test --out "$OUT"
	[ "$(field .verdict)" = conforms ]
}
