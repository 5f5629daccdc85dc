# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What runs inside: the test programs, and the initial file system they are in.

# shellcheck source=scripts/lib/build.sh
source "$TOP/scripts/lib/build.sh"

# What test programs take from the environment.
PASSED_ON=(PMU_SEED PMU_RACE_MS PMU_EXPLORE_MS PMU_ORDER PMU_DELAY_US PMU_PATIENCE)

check_passed_on() {
	local name
	for name in "${PASSED_ON[@]}"; do
		number_option "$name" "${!name:-1}"
	done
}

# What of it is set, as the beginning of a command.
passed_on() {
	local name
	for name in "${PASSED_ON[@]}"; do
		[[ -z ${!name:-} ]] || printf '%s=%s ' "$name" "${!name}"
	done
}

# suite_build HEADERS: print the folder with the test programs.
suite_build() {
	local headers=$1 src out
	src=$(kernel_source)
	out=$BUILD/selftests-$(key_of "name $headers")
	mkdir -p "$BUILD" || die "cannot write to $BUILD"
	make -s -C "$TOP/selftests" -j "$JOBS" KSRC="$src" KHDR="$headers/usr" \
		OUTPUT="$out" >"$BUILD/selftests.log" 2>&1 || {
		tail -n 20 "$BUILD/selftests.log" >&2
		die "building the suite failed; the whole output is in $BUILD/selftests.log"
	}
	printf '%s\n' "$out"
}

# The program that asks the PMU model, for machines without an operating system.
payload_build() {
	mkdir -p "$BUILD" || die "cannot write to $BUILD"
	make -s -C "$TOP/lab/payload" OUTPUT="$BUILD/payload" >"$BUILD/payload.log" 2>&1 || {
		tail -n 20 "$BUILD/payload.log" >&2
		die "building the payload failed; the whole output is in $BUILD/payload.log"
	}
	printf '%s\n' "$BUILD/payload/payload.elf"
}

# All cases, one "program:case" a line, from the source: the programs
# themselves can only be asked where there is KVM.
list_cases() {
	local file
	for file in "$TOP"/selftests/*_test.c; do
		sed -n "s/^TEST_F[A-Z_]*(\([^,]*\), *\([^,)]*\)[,)].*/$(basename "$file" .c):\2/p" "$file"
	done
}

CASES=
# In CASES, read once: a filter may have a hundred globs.
cases_known() {
	[[ -n ${CASES:-} ]] || CASES=$(list_cases)
}

# has_fixture PROGRAM:FIXTURE.VARIANT.CASE: has that program's case that fixture?
has_fixture() {
	local program=${1%%:*} fixture=${1#*:}
	grep -q "^TEST_F[A-Z_]*(${fixture%%.*}, *${1##*.}[,)]" "$TOP/selftests/$program.c"
}

# select_cases GLOBS: those that match as a whole, or whose program or case does.
# Several globs are separated by commas. "program:fixture.variant.case", as a failed case
# has it, is that variant and no other.
select_cases() {
	local globs glob line program case
	cases_known
	IFS=, read -ra globs <<<"$1"
	while IFS= read -r line; do
		program=${line%%:*}
		case=${line#*:}
		for glob in "${globs[@]}"; do
			if [[ $glob == *:*.*.* && $line == "${glob%%:*}:${glob##*.}" ]] && has_fixture "$glob"; then
				printf '%s\n' "$glob"
				break
			fi
			# shellcheck disable=SC2053 # the right sides are patterns
			if [[ $line == $glob || $program == $glob || $case == $glob ]]; then
				printf '%s\n' "$line"
				break
			fi
		done
	done <<<"$CASES"
}

# Programs with their chosen cases, "program:case,case", as a runner wants them;
# no cases are all of them. In PMU_ORDER's order, if that is given.
tests_line() {
	local program chosen
	chosen=$(select_cases "${1:-*}")
	while IFS= read -r program; do
		printf '%s:' "$program"
		if [[ -n $1 ]]; then
			sed -n "s/^$program://p" <<<"$chosen" | sort -u | paste -sd ,
		else
			printf '\n'
		fi
	done < <(cut -d : -f 1 <<<"$chosen" | uniq | in_order) | paste -sd ' '
}

in_order() {
	if [[ -n ${PMU_ORDER:-} ]]; then
		shuf --random-source=<(yes "$PMU_ORDER")
	else
		cat
	fi
}

# check_filter GLOBS: each must choose something.
check_filter() {
	local glob globs
	cases_known
	IFS=, read -ra globs <<<"$1"
	for glob in "${globs[@]}"; do
		[[ -n $(select_cases "$glob") ]] || unknown_case "no case matches --filter" "$glob"
	done
}

# Programs and shared libraries they load, as absolute paths.
libraries_of() {
	ldd "$@" 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | sort -u
}

# initramfs_build SUITE: print a cpio with busybox, init and the programs. Made
# again only if one of these changed, by one of the runs that ask at once.
initramfs_build() {
	local suite=$1 cpio=$1/initramfs.cpio
	need_tool cpio "the initial file system"
	[[ -x /bin/busybox ]] || die "/bin/busybox is missing (the initial file system)"
	(
		flock 8
		[[ -s $cpio && -z $(find "$suite" "$TOP/lab/init" /bin/busybox -type f -newer "$cpio" -print -quit) ]] ||
			initramfs_fill "$suite" "$suite/initramfs" "$cpio"
	) 8>>"$suite/initramfs.lock"
	printf '%s\n' "$cpio"
}

initramfs_fill() {
	local suite=$1 root=$2 cpio=$3 file
	rm -rf "$root"
	mkdir -p "$root"
	# What changes from here on is newer than what is packed.
	touch "$root.began"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,root,lab}
	cp /bin/busybox "$root/bin/"
	cp "$TOP/lab/init/init" "$root/init"
	cp -r "$suite"/*_test "$suite"/{probe,calibrate,known} "$root/lab/"
	strip -g "$root"/lab/*_test "$root"/lab/{probe,calibrate}
	while IFS= read -r file; do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done < <(libraries_of "$suite"/*_test "$suite"/{probe,calibrate})
	pack_cpio "$root" "$cpio.new"
	touch -r "$root.began" "$cpio.new"
	mv "$cpio.new" "$cpio"
	rm -rf "$root"
}

pack_cpio() {
	local root=$1 out=$2
	# The same files make the same archive: its bytes are in the guest's memory.
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$out.part"
	mv "$out.part" "$out"
}

# The job of one boot, and the modules of its kernel, as a second cpio that the
# kernel unpacks over the first.
job_cpio() {
	local dir=$1 job=$2 root=$1/job.root
	shift 2
	rm -rf "$root"
	mkdir -p "$root/lab"
	cp "$job" "$root/lab/job"
	(($# == 0)) || cp "$@" "$root/lab/"
	pack_cpio "$root" "$dir/job.cpio"
	rm -rf "$root"
}
