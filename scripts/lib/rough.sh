# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What a rough machine does that hardware does and no manual promises: ROUGH of its
# profile, a word NAME=NUMBER each, in LAB_ROUGH for its emulator.

# name and greatest number of each, by emulator; those with a "*" grow with the
# strength. docs/lab.md says what they are.
rough_names() {
	case $EMULATED_BY in
	qemu) printf '%s\n' '*late 1000000' '*cycles 1000' 'garbage 1' '*ipi 20000' '*nmi 1000' '*smi 1000' ;;
	*) printf '%s\n' '*late 1000000' '*cycles 1000' 'garbage 1' '*ipi 20000' '*nmi 1000' '*smi 1000' \
		'interrupt 4' 'fault 4' 'entry 4' 'exit 4' 'iret 4' 'far 4' 'branches 1' ;;
	esac
}

# Of one word: the same with the strength in it, or why not.
rough_word() {
	local word=$1 name number grows most
	name=${word%%=*}
	read -r grows most < <(rough_names | awk -v name="$name" '
		$1 == name || $1 == "*" name { print ($1 ~ /^[*]/ ? "yes" : "no"), $2 }') || true
	[[ -n ${most:-} ]] ||
		die "no roughness called '$name' on $MACHINE; there is: $(rough_names | sed 's/^[*]*\([a-z]*\) .*/\1/' | paste -sd ' ')"
	number=${word#*=}
	if [[ $word != *=* || ! $number =~ ^(0|[1-9][0-9]{0,6})$ ]] || ((number > most)); then
		die "roughness '$word': wants $name=N, at most $most"
	fi
	if [[ $grows == yes ]]; then
		number=$((number * ROUGH_STRENGTH / 100))
		((number <= most)) || number=$most
	fi
	printf '%s=%s\n' "$name" "$number"
}

check_rough() {
	if [[ ! $ROUGH_STRENGTH =~ ^(0|[1-9][0-9]{0,3})$ ]] || ((ROUGH_STRENGTH > 400)); then
		die "--rough-strength '$ROUGH_STRENGTH': wants a number from 0 to 400, in percent"
	fi
	[[ $ROUGH_SEED =~ ^(0|[1-9][0-9]{0,8})$ ]] ||
		die "--rough-seed '$ROUGH_SEED': wants a number of at most nine digits"
	rough_environment >/dev/null
}

# What the emulator takes, nothing on a machine that is not rough.
rough_environment() {
	local word words=("${ROUGH[@]}") out=()
	[[ $ROUGH_GIVEN == profile ]] || read -ra words <<<"${ROUGH_GIVEN//,/ }"
	((${#words[@]})) || return 0
	for word in "${words[@]}"; do
		out+=("$(rough_word "$word")") || exit 2
	done
	printf 'LAB_ROUGH=%s seed=%s\n' "${out[*]}" "$ROUGH_SEED"
}
