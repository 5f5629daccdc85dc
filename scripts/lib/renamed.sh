# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Names that once were others. Who sources this has TOP and die.

# renamed NAME: what NAME is called today, if it was called otherwise.
renamed() {
	awk -F ' [|] ' -v old="$1" '$1 == old { print $2 }' "$TOP/configs/renamed.list"
}

# unknown WHAT NAME INSTEAD: refuse it, with its new name if it is an old one.
unknown() {
	local new
	new=$(renamed "$2")
	die "no $1 called '$2'; ${new:+it is called $new; }$3"
}
