# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Commands of this machine, run inside the emulated host.

share_command() {
	COMMAND+=(-virtfs "local,path=/,mount_tag=share,security_model=none,readonly=on,multidevs=remap")
}

# A machine without a share gets copies: what the command names, what that is
# linked with or read by, and a shell.
copy_with_needs() {
	local root=$1 file=$2 word needed
	[[ $file != /@(proc|sys|dev)@(|/*) ]] || return 0
	[[ (-f $file && ! -e $root$file) || -d $file ]] || return 0
	[[ -r $file ]] || die "$file cannot be read"
	if [[ -d $file ]]; then
		mkdir -p "$root$file"
		cp -aL "$file/." "$root$file" 2>/dev/null || die "$file cannot be copied"
		return
	fi
	mkdir -p "$root$(dirname "$file")"
	cp -L "$file" "$root$file"
	# The reader of a script; env names another.
	for word in $(head -c 128 "$file" | tr -d '\0' | sed -n '1s/^#! *//p'); do
		word=$(type -P -- "$word" || true)
		[[ -z $word ]] || copy_with_needs "$root" "$word"
	done
	while IFS= read -r needed; do
		copy_with_needs "$root" "$needed"
	done < <(ldd "$file" 2>/dev/null | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p')
}

pack_share() {
	local out=$1 root=$1/share.root word path
	mkdir -p "$root/share$PWD" "$root/share$TOP" "$root"/share/{proc,sys,dev,tmp,run}
	copy_with_needs "$root/share" /bin/sh
	for word in "${REST[@]}"; do
		path=$(type -P -- "$word" || true)
		path=$(realpath -s -- "${path:-$word}" 2>/dev/null || true)
		[[ -z $path || $path == / ]] || copy_with_needs "$root/share" "$path"
	done
	pack_cpio "$root" "$out/share.cpio"
	rm -rf "$root"
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

exec_with_share() {
	local dir=$1
	share_command
	COMMAND+=(-chardev "file,id=console,path=$dir/console" -serial chardev:console
		-chardev "stdio,id=report,signal=off" -serial chardev:report)
	timeout --foreground --kill-after=5 "$TIMEOUT" "${COMMAND[@]}" </dev/null 2>"$dir/emulator.log" |
		exec_filter "$dir/status" || true
}

# A signal ends a wait at once, a pipeline not.
exec_with_copies() {
	local dir=$1
	"${EMULATED_BY}_ports" "$dir"
	: >"$dir/report.log"
	timeout --kill-after=5 "$TIMEOUT" "${COMMAND[@]}" </dev/null >"$dir/emulator.log" 2>&1 &
	BOOT_PID=$!
	tail -n +1 -s 0.2 -f --pid="$BOOT_PID" "$dir/report.log" | exec_filter "$dir/status" &
	wait "$!" || true
	BOOT_PID=
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
	: >"$dir/share.cpio"
	[[ $EMULATED_BY == qemu ]] || pack_share "$dir"
	cat "$INITRAMFS" "$dir/job.cpio" "$dir/share.cpio" >"$dir/initrd"
	boot_command "$dir/initrd"
	if [[ $EMULATED_BY == qemu ]]; then
		exec_with_share "$dir"
	else
		exec_with_copies "$dir"
	fi
	status=$(cat "$dir/status" 2>/dev/null || true)
	[[ $status =~ ^[0-9]+$ ]] || {
		tail -n 5 "$dir"/console* "$dir/emulator.log" >&2
		[[ $EMULATED_BY == qemu ]] || die "the command did not end within $TIMEOUT s"
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
