# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# One run in several boots at the same time (--boots N), for an emulator that works
# with one thread: programs are dealt out, and the results become one.

check_boots() {
	number_option --boots "$BOOTS"
	((BOOTS == 1)) || [[ $VERB == run && -z $STOP_AT_FIRST && $CONTRACT != all ]] ||
		die "--boots is for a run of one contract, to its end"
}

# Chosen cases, as "N program:case" with the boot they go into. The longest program
# first, always to the boot with least to do.
dealt_cases() {
	select_cases "${FILTER:-*}" | awk -F ' [|] ' -v boots="$BOOTS" '
		FNR == NR { if (!/^#/) weight[$1] = $2; next }
		{ program = $0; sub(/:.*/, "", program)
		  if (!(program in cases)) { order[++n] = program; left[program] = 1 }
		  cases[program] = cases[program] "\n" $0 }
		function seconds(program) { return program in weight ? weight[program] : 1 }
		END {
			for (k = 1; k <= n; k++) {
				longest = ""
				for (i = 1; i <= n; i++)
					if (left[order[i]] && (longest == "" || seconds(order[i]) > seconds(longest)))
						longest = order[i]
				left[longest] = 0
				for (least = b = 1; b <= boots; b++)
					if (load[b] < load[least]) least = b
				load[least] += seconds(longest)
				m = split(substr(cases[longest], 2), names, "\n")
				for (i = 1; i <= m; i++) print least, names[i]
			}
		}' "$TOP/configs/durations.list" -
}

# The results of the boots as those of one.
joined_results() {
	jq -s -L "$TOP/scripts/lib" 'include "verdict"; . as $boots | .[0]
		| .complete = all($boots[]; .complete) | .boot_seconds = ([$boots[].boot_seconds] | max)
		| .command = ([$boots[].command] | join("\n")) | .cases = [$boots[].cases[]] | summed' "$@"
}

# A boot in OUT/1, OUT/2, ...; in OUT what a run leaves, joined.
verb_run_boots() {
	local out=${OUT:-$BUILD/run} dealt given boot status=0 one file dirs=()
	dealt=$(dealt_cases)
	OUT=$out
	prepare_out
	out=$OUT
	# What every boot needs, before two at once look for it.
	prepare
	for ((boot = 1; boot <= BOOTS; boot++)); do
		rm -rf "${out:?}/$boot"
		given=$(sed -n "s/^$boot //p" <<<"$dealt")
		[[ -n $FILTER ]] || given=$(cut -d : -f 1 <<<"$given" | uniq)
		[[ -n $given ]] || continue
		dirs+=("$out/$boot")
		"$TOP/scripts/lab" "${EACH[@]}" --boots 1 --machine "$MACHINE" --filter "$(paste -sd , <<<"$given")" --out "$out/$boot" >/dev/null &
		RUN_PIDS+=("$!")
	done
	for boot in "${RUN_PIDS[@]}"; do
		one=0
		wait "$boot" || one=$?
		((one <= status)) || status=$one
	done
	RUN_PIDS=()
	# What a boot alone is called does not matter: it may have had nothing but skips.
	((status < 2)) || return 2
	for file in report.log results.ktap kernel.log console.log command; do
		cat "${dirs[@]/%//$file}" >"$out/$file"
	done
	cp "${dirs[0]}/config" "$out/config" 2>/dev/null || true
	joined_results "${dirs[@]/%//results.json}" >"$out/results.json.part"
	mv "$out/results.json.part" "$out/results.json"
	results_table "$out/results.json"
	results_status "$out/results.json"
}
