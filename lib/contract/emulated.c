// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulated contract: a guest's counters are perf events of the host, and
 * both share the PMU at the same time. What every kernel does unless it is told
 * to hand the PMU over. docs/contract/emulated.md has the words and the
 * sources.
 */
#define RULES_OF BY_EMULATED
#define RULES_IN "docs/contract/emulated.md"
#include "rule.h"

/*
 * How many samples may have been taken on the wrong side of a VM entry or exit:
 * where an overflow's interrupt comes late, one at each that it did not make.
 */
static int64_t astray(const struct scenario *s)
{
	return s->overflow_late > 0 ? s->other_exits : 0;
}

RULE(E1, "no event is refused because of a VM, whatever it includes",
     "perf_event_open()")
{
	STATED(own_errno);
	NEEDS(s->guest_iterations > 0);
	EXACTLY(err, s->own_errno);
}

RULE(E2, "no VM is refused because of an event, and its guest runs",
     "kvm_arch_vcpu_precreate()")
{
	NEEDS(s->include_events > 0);
	CONTROL(counted_before, 1);
	EXACTLY(err, 0);
	AT_LEAST(counted_after, 1);
}

RULE(E3,
     "an event that excludes the host counts exactly what the processor retires of its guest, and nothing of the host",
     "amd_core_hw_config(), intel_guest_get_msrs(), x86_perf_event_update()")
{
	struct guest_count count;

	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	/* Of the same work, by an event that counts the host. */
	CONTROL(counted_before, 1);
	EXACTLY(counted_outside, 0);
	COUNTS(guest_counted, count);
}

/*
 * All three start and stop at once, by the global control. Where it is not
 * known which VM entries the processor counts, each may be missed by one.
 */
RULE(E4,
     "an event that excludes nobody counts what one of the host and one of the guest count together",
     "amd_core_hw_config(), intel_guest_get_msrs()")
{
	int64_t unsure;

	STATED(guest_entries);
	STATED(entries_alike);
	unsure = s->entries_alike ? 0 : s->guest_entries;
	CONTROL(counted_before, 1);
	CONTROL(guest_control, 1);
	EXPECT(both_surplus, -unsure, unsure);
}

RULE(E5, "a sample taken in a guest says so, and where the guest was",
     "perf_misc_flags(), perf_instruction_pointer()")
{
	STATED(overflow_late);
	STATED(other_exits);
	CONTROL(samples, s->other_exits + 1);
	EXPECT(samples_of_host, 0, astray(s));
	EXACTLY(samples_elsewhere, 0);
}

RULE(E6, "a sample of an event that excludes the guest says it is the host's",
     "perf_misc_flags()")
{
	STATED(overflow_late);
	STATED(other_exits);
	CONTROL(samples, s->other_exits + 1);
	EXPECT(samples_of_guest, 0, astray(s));
}

RULE(E7, "the times of an event go on while a guest runs, whatever it excludes",
     "perf_event_update_time(), ctx_sched_in(), update_perf_time_ctx()")
{
	STATED(wall_min_ns);
	GUEST_WOULD_SHOW();
	EXPECT(enabled_ns, s->wall_min_ns, s->wall_max_ns);
	EXACTLY(not_running_ns, 0);
}

RULE(E7.cgroup, "and those of a cgroup's event, whose task is the vCPU thread",
     "update_cgrp_time_from_cpuctx(), update_cgrp_time(), ctx_sched_out()")
{
	STATED(guest_min_ns);
	NEEDS(s->guest_min_ns > 0);
	CONTROL(counted_before, 1);
	EXPECT(enabled_ns, s->guest_min_ns, s->wall_max_ns);
	EXACTLY(not_running_ns, 0);
}

/* A guest's event is pinned: it has a counter or goes to ERROR. */
RULE(E8,
     "a counter of the guest gains nothing that the processor retires while pinned events of the host have all counters, and nothing tells the guest",
     "pmc_reprogram_counter()")
{
	NEEDS(s->counters > 0);
	NEEDS(s->pinned == s->counters);
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(guest_counted, 0);
	EXACTLY(mismatches, 0);
	EXACTLY(vector, 0);
}

RULE(E9,
     "a counter of the guest counts exactly again once one of the host's is free and KVM programs it anew",
     "reprogram_counter(), pmc_resume_counter(), pmc_is_globally_enabled()")
{
	struct guest_count count;

	NEEDS(s->counters > 0);
	NEEDS(s->pinned < s->counters);
	NEEDS(s->starved_gain == 0);
	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	COUNTS(guest_counted, count);
}

RULE(E10, "every access of the guest to its PMU is an exit to KVM",
     "kvm_pmu_get_msr(), kvm_pmu_set_msr(), kvm_pmu_rdpmc(), amd_pmu_get_msr(), amd_pmu_set_msr(), intel_pmu_get_msr(), intel_pmu_set_msr()")
{
	STATED(reg);
	STATED(absent);
	NEEDS(s->accesses > 0);
	EXACTLY(vector, s->absent ? GP_VECTOR : 0);
	if (s->absent)
		return;
	EXACTLY(access_exits, s->accesses);
}

RULE(E11, "the host's PMU is set up after a guest as it was before it",
     "atomic_switch_perf_msrs(), vmx_vcpu_run(), perf_events_lapic_init()")
{
	expect_set_up_again(s, d);
}

/* Reserved for the guest: KVM takes the bits out of what it writes. */
RULE(E12,
     "the guest's host-only and guest-only bits change nothing and read as zero",
     "amd_pmu_set_msr()")
{
	struct guest_count count;

	STATED(host_only);
	STATED(guest_only);
	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	COUNTS(guest_counted, count);
	EXACTLY(mismatches, 0);
}

/* Each is pinned: it has a counter of the host all the time, or none. */
RULE(E13,
     "of more counters than the host has free, some count exactly and the others not at all",
     "pmc_reprogram_counter(), merge_sched_in()")
{
	struct guest_count count;

	NEEDS(s->counters > s->pinned);
	NEEDS(s->guest_counters > s->counters - s->pinned);
	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	EXACTLY(counters_still, s->guest_counters - (s->counters - s->pinned));
	EXPECT(moved_least, count.least, count.most);
	EXPECT(moved_most, count.least, count.most);
}
