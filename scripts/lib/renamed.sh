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

# unknown_case WHAT CASE: refuse it, with its program's new name if it is an old one.
unknown_case() {
	local program=${2%%:*} new
	new=$(renamed "$program")
	die "$1 '$2';${new:+ $program is called $new;} see scripts/lab cases"
}
