# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# One boot of the emulated host: command line, deadline, and where the output
# goes. The kernel's console is the first serial port, the report the second.

machine_profile() {
	local name=$1 file
	file=$TOP/configs/machines/$name.conf
	[[ -r $file ]] || die "no machine called '$name'; there is: $(list_machines)"
	# shellcheck source=/dev/null
	source "$file"
	EMULATED_BY=$EMULATOR
}

list_machines() {
	local file
	for file in "$TOP"/configs/machines/*.conf; do
		basename "$file" .conf
	done | LC_ALL=C sort | paste -sd ' '
}

kernel_arguments() {
	local extra=$1
	# loglevel=6 lets every line of a kernel report reach the console, which
	# is all that is left of a kernel that dies.
	printf '%s' "console=${CONSOLE:-ttyS0} loglevel=6 panic=-1 nmi_watchdog=0" \
		" $KVM_PARAMETER=1${KERNEL_ARGUMENTS:+ $KERNEL_ARGUMENTS} tsc=reliable no_timer_check ${extra}"
}

# Print the command as one line that can be pasted into a shell.
print_command() {
	printf '%q ' "$@"
	printf '\n'
}

# failed_first OUT: wait for a case that failed, having named the rule
# STOP_AT_FIRST, or any; or for one in which the kernel complained and then nothing
# was said for longer than a case waits for anything: the kernel stopped in it. False
# if none came before the boot ended.
failed_first() {
	local out=$1 line part='' named='' silent=0 status console=0 most
	most=$((25 * ${PMU_PATIENCE:-1}))
	[[ $EMULATED_BY == qemu ]] || most=$((most * 3))
	[[ $STOP_AT_FIRST != any ]] || named=yes
	while :; do
		status=0
		# The shell does not notice the boot's end while it reads.
		IFS= read -r -t 1 line || status=$?
		part+=$line
		if ((status > 128)); then
			((++silent < most)) ||
				[[ -z $(console_complaint <(tail -c "+$((console + 1))" "$out/console.log")) ]] || return 0
			continue
		fi
		((status == 0)) || return 1
		line=$part part='' silent=0
		[[ $line != "#  RUN "* ]] || console=$(stat -c %s "$out/console.log")
		[[ ! $line =~ ^"# "(violates|undecided)" $STOP_AT_FIRST"[:.] ]] || named=yes
		[[ $line != "not ok"* || -z $named ]] || return 0
	done < <(tail -s 0.1 -n +1 -f --pid="$BOOT_PID" "$out/report.log" 2>/dev/null)
}

# follow_programs FILE: how far a run is, with PROGRAMS in all: a line that changes
# on a terminal, elsewhere one now and then.
follow_programs() {
	local line done=0 began=$SECONDS
	while IFS= read -r line; do
		[[ $line == "@@lab program "* ]] || continue
		if [[ -t 2 ]]; then
			printf '\r%-79.79s' "$(progress "$done" "$PROGRAMS" $((SECONDS - began)) "${line#@@lab program }")"
		elif ((done % 8 == 7)); then
			progress "$done" "$PROGRAMS" $((SECONDS - began)) "${line#@@lab program }"
		fi
		done=$((done + 1))
	done < <(tail -s 0.3 -n +1 -f --pid="$BOOT_PID" "$1" 2>/dev/null) >&2
	[[ ! -t 2 ]] || printf '\r%-79s\r' '' >&2
}

# boot OUT TIMEOUT: run COMMAND with the console in OUT/console.log and the
# report in OUT/report.log. Status 0 if it ended by itself, 124 at the deadline,
# 143 if it was ended after a failure.
boot() {
	local out=$1 timeout=$2 status=0 stopped=
	"${EMULATED_BY}_ports" "$out"
	print_command "${COMMAND[@]}" >"$out/command"
	printf '%s\0' "${COMMAND[@]}" >"$out/command.words"
	timeout --kill-after=10 "$timeout" "${COMMAND[@]}" \
		</dev/null >"$out/emulator.log" 2>&1 &
	BOOT_PID=$!
	((${PROGRAMS:-0} < 2)) || follow_programs "$out/report.log" &
	if [[ -n $WATCHED_BY ]] && "$WATCHED_BY" "$out"; then
		kill "$BOOT_PID" 2>/dev/null && stopped=yes
	fi
	wait "$BOOT_PID" || status=$?
	BOOT_PID=
	wait
	[[ -z $stopped ]] || return 143
	return "$status"
}
