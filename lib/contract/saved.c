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
     "kvm_pmu_get_msr(), kvm_pmu_set_msr()")
{
	NEEDS(s->guest_counters > 0);
	CONTROL(registers_got, 2 * s->guest_counters);
	EXACTLY(failed, 0);
	EXACTLY(mismatches, 0);
}

RULE(M59.none,
     "what can be got from a vCPU without a PMU can be set in another",
     "kvm_get_msr_common(), kvm_set_msr_common()")
{
	NEEDS(s->guest_counters == 0);
	CONTROL(registers_got, 1);
	EXACTLY(failed, 0);
	EXACTLY(mismatches, 0);
}

RULE(M59.counts,
     "a guest goes on counting where its PMU is set in another vCPU",
     "kvm_pmu_set_msr(), kvm_pmu_load_guest_pmcs()")
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

RULE(M62,
     "an overflow interrupt that waits in the APIC is delivered where APIC and PMU are set",
     "kvm_apic_set_state()")
{
	expect_restored(s, d);
}
