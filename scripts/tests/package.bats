#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The Debian package builds from the tree, and what it installs works from there.

bats_require_minimum_version 1.5.0

setup_file() {
	export TOP PLACE
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	PLACE=$BATS_FILE_TMPDIR/place
	unset KERNEL CONTRACT LAB_BUILD
	mkdir "$BATS_FILE_TMPDIR/source"
	(cd "$TOP" && git ls-files -z | xargs -0 cp --parents -t "$BATS_FILE_TMPDIR/source")
	(cd "$BATS_FILE_TMPDIR/source" && dpkg-buildpackage -b -us -uc >"$BATS_FILE_TMPDIR/log" 2>&1) || {
		tail -n 20 "$BATS_FILE_TMPDIR/log"
		return 1
	}
	dpkg-deb -x "$BATS_FILE_TMPDIR"/pmu-passthrough_*_all.deb "$PLACE"
}

@test "the package needs all that the lab needs" {
	depends=$(dpkg-deb -f "$BATS_FILE_TMPDIR"/pmu-passthrough_*_all.deb Depends)
	while IFS= read -r package; do
		[[ ", $depends," == *", $package,"* ]]
	done < <(sed -n '/^#/!s/ |.*//p' "$TOP/configs/packages-debian.list")
}

@test "commands work from where they are installed, and have manual pages" {
	for command in lab host report ksft bisect mutants soak explore; do
		run -0 "$PLACE/usr/bin/pmu-passthrough-$command" --help
		[[ $output == Usage* ]]
		[ -s "$PLACE/usr/share/man/man1/pmu-passthrough-$command.1.gz" ]
	done
	[ "$("$PLACE/usr/bin/pmu-passthrough-lab" cases | wc -l)" -gt 200 ]
}

@test "manual pages are without mistakes" {
	for page in "$PLACE"/usr/share/man/man?/*.gz; do
		run -0 bash -c 'zcat "$1" | groff -man -ww -Tutf8 -rLL=100n 2>&1 >/dev/null' - "$page"
		[ -z "$output" ]
	done
	zcat "$PLACE/usr/share/man/man1/pmu-passthrough-lab.1.gz" | groff -man -Tascii -P-cbou >"$BATS_TEST_TMPDIR/page"
	grep -q 'pmu-passthrough-lab' "$BATS_TEST_TMPDIR/page"
	grep -q 'icount' "$BATS_TEST_TMPDIR/page"
	run ! grep scripts/lab "$BATS_TEST_TMPDIR/page"
}

@test "the clean tree is as before" {
	(cd "$BATS_FILE_TMPDIR/source" && debian/rules clean)
	diff <(cd "$BATS_FILE_TMPDIR/source" && find debian -type f | LC_ALL=C sort) \
		<(cd "$TOP" && git ls-files debian | LC_ALL=C sort)
	run -2 "$TOP/scripts/man" --no-such
	run -2 "$TOP/scripts/man" /proc/nowhere
	[ "${#lines[@]}" -eq 1 ]
}
