# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The faults of the reference kernel. LIST is what "scripts/lab faults" prints.

check_faults() {
	local fault
	for fault; do
		cut -f 1 <<<"$LIST" | grep -xF -- "$fault" >/dev/null ||
			die "no fault called '$fault'; see scripts/lab faults"
	done
}

rule_of() {
	awk -F '\t' -v fault="$1" '$1 == fault { print $2 }' <<<"$LIST"
}

words_of() {
	awk -F '\t' -v fault="$1" '$1 == fault { print $3 }' <<<"$LIST"
}

# Those that others do not share a boot with: what they leave behind, a claim, a count,
# a hung CPU, could hide the next.
leaves_behind() {
	[[ $1 == @(claim_stays|claimed_again|event_stays_counted|cpu_not_out|joins_guest|cpu_back_loaded|first_vm_twice) ]]
}

# Those that change what KVM finds when it starts.
at_boot_only() {
	[[ $(words_of "$1") == "from boot on: "* ]]
}

# The machine on which a fault can show: some are in the code of one vendor.
machine_of() {
	case $1 in
	vmx_*) [[ ${MACHINE:-} == intel-* ]] && printf '%s\n' "$MACHINE" || printf 'intel-v5\n' ;;
	counters_intercepted | absent_passed | hardware_shown | modes_ignored | control_not_saved | status_not_loaded | rdpmc_needs_control | \
		counters_narrow | nested_intercepted | nested_open | faults_counted | vmrun_lost)
		[[ ${MACHINE:-} == amd-* ]] && printf '%s\n' "$MACHINE" || printf 'amd-zen4\n'
		;;
	*) printf '%s\n' "${MACHINE:-amd-zen4}" ;;
	esac
}

# Those for the AMD machine: what is compared with other tests runs there.
faults_without_vmx() {
	cut -f 1 <<<"$LIST" | grep -v '^vmx_'
}

# Rules of the guest's side hold under every contract; the later defects are
# those of the merged code.
contract_of() {
	case $1 in
	R* | D[1-9] | D1[0-2]) printf 'rfc\n' ;;
	*) printf 'mediated\n' ;;
	esac
}
