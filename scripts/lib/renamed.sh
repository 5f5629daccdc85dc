# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Names that once were others. Who sources this has TOP and die.

# renamed NAME: what NAME is called today, if it was called otherwise.
renamed() {
	awk -F ' [|] ' -v old="$1" '$1 == old { print $2 }' "$TOP/configs/renamed.list"
}

# unknown_contract NAME INSTEAD: refuse it, with its new name if it is an old one.
unknown_contract() {
	local new
	new=$(renamed "$1")
	die "no contract called '$1'; ${new:+it is called $new; }$2"
}

# unknown_fault NAME: refuse it, with its new name if it is an old one.
unknown_fault() {
	local new
	new=$(renamed "$1")
	die "no fault called '$1';${new:+ it is called $new;} see scripts/lab faults"
}

# unknown_case WHAT CASE: refuse it, with the new name of its program, fixture or case.
unknown_case() {
	local part new
	for part in "${2%%:*}" "${2##*.}" "${2##*:}"; do
		new=$(renamed "$part")
		[[ -z $new ]] || die "$1 '$2'; $part is called $new; see scripts/lab cases"
	done
	while IFS=$'\t' read -r part new; do
		# shellcheck disable=SC2053 # a pattern
		[[ $part != $2 ]] || die "$1 '$2'; $part is ${new%%:*}:${new##*.} now; see scripts/lab cases"
	done < <(sed -nE 's/^([a-z_]+):.*\.([^ ]+) \| (.*)/\1:\2\t\3/p' "$TOP/configs/renamed.list")
	die "$1 '$2'; see scripts/lab cases"
}
