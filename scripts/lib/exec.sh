# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Commands of this machine, run inside the emulated host.

share_command() {
	COMMAND+=(-virtfs "local,path=/,mount_tag=share,security_model=none,readonly=on,multidevs=remap")
}

# Lines from the emulator to us: what init says of itself is not the command's.
exec_filter() {
	awk -v file="$1" '
		/^@@lab exec/ { on = 1; next }
		/^@@lab status / { print $3 > file; on = 0; next }
		/^@@lab fact share failed/ { print "share" > file }
		on { if (held) print line; line = $0; held = 1; fflush() }
		END { if (held && line != "") print line }'
}

verb_exec() {
	local words dir status
	((${#REST[@]})) || die "exec wants a command: scripts/lab exec -- COMMAND"
	dir=$(mktemp -d)
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$dir'" EXIT
	prepare
	words=$(sh_quote "${REST[@]}")
	printf 'JOB=exec\nTOP=%s\nDIRECTORY=%s\nCOMMAND=%s\n' \
		"$(sh_quote "$TOP")" "$(sh_quote "$PWD")" \
		"$(sh_quote "$words")" >"$dir/job"
	job_cpio "$dir" "$dir/job"
	cat "$INITRAMFS" "$dir/job.cpio" >"$dir/initrd"
	boot_command "$dir/initrd"
	share_command
	COMMAND+=(-chardev "file,id=console,path=$dir/console" -serial chardev:console
		-chardev "stdio,id=report,signal=off" -serial chardev:report)
	timeout --foreground --kill-after=5 "$TIMEOUT" "${COMMAND[@]}" </dev/null 2>"$dir/emulator.log" |
		exec_filter "$dir/status" || true
	status=$(cat "$dir/status" 2>/dev/null || true)
	[[ $status =~ ^[0-9]+$ ]] || {
		tail -n 5 "$dir/console" "$dir/emulator.log" >&2
		die "the command did not end within $TIMEOUT s, or the kernel lacks 9p (CONFIG_9P_FS, CONFIG_NET_9P_VIRTIO)"
	}
	return "$status"
}

verb_shell() {
	local dir
	[[ -t 0 ]] || die "shell wants a terminal"
	dir=$(mktemp -d)
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$dir'; stty sane" EXIT
	prepare
	printf 'JOB=shell\nTERM=%s\n' "$(sh_quote "${TERM:-vt100}")" >"$dir/job"
	job_cpio "$dir" "$dir/job"
	cat "$INITRAMFS" "$dir/job.cpio" >"$dir/initrd"
	boot_command "$dir/initrd"
	share_command
	COMMAND+=(-chardev "file,id=console,path=$dir/console" -serial chardev:console
		-chardev "stdio,id=report,signal=off" -serial chardev:report)
	say "leave with: exit"
	"${COMMAND[@]}" 2>"$dir/emulator.log"
}
