# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A run made with --icount, once more: the emulator's only clock is the number
# of instructions, so that the same files give the same instructions, interrupts
# and times. That it was so is compared, not believed.

# The emulator's command as it was, without the two files that it wrote.
recorded_command() {
	local from=$1 word
	mapfile -d '' -t COMMAND < <(xargs printf '%s\0' <"$from/command")
	((${#COMMAND[@]} > 8)) || die "$from/command is no command of the emulator"
	COMMAND=("${COMMAND[@]:0:${#COMMAND[@]}-8}")
	[[ " ${COMMAND[*]} " == *" -icount "* ]] ||
		die "the run in $from was made without --icount and cannot be replayed"
	for word in "${COMMAND[@]}"; do
		[[ $word != /* || -e $word ]] || die "$word is gone, with which $from was made"
	done
}

# same_so_far FROM AGAIN FILE: is all that was written then written now? The run
# may have been ended before its end.
same_so_far() {
	local then=$1/$3 now=$2/$3
	cmp -s -n "$(stat -c %s "$then")" "$then" "$now" && return
	say "$3 differs from line $(diff "$then" "$now" | sed -n '1s/[^0-9].*//p') on; see $2"
	return 1
}

verb_replay() {
	local from=${REST[0]:-$BUILD/run} file same=yes
	for file in command initrd report.log console.log; do
		[[ -s $from/$file ]] || die "$from is no folder of a run: it has no $file"
	done
	from=$(realpath "$from")
	recorded_command "$from"
	OUT=$from/replay
	prepare_out
	say "booting once more what $from was made with"
	boot "$OUT" "$TIMEOUT" || true
	for file in report.log console.log; do
		same_so_far "$from" "$OUT" "$file" || same=
	done
	[[ -n $same ]] || return 1
	say "the same to the last byte: $(wc -l <"$from/report.log") lines of report, $(wc -l <"$from/console.log") of console"
}
