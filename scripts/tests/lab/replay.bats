#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A violation, once more, instruction for instruction.

bats_require_minimum_version 1.5.0

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/../../lab OUT=$BATS_FILE_TMPDIR/out
	unset KERNEL CONTRACT PMU_SEED PMU_ORDER PMU_DELAY_US PMU_PATIENCE
	"$LAB" run --icount --fault claim_early --filter M9_the_vcpu_fd_keeps_the_claim \
		--out "$OUT" >"$BATS_FILE_TMPDIR/printed" 2>&1 || echo "$?" >"$BATS_FILE_TMPDIR/status"
}

@test "a violation is printed with the command that replays it" {
	[ "$(cat "$BATS_FILE_TMPDIR/status")" -eq 1 ]
	grep -qx "lab: the same again, instruction for instruction: scripts/lab replay $OUT" \
		"$BATS_FILE_TMPDIR/printed"
	grep -q '^  # violates M9' "$BATS_FILE_TMPDIR/printed"
}

@test "the replay is the same to the last byte, times of the kernel included" {
	run -0 "$LAB" replay "$OUT"
	[[ ${lines[-1]} == "lab: the same to the last byte: "* ]]
	cmp "$OUT/console.log" "$OUT/replay/console.log"
	grep -q 'reboot: Restarting' "$OUT/replay/console.log"
}

@test "so is a second run of the same command" {
	run ! "$LAB" run --icount --fault claim_early --filter M9_the_vcpu_fd_keeps_the_claim \
		--out "$BATS_TEST_TMPDIR/second"
	cmp "$OUT/console.log" "$BATS_TEST_TMPDIR/second/console.log"
	cmp "$OUT/report.log" "$BATS_TEST_TMPDIR/second/report.log"
}

@test "a replay that differs says from where on" {
	cp -r "$OUT" "$BATS_TEST_TMPDIR/other"
	sed -i '3s/$/ and more/' "$BATS_TEST_TMPDIR/other/report.log"
	run -1 "$LAB" replay "$BATS_TEST_TMPDIR/other"
	[[ $output == *"report.log differs from line 3 on"* ]]
}

@test "what cannot be replayed is refused with one line" {
	run -2 "$LAB" replay "$BATS_TEST_TMPDIR"
	[ "$output" = "lab: $BATS_TEST_TMPDIR is no folder of a run: it has no command.words" ]
	run -2 "$LAB" replay "$OUT" "$OUT"
	[ "${#lines[@]}" -eq 1 ]
	cp -r "$OUT" "$BATS_TEST_TMPDIR/timed"
	rm -rf "$BATS_TEST_TMPDIR/timed/replay"
	sed -i 's/-icount\x00shift=0,sleep=off\x00//' "$BATS_TEST_TMPDIR/timed/command.words"
	run -2 "$LAB" replay "$BATS_TEST_TMPDIR/timed"
	[[ $output == *"was made without --icount and cannot be replayed" ]]
	cp -r "$OUT" "$BATS_TEST_TMPDIR/gone"
	rm -rf "$BATS_TEST_TMPDIR/gone/replay"
	sed -i 's|-kernel\x00[^\x00]*|-kernel\x00/nowhere/bzImage|' "$BATS_TEST_TMPDIR/gone/command.words"
	run -2 "$LAB" replay "$BATS_TEST_TMPDIR/gone"
	[[ $output == "lab: /nowhere/bzImage is gone, "* ]]
	[ ! -e "$BATS_TEST_TMPDIR/gone/replay" ]
	cp -r "$OUT" "$BATS_TEST_TMPDIR/changed"
	sed -i 's/^[0-9a-f]/x/' "$BATS_TEST_TMPDIR/changed/kernel.sum"
	run -2 "$LAB" replay "$BATS_TEST_TMPDIR/changed"
	[[ $output == *"is another one than "* ]]
}
