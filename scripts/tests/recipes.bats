#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The recipes for other CI systems: well-formed, their commands real, and what can
# be run of them without those systems is run.

bats_require_minimum_version 1.5.0

setup() {
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	CI=$TOP/configs/ci
}

# commands FILE PATH...: what a recipe runs, as one script.
commands() {
	/usr/bin/python3 - "$@" <<'X'
import sys, yaml
node = yaml.safe_load(open(sys.argv[1]))
for step in sys.argv[2:]:
    node = node[int(step) if step.isdigit() else step]
print("\n".join(node) if isinstance(node, list) else node)
X
}

@test "every recipe is YAML" {
	for file in "$CI"/*.y*ml "$CI"/cki/*.fmf "$TOP"/.github/workflows/*; do
		/usr/bin/python3 -c 'import sys, yaml; assert isinstance(yaml.safe_load(open(sys.argv[1])), dict)' "$file"
	done
}

@test "what they run is shell, and scripts and options that there are" {
	{
		for i in 0 4 5 6; do
			commands "$TOP/.github/workflows/lab.yml" jobs lab steps "$i" run
		done
		for part in before_script script after_script; do
			commands "$CI/gitlab.yml" pmu_passthrough "$part"
		done
		commands "$CI/lava.yaml" run steps
	} >"$BATS_TEST_TMPDIR/all"
	shellcheck -s bash -e SC2154,SC2164,SC2103 "$BATS_TEST_TMPDIR/all"
	[ "$(grep -o 'scripts/[a-z]*' "$BATS_TEST_TMPDIR/all" | sort -u | paste -sd ' ')" = "scripts/host scripts/report" ]
	grep -o 'scripts/[a-z]* .*' "$BATS_TEST_TMPDIR/all" "$TOP/docs/recipes.md" "$CI/cki/runtest.sh" | sed 's/.*:scripts/scripts/' |
		grep -o -e '^scripts/[a-z]*' -e ' --[a-z]*' | awk '/^scripts/ { script = $1; next } { print script, $1 }' |
		sort -u >"$BATS_TEST_TMPDIR/options"
	while read -r script option; do
		{ "$TOP/$script" --help-all 2>/dev/null || "$TOP/$script" --help; } | grep -q -e "$option" || {
			printf '%s has no %s\n' "$script" "$option"
			return 1
		}
	done <"$BATS_TEST_TMPDIR/options"
}

@test "the steps for LAVA report a run, and raise when nothing ran" {
	mkdir -p "$BATS_TEST_TMPDIR/scripts" "$BATS_TEST_TMPDIR/results"
	cat >"$BATS_TEST_TMPDIR/scripts/host" <<'X'
#!/bin/sh
exit "${FAKE_STATUS:-1}"
X
	printf '#!/bin/sh\necho "$@"\n' >"$BATS_TEST_TMPDIR/scripts/report"
	printf '#!/bin/sh\necho raised; exit 1\n' >"$BATS_TEST_TMPDIR/lava-test-raise"
	chmod +x "$BATS_TEST_TMPDIR"/scripts/* "$BATS_TEST_TMPDIR/lava-test-raise"
	commands "$CI/lava.yaml" run steps >"$BATS_TEST_TMPDIR/steps"
	cd "$BATS_TEST_TMPDIR" || return
	PATH=$BATS_TEST_TMPDIR:$PATH
	run -0 sh -e steps
	[ "$output" = "lava results" ]
	FAKE_STATUS=4 run -1 sh -e steps
	[[ $output == raised* ]]
}

@test "the test for CKI leaves results of tmt, and is an error when nothing ran" {
	mkdir -p "$BATS_TEST_TMPDIR/configs/ci/cki" "$BATS_TEST_TMPDIR/scripts" "$BATS_TEST_TMPDIR/data"
	cp "$CI/cki/runtest.sh" "$BATS_TEST_TMPDIR/configs/ci/cki"
	printf '#!/bin/sh\nexit "${FAKE_STATUS:-1}"\n' >"$BATS_TEST_TMPDIR/scripts/host"
	printf '#!/bin/sh\necho "$@"\n' >"$BATS_TEST_TMPDIR/scripts/report"
	chmod +x "$BATS_TEST_TMPDIR"/scripts/*
	export TMT_TEST_DATA=$BATS_TEST_TMPDIR/data
	cd /
	run -0 "$BATS_TEST_TMPDIR/configs/ci/cki/runtest.sh"
	[ "$output" = "tmt --out $TMT_TEST_DATA/results.yaml $TMT_TEST_DATA/run" ]
	FAKE_STATUS=4 run -2 "$BATS_TEST_TMPDIR/configs/ci/cki/runtest.sh"
	[ -z "$output" ]
}
