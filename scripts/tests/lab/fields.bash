# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What a run's results say; of the folder named last, or of $OUT.

# field FILTER [FOLDER]
field() {
	jq -r "$1" "${2:-$OUT}/results.json"
}

# known [FOLDER]: the known defects that showed.
known() {
	field '[.cases[] | select(.outcome == "known") | .reason | sub("known "; "")] | unique | join(" ")' "$@"
}

# outcomes [FOLDER]: those there are.
outcomes() {
	field '[.cases[].outcome] | unique | join(" ")' "$@"
}
