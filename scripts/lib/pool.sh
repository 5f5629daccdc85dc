# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Many runs of the lab, some at a time, that go on where they were interrupted.
# NAME is the script's, TOP the checkout.

# shellcheck source=scripts/lib/build.sh
source "$TOP/scripts/lib/build.sh"
# shellcheck source=scripts/lib/renamed.sh
source "$TOP/scripts/lib/renamed.sh"

die() {
	printf '%s: %s\n' "$NAME" "$*" >&2
	exit 2
}

number() {
	[[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 wants a number from 1, not '$2'"
}

files_of() {
	if [[ $TOP == /usr/* ]]; then
		find "$@" -type f | LC_ALL=C sort
	else
		git ls-files -co --exclude-standard "$@"
	fi
}

# Everything that a verdict depends on, as one word: the checkout, the kernel and
# the emulator. What is asked first is not among it.
suite_state() {
	local files
	files=$(cd "$TOP" && files_of lab lib selftests guest_code scripts/lab scripts/lib configs | grep -vx configs/killing-cases.list) ||
		die "$TOP is neither a checkout of git nor installed"
	{
		(cd "$TOP" && xargs -d '\n' sha256sum <<<"$files") || die "files of $TOP are missing"
		"$LAB" image --reference
		"$LAB" image
		printf '%s\n' "${KSRC:-}" "${QEMU_SRC:-}" "${BOCHS_SRC:-}" "${LAB_MEMORY_MIB:-}"
	} | sha256sum | cut -c1-16
}

# left DONE ALL: words for the time that is left at the speed so far, if known.
left() {
	(($1 == 0)) || printf ', about %s min left' $((SECONDS * ($2 - $1) / $1 / 60))
}

descendants() {
	local child
	for child in $(pgrep -P "$1"); do
		descendants "$child"
		printf '%s\n' "$child"
	done
}

interrupted() {
	trap '' INT TERM
	descendants $$ | xargs -r kill -KILL 2>/dev/null || true
	die "interrupted; the same command goes on from here"
}

# pool JOBS COMMAND ITEM...: "COMMAND ITEM" for each, at most JOBS at a time. If
# one fails, all that were begun are waited for, and the script ends with status 2.
# Not to be called in a condition: nothing in the jobs would be checked then.
pool() {
	local jobs=$1 command=$2 item running=0 failed=
	shift 2
	for item; do
		if ((running >= jobs)); then
			wait -n || failed=yes
			running=$((running - 1))
		fi
		[[ -z $failed ]] || break
		"$command" "$item" &
		running=$((running + 1))
	done
	while ((running > 0)); do
		wait -n || failed=yes
		running=$((running - 1))
	done
	[[ -z $failed ]] || exit 2
}
