// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PMU that a guest is given: how many counters, how wide, their state after
 * reset, and the overflow status. Asked under every contract.
 * docs/contract/guest.md has the words and the sources.
 */
#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

/* Intel SDM volume 3, "Architectural Performance Monitoring Version 4". */
#define VERSION_SETS_STATUS 4
/*
 * The least of KVM_MAX_NR_AMD_GP_COUNTERS, KVM_MAX_NR_INTEL_GP_COUNTERS and
 * KVM_MAX_NR_FIXED_COUNTERS; the version is kvm_init_pmu_capability()'s.
 */
#define KVM_AMD_COUNTERS 6
#define KVM_INTEL_COUNTERS 8
#define KVM_FIXED 3
#define KVM_VERSION 2

static int64_t low_bits(int64_t count)
{
	return (int64_t)((1ull << count) - 1);
}

RULE(M44.init, "INIT and SIPI leave the PMU as it is",
     "kvm_pmu_reset(), kvm_vcpu_reset(); AMD64 APM volume 2, Processor Initialization State")
{
	expect_kept(s, d);
}

RULE(M38, "a counter has the width the vendor gives it",
     "kvm_init_pmu_capability(); AMD64 APM volume 2, Performance Counter MSRs; Intel SDM volume 3, Full-Width Writes to Performance Counter Registers")
{
	NEEDS(s->counter_width > 0);
	EXACTLY(highest, low_bits(s->counter_width));
	EXACTLY(vector, 0);
}

RULE(M44, "a new vCPU finds its PMU in the state after reset",
     "kvm_pmu_refresh(), kvm_pmu_init(), amd_pmu_refresh(), intel_pmu_refresh(); AMD64 APM volume 2, Processor Initialization State")
{
	NEEDS(s->guest_counters > 0);
	STATED(guest_version);
	EXACTLY(eventsels_or, 0);
	EXACTLY(counters_or, 0);
	if (s->guest_version < 2)
		return;
	EXACTLY(global_ctrl, low_bits(s->guest_counters));
}

RULE(M44.next, "so does one after a guest that left its own in whatever state",
     "kvm_pmu_refresh(), kvm_pmu_put_guest_pmcs()")
{
	NEEDS(s->guest_counters > 0);
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(eventsels_or, 0);
	EXACTLY(counters_or, 0);
	EXACTLY(vector, 0);
	if (s->guest_version < 2)
		return;
	EXACTLY(status_made, 0);
	EXACTLY(global_ctrl, low_bits(s->guest_counters));
}

RULE(M71.reset,
     "and finds it in the state after reset, whatever the VMM had set before",
     "kvm_pmu_refresh(), kvm_pmu_reset()")
{
	NEEDS(s->guest_counters > 0);
	EXACTLY(failed, 0);
	EXACTLY(vector, 0);
	EXACTLY(eventsels_or, 0);
	EXACTLY(counters_or, 0);
	EXACTLY(status_made, 0);
	EXACTLY(global_ctrl, low_bits(s->guest_counters));
}

RULE(M45, "there are as many counters as CPUID announces",
     "kvm_pmu_refresh(), amd_pmu_refresh(), intel_pmu_refresh()")
{
	NEEDS(s->guest_counters > 0);
	EXACTLY(registers_found, s->guest_counters);
	/* Only Intel has fixed ones. */
	if (s->amd != 0 || !known(s->guest_fixed))
		return;
	EXACTLY(fixed_found, s->guest_fixed);
}

RULE(M45.control, "and no register of a global control where it announces none",
     "kvm_need_perf_global_ctrl_intercept(), amd_is_valid_msr(), intel_is_valid_msr()")
{
	STATED(guest_version);
	NEEDS(s->guest_version == 1);
	CONTROL_BY(M45, guest_control, 1);
	EXACTLY(registers_found, 0);
}

RULE(M45.fixed, "and the controls of as many fixed counters",
     "intel_pmu_enable_fixed_counter_bits(), intel_pmu_set_msr()")
{
	NEEDS(s->amd == 0);
	NEEDS(s->guest_fixed > 0);
	EXACTLY(fixed_found, s->guest_fixed);
}

RULE(M45.bits, "and no bit of any other in the global registers",
     "intel_pmu_refresh(), kvm_pmu_set_msr()")
{
	NEEDS(s->amd == 0);
	CONTROL_BY(M45, guest_control, 1);
	EXACTLY(bits_found, 0);
}

RULE(M45.lbr, "and no register of last branch records where it announces none",
     "intel_pmu_is_valid_lbr_msr(), intel_pmu_refresh()")
{
	NEEDS(s->amd == 0);
	CONTROL_BY(M45, guest_control, 1);
	EXACTLY(registers_found, 0);
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

/*
 * All that KVM lists, and no fewer than any KVM with a mediated PMU has room
 * for; a newer one may have more.
 */
RULE(M56, "a guest is offered all counters of the host that KVM has room for",
     "kvm_init_pmu_capability(), kvm_probe_msr_to_save(), update_pmu_cap_from_perfmonext()")
{
	STATED(amd);
	STATED(host_counters);
	STATED(host_fixed);
	STATED(host_version);
	STATED(listed_counters);
	STATED(listed_fixed);
	EXPECT(offered_counters,
	       at_most(s->host_counters,
		       s->amd ? KVM_AMD_COUNTERS : KVM_INTEL_COUNTERS),
	       s->host_counters);
	EXPECT(offered_fixed, at_most(s->host_fixed, KVM_FIXED), s->host_fixed);
	EXPECT(offered_version, at_most(s->host_version, KVM_VERSION),
	       s->host_version);
	EXACTLY(offered_counters, s->listed_counters);
	EXACTLY(offered_fixed, s->listed_fixed);
}

RULE(M46.none, "and what has not overflowed has none",
     "pmc_write_counter(), pmc_pause_counter()")
{
	NEEDS(s->guest_version > 1);
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(status_made, 0);
}

/* AMD's register ignores what is written to it. */
RULE(M46.written, "and the guest cannot write the status itself",
     "kvm_pmu_set_msr()")
{
	NEEDS(s->amd == 0);
	CONTROL_BY(M45, guest_control, 1);
	EXACTLY(status_writes, 0);
}

RULE(M46, "an overflow sets its status bit, and the guest can clear and set it",
     "kvm_pmu_set_msr(), kvm_pmu_load_guest_pmcs(), amd_pmu_set_msr(), intel_pmu_set_msr()")
{
	NEEDS(s->status > 0);
	EXACTLY(status_made, s->status);
	EXACTLY(status_cleared, 0);
	/* Intel's guests get a PMU of version 2, which cannot set bits. */
	if (s->amd == 0 && s->guest_version < VERSION_SETS_STATUS)
		return;
	EXACTLY(status_set, s->status);
}
