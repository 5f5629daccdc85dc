# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Many runs of the lab, some at a time, that go on where they were interrupted.
# NAME is the script's, TOP the checkout.

die() {
	printf '%s: %s\n' "$NAME" "$*" >&2
	exit 2
}

number() {
	[[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 wants a number from 1, not '$2'"
}

# Everything in the checkout that a verdict depends on, as one word.
suite_state() {
	(cd "$TOP" && git ls-files -z -co --exclude-standard lab lib selftests guest_code scripts/lab scripts/lib configs |
		xargs -0 sha256sum | sha256sum | cut -c1-16)
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

# pool JOBS COMMAND ITEM...: "COMMAND ITEM" for each, at most JOBS at a time.
# Returns 1 if one failed.
pool() {
	local jobs=$1 command=$2 item running=0 status=0
	shift 2
	for item; do
		if ((running >= jobs)); then
			wait -n || status=1
			running=$((running - 1))
		fi
		"$command" "$item" &
		running=$((running + 1))
	done
	while ((running > 0)); do
		wait -n || status=1
		running=$((running - 1))
	done
	return "$status"
}
