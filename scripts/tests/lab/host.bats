#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The suite on a machine itself, as "make check" runs it; here that machine is
# the lab's host. However a run ends, the machine is as it was.

bats_require_minimum_version 1.5.0

setup_file() {
	export TOP LAB SUITE
	TOP=$(realpath "$BATS_TEST_DIRNAME/../../..")
	LAB=$TOP/scripts/lab
	unset KERNEL CONTRACT
	SUITE=$("$TOP/scripts/host" build)
}

# on_host ARGUMENTS COMMAND: in the lab, with these kernel arguments.
on_host() {
	"$LAB" exec --append "$1" --timeout 280 -- sh -c "export NO_COLOR=1; cd '$TOP'; S=$SUITE; $2"
}

# A shell loop that waits for the condition, some seconds at the most.
WAIT='wait_for() { n=0; until eval "$1"; do n=$((n + 1)); [ $n -lt 200 ] || { echo "never: $1"; return 1; }; sleep 0.1; done; }'
MEDIATED=kvm_amd.enable_mediated_pmu=1

@test "with --fix it runs, says what it changed, and puts it back" {
	run -0 on_host "$MEDIATED nmi_watchdog=1" "
		scripts/host run --fix --suite \$S --out /tmp/o --filter 'M6_*,M17*'
		echo status \$?
		echo watchdog \$(cat /proc/sys/kernel/nmi_watchdog)
		jq -cM '[.machine, .verdict, .facts.pmu_version, .facts.pmu_contract, .facts.cpu_family_model]' /tmp/o/results.json
		ls /tmp/o /run"
	[[ $output == *"changed /proc/sys/kernel/nmi_watchdog from 1 to 0"* ]]
	[[ $output == *"4 passed, 0 failed, 0 skipped"* ]]
	[[ $output == *"put back /proc/sys/kernel/nmi_watchdog=1"* ]]
	[[ $output == *"status 0"* ]]
	[[ $output == *"watchdog 1"* ]]
	[[ $output == *'["bare-metal","conforms","2","mediated","25:17"]'* ]]
	[[ $output == *results.ktap* ]]
	[[ $output != *pmu_passthrough-* ]]
}

@test "without --fix nothing is changed, and 4 says that nothing can run" {
	run -0 on_host "$MEDIATED nmi_watchdog=1" "
		scripts/host run --suite \$S --out /tmp/o
		echo status \$?
		echo watchdog \$(cat /proc/sys/kernel/nmi_watchdog)
		# Where anybody can read it: the home of root is closed.
		mkdir /tmp/open && mount --bind '$TOP' /tmp/open
		setpriv --reuid 65534 --regid 65534 --clear-groups \\
			/tmp/open/scripts/host run --suite /tmp/open/\${S#'$TOP/'} --out /tmp/u
		echo unprivileged \$?"
	[[ $output == *"sysctl kernel.nmi_watchdog=0"* ]]
	[[ $output == *"status 4"* ]]
	[[ $output == *"watchdog 1"* ]]
	# What needs no root is asked nevertheless.
	[[ $output == *"M1    conforms   1 "* ]]
	[[ $output == *"unprivileged 4"* ]]
}

@test "killed with SIGKILL, the settings come back all the same, and nothing goes on" {
	run -0 on_host "$MEDIATED nmi_watchdog=1" "$WAIT
		dog=/proc/sys/kernel/nmi_watchdog
		\$S/probe --fix -- sh -c 'setsid sleep 1000 & exec sleep 1001' &
		wait_for '[ \$(cat \$dog) = 0 ]' && echo changed
		wait_for '[ \$(pgrep -c sleep) = 2 ]' && echo running
		\$S/probe --fix -- true
		echo second \$?
		cat \$dog
		kill -KILL \$!
		wait_for '[ \$(cat \$dog) = 1 ]' && echo back
		wait_for '! pgrep sleep' && echo ended
		# And the guardian, which is the parent of the command.
		\$S/probe --fix -- sh -c 'cat /proc/sys/kernel/nmi_watchdog; kill -KILL \$PPID; exec sleep 1000'
		wait_for '[ \$(cat \$dog) = 1 ]' && echo again
		wait_for '! ls /run/pmu_passthrough-* 2>/dev/null' && echo forgotten
		# And a whole process group, as a runner does with a job.
		setsid sh -c 'echo \$\$ >/tmp/group; exec \$0/probe --fix -- sleep 1000' \$S &
		wait_for '[ \$(cat \$dog) = 0 ]' && echo grouped
		kill -KILL -\$(cat /tmp/group)
		wait_for '[ \$(cat \$dog) = 1 ]' && echo survived"
	for word in changed running "second 2" back ended again forgotten grouped survived; do
		[[ $output == *"$word"* ]]
	done
	[[ $output == *"another run is at work"* ]]
	[[ $output != *never* ]]
}

@test "a program killed with SIGKILL leaves no CPU offline, no VM, no watchdog on" {
	run -0 on_host "$MEDIATED" "$WAIT
		cd \$S
		# Looking is no faster than the case: as often as it takes.
		caught() { # FILE VALUE PROGRAM ARGUMENTS: kill it while the file reads so
			file=\$1 value=\$2; shift 2
			for try in 1 2 3 4 5 6 7 8 9; do
				\"\$@\" >/dev/null 2>&1 &
				seen=
				while [ \"\$seen\" != \$value ] && kill -0 \$! 2>/dev/null; do
					read seen <\$file
				done
				kill -KILL \$! 2>/dev/null
				[ \$seen != \$value ] || return 0
			done
			return 1
		}
		cpu=/sys/devices/system/cpu/cpu1/online dog=/proc/sys/kernel/nmi_watchdog
		caught \$cpu 0 ./moving_test -t M48_the_guest_outlives_its_cpu && echo away
		wait_for '[ \$(cat \$cpu) = 1 ]' && echo online
		wait_for '! pgrep moving_test' && echo gone
		caught \$dog 1 ./watchdog_test && echo barking
		wait_for '! pgrep watchdog_test' && echo gone
		wait_for '[ \$(cat \$dog) = 0 ]' && echo quiet
		./claim_test -t M9_the_vcpu_fd_keeps_the_claim 2>&1 | tail -n 1"
	for word in away online barking quiet; do
		[[ $output == *$word* ]]
	done
	[ "$(grep -c '^gone' <<<"$output")" -eq 2 ]
	[[ $output != *never* ]]
	[[ $output == *"pass:1 fail:0"* ]]
}

@test "a program that made the kernel lower the sampling rate leaves it as it was" {
	run -0 on_host "$MEDIATED" "$WAIT
		cd \$S
		rate=/proc/sys/kernel/perf_event_max_sample_rate
		echo 25 >/proc/sys/kernel/perf_cpu_time_max_percent
		cat \$rate
		./exits_test >/dev/null 2>&1 &
		wait_for 'grep -q max_sample_rate /run/pmu_passthrough-cases 2>/dev/null' && echo kept
		# As the kernel does, which may or may not have come to it.
		echo 12345 >\$rate
		kill -KILL \$!
		wait_for '! ls /run/pmu_passthrough-* 2>/dev/null' && echo forgotten
		cat \$rate
		# Without a limit there is nothing to keep, and nothing that could be written.
		echo 0 >/proc/sys/kernel/perf_cpu_time_max_percent
		./exits_test >/dev/null 2>&1
		echo status \$?"
	[[ $output == *kept* ]]
	[[ $output == *forgotten* ]]
	[ "$(grep -c '^100000' <<<"$output")" -eq 2 ]
	[[ $output == *"status 0"* ]]
	[[ $output != *never* ]]
}

@test "so does one that changed the limits itself, whatever they were" {
	run -0 on_host "$MEDIATED" "$WAIT
		cd \$S
		rate=/proc/sys/kernel/perf_event_max_sample_rate
		percent=/proc/sys/kernel/perf_cpu_time_max_percent
		for limit in 25 0; do
			echo 25 >\$percent
			echo 50000 >\$rate
			echo \$limit >\$percent
			for program in throttle_test explore_test; do
				PMU_EXPLORE_MS=20000 ./\$program >/dev/null 2>&1 &
				wait_for '[ \$(cat \$rate) != 50000 ]' && echo changed
				kill -KILL \$!
				wait_for '! ls /run/pmu_passthrough-* 2>/dev/null'
				echo \$(cat \$rate \$percent)
			done
		done"
	[ "$(grep -c '^changed' <<<"$output")" -eq 4 ]
	[ "$(grep -c '^50000 25' <<<"$output")" -eq 2 ]
	[ "$(grep -c '^50000 0' <<<"$output")" -eq 2 ]
	[[ $output != *never* ]]
}

@test "an interrupted run says so, and leaves the machine as it was" {
	run -0 on_host "$MEDIATED nmi_watchdog=1" "$WAIT
		scripts/host run --fix --suite \$S --out /tmp/o --filter time_test &
		wait_for 'grep -q RUN /tmp/o/report.log 2>/dev/null'
		kill -TERM \$!
		wait \$!
		echo status \$?
		wait_for '! pgrep time_test' && echo ended
		wait_for '[ \$(cat /proc/sys/kernel/nmi_watchdog) = 1 ]' && echo back"
	[[ $output == *"host: interrupted"* ]]
	[[ $output == *"status 2"* ]]
	[[ $output == *ended* ]]
	[[ $output == *back* ]]
}

@test "bad input is refused with one line" {
	refused() {
		run -2 --separate-stderr "$TOP/scripts/host" "$@"
		[ -z "$output" ]
		# shellcheck disable=SC2154 # bats sets it
		[ "${#stderr_lines[@]}" -eq 1 ]
	}
	refused
	refused ran
	refused run --fixx
	refused run --filter no_such_case
	refused run --timeout soon
	PMU_SEED=x refused run
	refused run --suite "$TOP"
	refused probe --fix
}
