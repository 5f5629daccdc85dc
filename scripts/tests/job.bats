#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The job that a resumed host is sent: a whole one is done, any other ends the host without
# a word, which has the run begin with a boot.

bats_require_minimum_version 1.5.0

setup() {
	TOP=$BATS_TEST_DIRNAME/../..
	HOST=$BATS_TEST_TMPDIR/host
	SENT=$BATS_TEST_TMPDIR/sent
	{
		echo 'bb=busybox'
		echo 'off() { echo off; exit; }'
		sed -n '/^be_sent_a_job() {/,/^}/p' "$TOP/lab/init/init" | sed "s,/lab/,$BATS_TEST_TMPDIR/,"
		echo 'be_sent_a_job'
		echo 'echo "$JOB"; echo "$TESTS"'
	} >"$HOST"
	# As scripts/pmu_passthrough/lab/state.py writes it.
	PYTHONPATH=$TOP/scripts /usr/bin/python3 - "$SENT" <<-'END'
		import sys
		from pathlib import Path
		from pmu_passthrough.lab.state import sent
		job = "JOB=run\nTESTS='a_test:M1_x b_test:'\nSHOWN='a\\tb'\n"
		Path(sys.argv[1]).write_bytes(sent(job))
	END
}

host() {
	busybox sh "$HOST" <"$SENT"
}

@test "a whole job is done, whatever came before it" {
	run -0 host
	[ "$output" = "@@lab ready"$'\n'"run"$'\n'"a_test:M1_x b_test:" ]
	sed -i '1s/^/xx/' "$SENT"
	run -0 host
	[ "${lines[1]}" = run ]
}

@test "one that lost something is not" {
	local whole
	whole=$(cat "$SENT")
	for lost in "M1" "'" "JOB=run" "t" "job ends" "job begins"; do
		printf '%s\n' "${whole/"$lost"/}" >"$SENT"
		run -0 host
		[ "$output" = "@@lab ready"$'\n'"off" ]
	done
}
