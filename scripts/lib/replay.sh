# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A run made with --icount, once more: the emulator's only clock is the number
# of instructions, so that the same files give the same instructions, interrupts
# and times. That it was so is compared, not believed.

# The emulator's command as it was, with the files of this folder, without the
# two that it wrote.
recorded_command() {
	local from=$1 word at
	mapfile -d '' -t COMMAND <"$from/command.words"
	((${#COMMAND[@]} > 8)) || die "$from/command.words is no command of the emulator"
	COMMAND=("${COMMAND[@]:0:${#COMMAND[@]}-8}")
	[[ " ${COMMAND[*]} " == *" -icount "* ]] ||
		die "the run in $from was made without --icount and cannot be replayed"
	for at in "${!COMMAND[@]}"; do
		[[ ${COMMAND[at]} != -initrd ]] || COMMAND[at + 1]=$from/initrd
	done
	for word in "${COMMAND[@]}"; do
		[[ $word != /* || -e $word ]] || die "$word is gone, with which $from was made"
	done
	(cd / && sha256sum --quiet --strict -c "$from/kernel.sum" >/dev/null 2>&1) ||
		die "the kernel is another one than $from was made with"
}

# Called before the boot: what it boots, and for how long, for a replay.
record_boot() {
	local out=$1 kernel=$2
	printf '%s\n' "$TIMEOUT" >"$out/timeout"
	(cd "$out" && sha256sum "$kernel") >"$out/kernel.sum"
}

# same_so_far FROM AGAIN FILE: is all that was written then written now? The run
# may have been ended before its end.
same_so_far() {
	local then=$1/$3 now=$2/$3
	cmp -s -n "$(stat -c %s "$then")" "$then" "$now" && return
	say "$3 differs from line $(diff -a "$then" "$now" | sed -n '1s/[^0-9].*//p') on; see $2"
	return 1
}

verb_replay() {
	local from=${REST[0]:-$BUILD/run} file same=yes status=0
	((${#REST[@]} <= 1)) || die "replay takes one folder, not '${REST[1]}' as well"
	[[ ! -s $from/bochsrc ]] || die "the run in $from was made on an Intel machine and cannot be replayed"
	for file in command.words initrd timeout kernel.sum report.log console.log; do
		[[ -s $from/$file ]] || die "$from is no folder of a run: it has no $file"
	done
	from=$(realpath "$from")
	EMULATED_BY=qemu
	recorded_command "$from"
	TIMEOUT=$(cat "$from/timeout")
	number_option "$from/timeout" "$TIMEOUT"
	OUT=$from/replay
	prepare_out
	say "booting once more what $from was made with"
	boot "$OUT" "$TIMEOUT" || status=$?
	case $status in
	0 | 124 | 137) ;;
	*) die "the emulator ended with status $status: $(head -n 1 "$OUT/emulator.log")" ;;
	esac
	for file in report.log console.log; do
		same_so_far "$from" "$OUT" "$file" || same=
	done
	[[ -n $same ]] || return 1
	say "the same to the last byte: $(wc -l <"$from/report.log") lines of report, $(wc -l <"$from/console.log") of console"
}
