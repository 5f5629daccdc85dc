# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Results that are changed for a test.

# counted FILTER [FILE]: results that were changed so, with the totals and the verdict of
# their cases.
counted() {
	jq "$1"' | .cases as $cases
		| .totals = (reduce ("conforms", "known", "violates", "broken", "undecided", "skip") as $o ({};
			.[$o] = ([$cases[] | select(.outcome == $o)] | length)))
		| .verdict = (.totals | if .violates > 0 then "violates" elif .broken > 0 then "broken"
			elif .undecided > 0 then "undecided" elif .conforms == 0 then "broken"
			elif .known > 0 then "conforms but for known defects" else "conforms" end)' "${@:2}"
}
