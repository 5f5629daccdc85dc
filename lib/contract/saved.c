// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM gets from one vCPU and sets in another, of a guest's PMU. Asked
 * under every contract; docs/contract/guest.md has the words and the sources.
 */
#include <errno.h>

#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

/* An event select and a counter of each. */
RULE(M59,
     "the registers of a PMU, got from one vCPU, can be set in another in any order and are the same there",
     "kvm_pmu_get_msr(), kvm_pmu_set_msr(), pmc_read_counter()")
{
	NEEDS(s->guest_counters > 0);
	CONTROL(registers_got, 2 * s->guest_counters);
	EXACTLY(failed, 0);
	EXACTLY(mismatches, 0);
}

static void expect_nothing_kept(const struct scenario *s, struct demands *d)
{
	NEEDS(s->guest_counters == 0);
	CONTROL(registers_got, 1);
	EXACTLY(failed, 0);
	EXACTLY(mismatches, 0);
}

RULE(M59.none,
     "what can be got from a vCPU without a PMU can be set in another",
     "kvm_get_msr_common(), kvm_set_msr_common()")
{
	expect_nothing_kept(s, d);
}

/* Of Intel, which D46 is about. */
RULE(M59.nonevmx, "the same with VMX",
     "kvm_get_msr_common(), kvm_set_msr_common()")
{
	expect_nothing_kept(s, d);
}

RULE(M59.counts,
     "a guest goes on counting where its PMU is set in another vCPU",
     "kvm_pmu_set_msr(), kvm_pmu_load_guest_pmcs(), __kvm_pmu_reprogram_counters()")
{
	EXACTLY(failed, 0);
	expect_kept(s, d);
}

static void expect_absent(const struct scenario *s, struct demands *d)
{
	EXACTLY(failed, 0);
	EXACTLY(err, EINVAL);
	expect_kept(s, d);
}

RULE(M60,
     "a register of the PMU that the guest's CPUID does not announce can be got and set as zero, and as nothing else",
     "kvm_do_msr_access(), kvm_pmu_is_valid_msr()")
{
	expect_absent(s, d);
}

static void expect_list(const struct scenario *s, struct demands *d)
{
	STATED(guest_counters);
	CONTROL(registers_got, 1);
	EXACTLY(failed, 0);
}

RULE(M60.list,
     "every register of a PMU that KVM announces to user space can be got from any vCPU",
     "kvm_do_msr_access(), kvm_pmu_is_valid_msr()")
{
	expect_list(s, d);
}

RULE(M60.listsvm, "also from AMD's with fewer counters than numbers",
     "kvm_do_msr_access(), amd_is_valid_msr(), amd_pmu_get_msr()")
{
	expect_list(s, d);
}

/* Of AMD, which D44 is about. */
RULE(M60.svm,
     "what PerfMonV2 does not announce can be got and set as zero, and as nothing else",
     "kvm_do_msr_access(), amd_is_valid_msr(), amd_pmu_get_msr()")
{
	expect_absent(s, d);
}

RULE(M61,
     "a PMU all of whose registers the VMM sets to zero is silent, whatever it did before",
     "kvm_pmu_set_msr()")
{
	CONTROL(registers_got, 1);
	EXACTLY(failed, 0);
	EXACTLY(vector, 0);
	EXACTLY(interrupts, 0);
	expect_kept(s, d);
}

RULE(M71,
     "KVM_SET_CPUID2 with what a vCPU has leaves its PMU as it is, and with another PMU is refused once it has run",
     "kvm_set_cpuid(), kvm_cpuid_check_equal()")
{
	EXACTLY(failed, 0);
	EXACTLY(err, EINVAL);
	expect_kept(s, d);
}

RULE(M71.before,
     "before its first run a vCPU has the PMU of the CPUID that it was given last",
     "kvm_vcpu_after_set_cpuid(), kvm_pmu_refresh(), amd_pmu_refresh(), intel_pmu_refresh()")
{
	EXACTLY(failed, 0);
	expect_kept(s, d);
}

RULE(M72,
     "a counter that the VMM sets while it is on counts on from there, to its overflow",
     "pmc_write_counter(), intel_pmu_set_msr(), kvm_pmu_load_guest_pmcs(), pmc_reprogram_counter(), kvm_perf_overflow(), pmc_read_counter(), pmc_update_sample_period()")
{
	NEEDS(s->overflows > 0);
	STATED(status);
	STATED(guest_work);
	EXACTLY(failed, 0);
	EXACTLY(guest_counted, s->guest_work);
	EXACTLY(status_made, s->status);
	EXACTLY(interrupts, s->overflows);
}

/* Intel SDM volume 3, "Full-Width Writes to Performance Counter Registers". */
RULE(M73,
     "of a value wider than the counter the VMM sets the low bits; Intel's full-width registers refuse it",
     "pmc_write_counter(), amd_pmu_set_msr(), intel_pmu_set_msr()")
{
	bool refuses;

	STATED(amd);
	STATED(reg);
	STATED(counter_width);
	refuses = !s->amd && s->reg == REGISTER_COUNTER;
	EXACTLY(err, refuses ? EINVAL : 0);
	EXACTLY(highest,
		refuses ? 0 : (int64_t)((1ull << s->counter_width) - 1));
}

RULE(M73.status,
     "and of the overflow status it sets the bits of counters that the guest has, and no other",
     "kvm_pmu_set_msr(), amd_pmu_refresh(), intel_pmu_refresh()")
{
	STATED(status);
	EXACTLY(failed, 0);
	EXACTLY(err, EINVAL);
	EXACTLY(status_made, s->status);
}

static void expect_nested_kept(const struct scenario *s, struct demands *d)
{
	CONTROL_BY(M41, guest_control, 1);
	expect_kept(s, d);
}

/* Less branches, for a VM entry adds the same to either. */
RULE(M74,
     "where a hypervisor is restored with its nested guest inside, their counters go on as if it had stayed",
     "svm_set_nested_state(), svm_leave_nested()")
{
	expect_nested_kept(s, d);
}

/* Of Intel, which D38 is about. */
RULE(M74.vmx, "the same with VMX", "vmx_set_nested_state(), prepare_vmcs02()")
{
	expect_nested_kept(s, d);
}

RULE(M62,
     "an overflow interrupt that waits in the APIC is delivered where APIC and PMU are set",
     "kvm_apic_set_state()")
{
	expect_restored(s, d);
}
