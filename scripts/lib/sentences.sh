# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The rules of the model, in words. Who sources this has TOP, BUILD and die.

# "rule, sentence, source, document", with tabs, for each rule of the model.
rule_sentences() {
	local tool=$BUILD/rules
	mkdir -p "$BUILD"
	if [[ ! -x $tool || -n $(find "$TOP/lib/contract" "$TOP/lib/tools" -newer "$tool" -print -quit) ]]; then
		gcc -std=gnu11 -D_GNU_SOURCE -o "$tool" "$TOP"/lib/tools/rules.c "$TOP"/lib/contract/*.c ||
			die "cannot build the list of rules"
	fi
	"$tool"
}
