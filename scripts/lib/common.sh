# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Messages, the cache, and running long work with its progress in sight.

# Bad input, or something this machine lacks: one line, status 2.
die() {
	# shellcheck disable=SC2153 # the script's name
	printf '%s: %s\n' "$NAME" "$*" >&2
	exit 2
}

say() {
	printf '%s: %s\n' "$NAME" "$*" >&2
}

top_dir() {
	cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd
}

# Who sources this says its NAME first.
TOP=$(top_dir)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/pmu_passthrough
JOBS=${JOBS:-$(nproc)}

# shellcheck source=scripts/lib/renamed.sh
source "$TOP/scripts/lib/renamed.sh"

is_debian() {
	[[ -r /etc/os-release ]] && grep -q '^ID=debian' /etc/os-release
}

number_option() {
	local name=$1 value=$2
	[[ $value =~ ^[1-9][0-9]*$ ]] || die "$name wants a number from 1, not '$value'"
}

need_tool() {
	local tool=$1 why=$2
	command -v "$tool" >/dev/null ||
		die "$tool is missing ($why); \"scripts/lab doctor\" tells how to get it"
}

need_space() {
	local mib=$1 what=$2 free
	mkdir -p "$CACHE" 2>/dev/null || die "cannot write to the cache, $CACHE"
	free=$(df -Pm "$CACHE" | awk 'NR == 2 { print $4 }')
	((free >= ${LAB_FREE_MIB_TEST:-$mib})) ||
		die "no space for $what: $CACHE has $free MiB free, $mib are needed"
}

# need_room DIR MIB: what a run leaves in the folder of its results must fit.
need_room() {
	local free
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	((free >= $2)) || die "no room for results in $1: $free MiB free, $2 are needed"
}

# A name for everything that went into a product: files and words alike.
key_of() {
	local item
	for item in "$@"; do
		if [[ -f $item ]]; then
			sha256sum <"$item"
		elif [[ -d $item ]]; then
			(cd "$item" && find . -type f -print0 | LC_ALL=C sort -z |
				xargs -0 sha256sum)
		else
			printf '%s\n' "$item"
		fi
	done | sha256sum | cut -c1-16
}

# One build at a time in the cache; the lock goes with the process.
lock_cache() {
	mkdir -p "$CACHE" || die "cannot write to the cache, $CACHE"
	exec 9>"$CACHE/lock"
	flock -n 9 && return
	say "waiting for another build to finish"
	flock 9
}

unlock_cache() {
	exec 9>&-
}

# show_progress WHAT STEPS: on a terminal one line that changes, elsewhere a line
# now and then; with the time left if it takes about so many steps.
show_progress() {
	local tty=
	[[ ! -t 2 ]] || tty=yes
	awk -v what="$NAME: $1" -v all="$2" -v tty="$tty" '
		function now() { srand(); return srand() }
		function how_far(	of, left) {
			of = NR < all ? " of about " all : ""
			if (NR < all && NR > 20)
				left = sprintf(", about %d s left", (now() - began) * (all - NR) / NR)
			return sprintf("%s: %d%s steps%s", what, NR, of, left)
		}
		BEGIN { began = now() }
		tty { printf "\r%-79.79s", how_far() ": " $0 > "/dev/stderr" }
		!tty && NR % 250 == 0 { print how_far() > "/dev/stderr" }
		END { if (tty) printf "\r%-79s\r", "" > "/dev/stderr" }'
}

# Words for a POSIX shell; bash's own quoting is not always one.
sh_quote() {
	local word out=
	for word in "$@"; do
		out+=" '${word//\'/\'\\\'\'}'"
	done
	printf '%s\n' "${out# }"
}

# build_step WHAT STEPS LOG COMMAND...: run it, keep its output, show how far it is.
# It is taken to have about STEPS lines of output, or as many as the last time.
build_step() {
	local what=$1 steps=$2 log=$3 began=$SECONDS known
	shift 3
	known=$CACHE/steps/${what//[^a-zA-Z0-9]/_}
	[[ ! -s $known ]] || steps=$(<"$known")
	say "$what ..."
	if ! "$@" 2>&1 | tee "$log" | show_progress "$what" "$steps"; then
		tail -n 15 "$log" >&2
		die "$what failed; the whole output is in $log"
	fi
	# What was half done before has fewer.
	if (($(wc -l <"$log") > steps / 2)); then
		mkdir -p "$CACHE/steps"
		wc -l <"$log" >"$known"
	fi
	say "$what: done in $((SECONDS - began)) s"
}

# progress DONE ALL SECONDS WHAT: how far it is, and what is left at that speed.
progress() {
	local done=$1 all=$2 seconds=$3 what=$4 left=
	((done == 0)) || left=", about $((seconds * (all - done) / done)) s left"
	printf '%s: %s of %s%s: %s\n' "$NAME" $((done + 1)) "$all" "$left" "$what"
}
