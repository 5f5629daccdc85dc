#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Results as others read them: well-formed, complete, and looked at.

bats_require_minimum_version 1.5.0

# shellcheck source=scripts/tests/results.bash
source "$BATS_TEST_DIRNAME/results.bash"

setup() {
	REPORT=$BATS_TEST_DIRNAME/../report
	SCHEMA=$BATS_TEST_DIRNAME/../../docs/results.schema.json
	export LAB_BUILD=$BATS_TEST_TMPDIR/build
	RUN=$BATS_TEST_TMPDIR/run
	mkdir -p "$RUN"
	run_of '"conforms"' >"$RUN/results.json"
	printf 'CONFIG_KVM=y\n' >"$RUN/config"
	printf '[    0.1] kvm: <hello> & "goodbye"\n' >"$RUN/kernel.log"
}

# run_of OUTCOME: a run with a case of each outcome, the first with this one.
run_of() {
	jq -n --argjson first "$1" '
		def case($name; $outcome; $reason; $said): { program: "claim_test", case: "claim.\($name)",
			rules: ["M9"], outcome: $outcome, reason: $reason, said: $said };
		{ schema: 1, machine: "amd-zen4", contract: "mediated", kernel: "plain", kernel_image: "/k/bzImage",
		  fault: "", cpus: 2, emulator: "QEMU 10.0.13", boot_seconds: 9, command: "qemu -append \"a <b>\"", complete: true,
		  facts: { release: "7.3.4", version: "#1 SMP", cmdline: "quiet", cpus: "2" }, stale: [], verdict: "violates",
		  totals: { conforms: 1, known: 1, violates: 1, broken: 1, undecided: 1, skip: 1 },
		  cases: [ case("M9_first"; $first; ""; ["# \($first) M9: words"]),
			case("M9_known"; "known"; "known D28"; ["# known D28 M9: old <news>", "#   missed    claimed (an include-guest event is refused now: the PMU is claimed): expected 1, was 0"]),
			case("M9_violates"; "violates"; ""; ["# violates M9: the claim & \u0007 it", "#   observed  claimed=0", "#   again     scripts/lab run --filter claim_test:M9_violates",
				"#   timeline  0.0 cpu0 open fd 5", "#   timeline  10.0 cpu1 guest 77 in", "#   timeline  30.0 cpu1 inside since 20.0",
				"#   timeline  40.0 cpu0 guest 77 out", "#   timeline  45.0 cpu0 read fd 5 count 7", "#   timeline  50.0 cpu0 error fd 5"]),
			case("M9_broken"; "broken"; ""; ["# broken claim_test.c:1: open: <x>"]),
			case("M9_undecided"; "undecided"; ""; ["# undecided M9: words"]),
			case("M9_skip"; "skip"; "needs KVM"; []) ] }' | counted .
}

@test "the sample of these tests has the published form" {
	/usr/bin/python3 - "$SCHEMA" "$RUN/results.json" <<'EOF'
import json, sys, jsonschema
schema, run = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(run, schema)
run["cases"][0]["outcome"] = "passed"
try:
    jsonschema.validate(run, schema)
except jsonschema.ValidationError:
    sys.exit(0)
sys.exit("a made-up outcome is valid")
EOF
}

@test "openQA gets the known defects by subtest, each once" {
	run -0 "$REPORT" openqa "$RUN" "$RUN/results.json"
	[ "$(jq -c . <<<"$output")" = \
		'{"pmu_passthrough":{"claim.M9_known":[{"message":"known D28 M9: old <news>"}]}}' ]
}

@test "tmt gets a result a case, and only what conforms passes there" {
	run -0 "$REPORT" tmt "$RUN"
	[ "$(jq -r '.[] | "\(.name | split("/") | last) \(.result)"' <<<"$output" | paste -sd ' ')" = \
		"claim.M9_first pass claim.M9_known info claim.M9_violates fail claim.M9_broken error claim.M9_undecided error claim.M9_skip skip" ]
	[ "$(jq -r '.[0].name' <<<"$output")" = /mediated/claim_test/claim.M9_first ]
	[ "$(jq -r '.[5].note[0]' <<<"$output")" = "needs KVM" ]
}

@test "JUnit is well-formed, and only what conforms passes there" {
	run -0 "$REPORT" junit --out "$BATS_TEST_TMPDIR/junit.xml" "$RUN"
	xmllint --noout "$BATS_TEST_TMPDIR/junit.xml"
	count() {
		xmllint --xpath "count($1)" "$BATS_TEST_TMPDIR/junit.xml"
	}
	[ "$(count //testcase)" -eq 6 ]
	[ "$(count '//testcase[not(*)]')" -eq 1 ]
	[ "$(count '//testcase/failure')" -eq 2 ]
	[ "$(count '//testcase/error')" -eq 1 ]
	[ "$(count '//testcase[skipped/@message="known D28"]')" -eq 1 ]
	[ "$(count '//testcase[skipped/@message="needs KVM"]')" -eq 1 ]
	[ "$(count '//testsuite[@tests=6 and @failures=2 and @errors=1 and @skipped=2]')" -eq 1 ]
}

@test "LAVA hears of every case, and passes only what conforms" {
	run -0 "$REPORT" lava "$RUN"
	[ "${#lines[@]}" -eq 6 ]
	[ "${lines[0]}" = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=mediated.claim_test.claim.M9_first RESULT=pass>" ]
	[ "$(grep -c 'RESULT=pass>' <<<"$output")" -eq 1 ]
	[ "$(grep -c 'RESULT=fail>' <<<"$output")" -eq 3 ]
	[[ ${lines[1]} == *RESULT=unknown* ]]
}

@test "KCIDB has every case, and ties a known defect to its issue" {
	run -0 "$REPORT" kcidb --origin lab --checkout abc --out "$BATS_TEST_TMPDIR/k.json" "$RUN"
	run -0 jq -c '[.tests[].status]' "$BATS_TEST_TMPDIR/k.json"
	[ "$output" = '["PASS","FAIL","FAIL","ERROR","ERROR","SKIP"]' ]
	run -0 jq -e '.version == { major: 5, minor: 3 } and .incidents[0].issue_id == .issues[0].id
		and .incidents[0].test_id == .tests[1].id and .issues[0].id == "lab:pmu_passthrough-D28"
		and all(.tests[]; .path | test("^[a-zA-Z0-9_-]+([.][a-zA-Z0-9_-]+)*$"))
		and all(.tests[], .builds[], .checkouts[]; .id | startswith("lab:"))
		and ([.tests[].id] | length == (unique | length))
		and all(.. ; . != null)' "$BATS_TEST_TMPDIR/k.json"
}

@test "KCIDB hears of the source, the kernel's build and where the logs are, if that is known" {
	local folder=$BATS_TEST_TMPDIR/runs/one
	mkdir -p "$folder"
	jq '.started = "2026-01-31T12:00:00+00:00" | .cases[0].durations = { took: 0.5 }
		| .facts.version = "#1 SMP Sat Jan 31 11:00:00 UTC 2026"' "$RUN/results.json" >"$folder/results.json"
	echo 'CONFIG_CC_VERSION_TEXT="gcc 14"' >"$folder/config"
	run -0 "$REPORT" kcidb --origin lab --checkout abc --commit "$(printf 'a%.0s' {1..40})" --tree next \
		--logs https://logs.example/1/ --out "$BATS_TEST_TMPDIR/k.json" "$BATS_TEST_TMPDIR/runs"
	run -0 jq -e '.checkouts[0].tree_name == "next" and .builds[0].compiler == "gcc 14"
		and .builds[0].start_time == "2026-01-31T11:00:00+00:00"
		and .builds[0].config_url == "https://logs.example/1/one/config"
		and .tests[0].start_time == "2026-01-31T12:00:00+00:00" and .tests[0].duration == 0.5
		and .tests[0].output_files[1].url == "https://logs.example/1/one/results.json"
		and .builds[0].misc.variant == "plain"
		and (.tests[0] | has("log_url") | not)
		and all(.. ; . != null)' "$BATS_TEST_TMPDIR/k.json"
}

@test "KCIDB ids differ from run to run, and are the same for the same run" {
	ids() {
		"$REPORT" kcidb --origin lab --checkout abc "$1" | jq -r '.builds[].id, .tests[].id'
	}
	jq '.boot_seconds = 10' "$RUN/results.json" >"$BATS_TEST_TMPDIR/later.json"
	[ "$(ids "$RUN")" = "$(ids "$RUN/results.json")" ]
	[ -z "$(comm -12 <(ids "$RUN" | sort) <(ids "$BATS_TEST_TMPDIR/later.json" | sort))" ]
}

@test "a run in which nothing ran, or that broke off, is green nowhere" {
	local xml=$BATS_TEST_TMPDIR/none.xml
	counted '.cases[].outcome = "skip" | .cases[].reason = "needs KVM"' "$RUN/results.json" >"$BATS_TEST_TMPDIR/none.json"
	run -0 "$REPORT" junit --out "$xml" "$BATS_TEST_TMPDIR/none.json"
	[ "$(xmllint --xpath 'count(//testcase/error)' "$xml")" -eq 1 ]
	run -0 "$REPORT" lava "$BATS_TEST_TMPDIR/none.json"
	[ "${lines[-1]}" = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=mediated.run.verdict RESULT=fail>" ]
	run -0 "$REPORT" html "$BATS_TEST_TMPDIR/none.json"
	[[ $output == *'<span id="verdict"><span class="badge broken">'* ]]
	counted '.cases |= [.[0]] | .complete = false' "$RUN/results.json" >"$BATS_TEST_TMPDIR/none.json"
	run -0 "$REPORT" junit --out "$xml" "$BATS_TEST_TMPDIR/none.json"
	[ "$(xmllint --xpath 'count(//testcase/error)' "$xml")" -eq 1 ]
}

@test "the page needs nothing beside it, and hides nothing" {
	local page=$BATS_TEST_TMPDIR/page.html
	run -0 "$REPORT" html --out "$page" "$RUN"
	run ! grep -E '<script|src=|href="[^#]|url\(|@import' "$page"
	grep -q 'old &lt;news&gt;' "$page"
	grep -q 'CONFIG_KVM=y' "$page"
	grep -q '&lt;hello&gt; &amp; &#34;goodbye&#34;' "$page"
	grep -q 'Again: <code>scripts/lab run --filter claim_test:M9_violates' "$page"
	[ "$(grep -c '<h2 id="run' "$page")" -eq 1 ]
}

@test "a browser shows verdict, rule and evidence" {
	local page=$BATS_TEST_TMPDIR/page.html seen=$BATS_TEST_TMPDIR/seen.html
	run -0 "$REPORT" html --out "$page" "$RUN"
	chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$BATS_TEST_TMPDIR/profile" \
		--dump-dom "file://$page" >"$seen" 2>/dev/null
	xmllint --html --noout "$seen" 2>/dev/null
	text() {
		xmllint --html --xpath "string($1)" "$seen" 2>/dev/null
	}
	[ "$(text '//*[@id="verdict"]')" = violates ]
	[[ $(text '//tr[@id="run0-M9"]') == *"the claim is released when the last reference to the VM goes"* ]]
	[[ $(text '//div[@class="case"][1]') == *"observed  claimed=0"* ]]
	[ "$(text '//div[@class="case"][1]//a/@href')" = "#run0-M9" ]
	# A lane for each CPU, the guest as a bar, what was done to events as marks.
	count() {
		xmllint --html --xpath "count(//*[local-name()='svg']$1)" "$seen" 2>/dev/null
	}
	[ "$(count)" -eq 1 ]
	[ "$(count "//*[local-name()='line']")" -eq 2 ]
	[ "$(count "//*[@class='guest' and @x=240 and @width=540]")" -eq 1 ]
	[ "$(count "//*[@class='inside' and @x=420 and @width=180]")" -eq 1 ]
	[ "$(count "//*[local-name()='path']")" -eq 3 ]
	[ "$(count "//*[local-name()='path' and @stroke='#cf222e']")" -eq 1 ]
	chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$BATS_TEST_TMPDIR/profile" \
		--window-size=1200,1200 --screenshot="$BATS_TEST_TMPDIR/seen.png" "file://$page" 2>/dev/null
	[ "$(head -c 8 "$BATS_TEST_TMPDIR/seen.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
}

@test "two results are compared, and a new failure is the status" {
	mkdir "$BATS_TEST_TMPDIR/now"
	run_of '"violates"' | counted '(.cases[] | select(.outcome == "skip")).reason = "needs a PMU"
		| (.cases[] | select(.outcome == "broken")) |= (.outcome = "conforms")' >"$BATS_TEST_TMPDIR/now/results.json"
	run -1 "$REPORT" diff "$RUN" "$BATS_TEST_TMPDIR/now"
	[ "${lines[0]}" = "$(printf 'new failure\tmediated claim_test:claim.M9_first\tconforms -> violates')" ]
	[ "${lines[1]}" = "$(printf 'fixed\tmediated claim_test:claim.M9_broken\tbroken -> conforms')" ]
	[ "${lines[2]}" = "$(printf 'changed need\tmediated claim_test:claim.M9_skip\tskip (needs KVM) -> skip (needs a PMU)')" ]
	[ "${lines[3]}" = "1 new failures, 1 fixed, 1 other changes, 6 cases" ]
	run -0 "$REPORT" diff "$RUN" "$RUN"
	# Not asked any more is not fixed.
	run_of '"conforms"' | counted '.cases[].outcome = "skip" | .cases[].reason = "needs KVM"' >"$BATS_TEST_TMPDIR/now/results.json"
	run -0 "$REPORT" diff "$RUN" "$BATS_TEST_TMPDIR/now"
	[[ ${lines[-1]} == "0 new failures, 0 fixed, "* ]]
}

@test "ten thousand cases are no matter" {
	counted '.cases = [range(10000) as $i | .cases[0] | .case = "claim.case_\($i)"]' "$RUN/results.json" >"$BATS_TEST_TMPDIR/many.json"
	run -0 "$REPORT" junit --out "$BATS_TEST_TMPDIR/many.xml" "$BATS_TEST_TMPDIR/many.json"
	[ "$(grep -c '<testcase' "$BATS_TEST_TMPDIR/many.xml")" -eq 10000 ]
	run -0 "$REPORT" html --out "$BATS_TEST_TMPDIR/many.html" "$BATS_TEST_TMPDIR/many.json"
	[ "$(grep -o 'case_[0-9]*</code>' "$BATS_TEST_TMPDIR/many.html" | wc -l)" -eq 10000 ]
}

@test "bad input is refused with one line, and nothing is half-written" {
	refused() {
		run -2 --separate-stderr "$REPORT" "$@"
		[ -z "$output" ]
		# shellcheck disable=SC2154 # bats sets it
		[ "${#stderr_lines[@]}" -eq 1 ]
	}
	refused
	refused pdf
	refused junit --colour
	refused junit "$BATS_TEST_TMPDIR/nowhere"
	head -c 300 "$RUN/results.json" >"$BATS_TEST_TMPDIR/cut.json"
	refused html --out "$BATS_TEST_TMPDIR/cut.html" "$BATS_TEST_TMPDIR/cut.json"
	[ ! -e "$BATS_TEST_TMPDIR/cut.html" ]
	printf '{ "schema": 7, "cases": [] }' >"$BATS_TEST_TMPDIR/foreign.json"
	refused junit "$BATS_TEST_TMPDIR/foreign.json"
	jq '.cases[0].outcome = "passed"' "$RUN/results.json" >"$BATS_TEST_TMPDIR/odd.json"
	refused junit "$BATS_TEST_TMPDIR/odd.json"
	jq '.fault = 5' "$RUN/results.json" >"$BATS_TEST_TMPDIR/odd.json"
	refused html "$BATS_TEST_TMPDIR/odd.json"
	jq '(.cases[] | select(.outcome == "known")).reason = ""' "$RUN/results.json" >"$BATS_TEST_TMPDIR/odd.json"
	refused kcidb --origin lab --checkout x "$BATS_TEST_TMPDIR/odd.json"
	refused junit <(cat "$RUN/results.json")
	jq '.contract = "rfc"' "$RUN/results.json" >"$BATS_TEST_TMPDIR/rfc.json"
	refused diff "$RUN" "$BATS_TEST_TMPDIR/rfc.json"
	# What an earlier version called otherwise is the same case.
	jq '.contract = "seed" | .cases |= map(.program |= sub("^rfc_"; "seed_") | .case |= sub("^rfc_"; "seed_"))' \
		"$BATS_TEST_TMPDIR/rfc.json" >"$BATS_TEST_TMPDIR/seed.json"
	run -0 "$REPORT" diff "$BATS_TEST_TMPDIR/seed.json" "$BATS_TEST_TMPDIR/rfc.json"
	[[ ${lines[-1]} == "0 new failures, 0 fixed, 0 other changes, "* ]]
	refused kcidb "$RUN"
	refused kcidb --origin UPPER --checkout x "$RUN"
	refused kcidb --origin lab --checkout x --commit abc "$RUN"
	refused kcidb --origin lab --checkout x --logs ftp://x "$RUN"
	refused kcidb --origin lab --checkout x --logs https://x/?a "$RUN"
	refused kcidb --origin lab --checkout x --tree "a b" "$RUN"
	jq '.kernel = "reference"' "$RUN/results.json" >"$BATS_TEST_TMPDIR/reference.json"
	refused kcidb --origin lab --checkout x --commit "$(printf 'a%.0s' {1..40})" "$BATS_TEST_TMPDIR/reference.json"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	refused kcidb --origin lab --checkout x "$BATS_TEST_TMPDIR/fifo"
	refused submit "$BATS_TEST_TMPDIR/fifo"
	refused submit "$RUN/results.json"
	refused submit "$RUN/nothing"
	refused submit
	refused diff "$RUN"
	refused junit --out "$BATS_TEST_TMPDIR/no/such/folder/x" "$RUN"
	# A file that was there stays when the new one cannot be written whole.
	printf 'old\n' >"$BATS_TEST_TMPDIR/kept.xml"
	run -2 bash -c 'ulimit -f 1 && exec "$@"' - "$REPORT" junit --out "$BATS_TEST_TMPDIR/kept.xml" "$RUN"
	[ "${#lines[@]}" -eq 1 ]
	[ "$(cat "$BATS_TEST_TMPDIR/kept.xml")" = old ]
	[ "$(find "$BATS_TEST_TMPDIR" -name 'kept.xml*' | wc -l)" -eq 1 ]
	refused junit --out "$BATS_TEST_TMPDIR" "$RUN"
}
