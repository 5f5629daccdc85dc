# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The faults of the reference kernel. Who sources this has TOP and die.

# Name, rule, contract, vendor, how it is switched on, and what it does, separated by tabs.
list_faults() {
	sed -nE 's/^\tX\(([a-z_]+), ([A-Z0-9a-z.]+), ([A-Z]+), ([A-Z]+), ([A-Z]+), "(.*)"\) *\\?$/\1\t\2\t\L\3\t\4\t\5\t\E\6/p' \
		"$TOP/lab/kernel/files/include/linux/perf_guest.h"
}

LIST=$(list_faults)

check_faults() {
	local fault
	for fault; do
		cut -f 1 <<<"$LIST" | grep -xF -- "$fault" >/dev/null ||
			unknown_fault "$fault"
	done
}

# fault_column FAULT N: of the N-th of its columns.
fault_column() {
	awk -F '\t' -v fault="$1" -v column="$2" '$1 == fault { print $column }' <<<"$LIST"
}

rule_of() {
	fault_column "$1" 2
}

# The contract under which a fault shows.
contract_of() {
	fault_column "$1" 3
}

# How it is switched on: late, alone, boot or debug (perf_guest.h).
how_of() {
	fault_column "$1" 5
}

words_of() {
	fault_column "$1" 6
}

# The machine on which a fault can show: some are in the code of one vendor.
machine_of() {
	local vendor
	vendor=$(fault_column "$1" 4)
	case $vendor in
	intel) [[ ${MACHINE:-} == intel-* ]] && printf '%s\n' "$MACHINE" || printf 'intel-v5\n' ;;
	amd) [[ ${MACHINE:-} == amd-* ]] && printf '%s\n' "$MACHINE" || printf 'amd-zen4\n' ;;
	*) printf '%s\n' "${MACHINE:-amd-zen4}" ;;
	esac
}

# Those for the AMD machine: what is compared with other tests runs there.
faults_of_amd() {
	awk -F '\t' '$4 != "intel" { print $1 }' <<<"$LIST"
}
