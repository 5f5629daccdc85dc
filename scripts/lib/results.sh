# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# From what a boot left behind to results.json, the KTAP, and a table.

# shellcheck source=scripts/lib/sentences.sh
source "$TOP/scripts/lib/sentences.sh"

# The first line on the console that shows a kernel in trouble. What a case
# provoked on purpose lies between two lines of lib/host/klog.c.
console_complaint() {
	local console=$1
	awk '/pmu_passthrough: an expected complaint begins/ { held = ""; on = 1; next }
		/pmu_passthrough: an expected complaint ends/ { on = 0; next }
		on { held = held $0 "\n"; next }
		{ print }
		END { if (on) printf "%s", held }' "$console" |
		grep -a -m 1 -F -f <(sed '/^#/d' "$TOP/configs/kernel/complaints.list") |
		sed 's/^\[[^]]*\] *//' | tr -d '\r' || true
}

# The sentence of each rule, as JSON.
rule_words() {
	rule_sentences | jq -Rn '[inputs | split("\t") | { key: .[0], value: .[1] }] | from_entries'
}

# A boot that was ended from outside may end in the middle of a line.
whole_lines() {
	if [[ -n $(tail -c 1 "$1" | tr -d '\0') ]]; then
		sed '$d' "$1"
	else
		cat "$1"
	fi
}

# results_make OUT ENDED CONTEXT-JSON
results_make() {
	local out=$1 ended=$2 context=$3
	grep -a -v '^@@lab ' "$out/report.log" | tr -d '\r' >"$out/results.ktap" || true
	sed -n 's/^@@lab dmesg //p' "$out/report.log" | tr -d '\r' >"$out/kernel.log"
	[[ -s $out/kernel.log ]] || cp "$out/console.log" "$out/kernel.log"
	if grep -q '^@@lab config ' "$out/report.log"; then
		sed -n 's/^@@lab config //p' "$out/report.log" | tr -d '\r' >"$out/config"
	fi
	whole_lines "$out/report.log" | tr -d '\r' | jq -Rn -L "$TOP/scripts/lib" -f "$TOP/scripts/lib/results.jq" \
		--argjson context "$context" --arg ended "$ended" \
		--arg console "$(console_complaint "$out/console.log")" \
		>"$out/results.json.part" || die "cannot make results.json from $out/report.log"
	mv "$out/results.json.part" "$out/results.json"
}

# In colour on a terminal, unless NO_COLOR says otherwise (no-color.org).
paint() {
	local esc=$'\e'
	if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
		sed -E "s/^(.* )(conforms but for known defects|known)( |\$)/\1${esc}[33m\2${esc}[0m\3/; t
			s/^(.* )?(VIOLATES|BROKEN|UNDECIDED|violates|broken|undecided)( |\$)/\1${esc}[31m\2${esc}[0m\3/; t
			s/^(.* )(conforms)( |\$)/\1${esc}[32m\2${esc}[0m\3/"
	else
		cat
	fi
}

results_table() {
	results_text "$@" | paint
}

results_text() {
	jq -r -s -L "$TOP/scripts/lib/report" -f "$TOP/scripts/lib/table.jq" --argjson words "$(rule_words)" "$@"
}

# Status of a run: 0 if everything that ran conforms, and something did.
results_status() {
	local file=$1
	jq -e '.complete and (.verdict | startswith("conforms"))' "$file" >/dev/null
}
