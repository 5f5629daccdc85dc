# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A run whose emulator knows no clock but the number of instructions, once more:
# Bochs always, QEMU with --icount. The same files give the same instructions,
# interrupts and times. That it was so is compared, not believed.

# still_there FROM FILE...: is all of that there which FROM was made with?
still_there() {
	local from=$1 file
	shift
	for file; do
		[[ $file != /* || -e $file ]] || die "$file is gone, with which $from was made"
	done
}

can_be_replayed() {
	[[ -n $ICOUNT || $EMULATED_BY == bochs ]]
}

# Called before the boot: what it boots, and for how long, for a replay.
record_boot() {
	local out=$1 kernel=$2
	printf '%s\n' "$TIMEOUT" >"$out/timeout"
	[[ $EMULATED_BY == qemu ]] || kernel=disk.iso
	(cd "$out" && sha256sum "$kernel") >"$out/kernel.sum"
}

# same_kernel FROM: is what FROM booted what it was?
same_kernel() {
	(cd "$1" && sha256sum --quiet --strict -c kernel.sum >/dev/null 2>&1) ||
		die "the kernel is another one than $1 was made with"
}

# same_so_far FROM AGAIN FILE: is all that was written then written now? The run
# may have been ended before its end, and with ENDED so was the replay.
same_so_far() {
	local then=$1/$3 now=$2/$3 size other
	size=$(stat -c %s "$then")
	other=$(stat -c %s "$now")
	((other > size)) || [[ -z $ENDED ]] || size=$other
	cmp -s -n "$size" "$then" "$now" && return
	say "$3 differs from line $(diff -a "$then" "$now" | sed -n '1s/[^0-9].*//p') on; see $2"
	return 1
}

verb_replay() {
	local from=${REST[0]:-$BUILD/run} file same=yes status=0
	ENDED=
	((${#REST[@]} <= 1)) || die "replay takes one folder, not '${REST[1]}' as well"
	[[ -s $from/bochsrc ]] && EMULATED_BY=bochs || EMULATED_BY=qemu
	for file in command.words $("${EMULATED_BY}_boot_files") timeout report.log console.log; do
		[[ -s $from/$file ]] || die "$from is no folder of a run: it has no $file"
	done
	from=$(realpath "$from")
	mapfile -d '' -t COMMAND <"$from/command.words"
	((${#COMMAND[@]} > 8)) || die "$from/command.words is no command of the emulator"
	"${EMULATED_BY}_recorded" "$from"
	TIMEOUT=$(cat "$from/timeout")
	number_option "$from/timeout" "$TIMEOUT"
	OUT=$from/replay
	prepare_out
	say "booting once more what $from was made with"
	boot "$OUT" "$TIMEOUT" || status=$?
	# Bochs has no other end than a panic.
	((status == 0 || status == 124 || status == 137)) || [[ -s $OUT/report.log ]] ||
		die "the emulator ended with status $status: $(head -n 1 "$OUT/emulator.log")"
	((status != 124 && status != 137)) || ENDED=yes
	for file in report.log console.log; do
		same_so_far "$from" "$OUT" "$file" || same=
	done
	[[ -n $same ]] || return 1
	# What was not reached was not compared.
	if [[ -n $ENDED ]]; then
		[[ -s $OUT/report.log ]] || die "the replay reported nothing within $TIMEOUT s"
		say "the same as far as the replay came within $TIMEOUT s: $(wc -l <"$OUT/report.log") of $(wc -l <"$from/report.log") lines of report"
		return
	fi
	say "the same to the last byte: $(wc -l <"$from/report.log") lines of report, $(wc -l <"$from/console.log") of console"
}
