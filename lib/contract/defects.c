// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defects found in the RFC and its review, as what no kernel should show. Most
 * are asked whatever contract a kernel speaks; configs/known says which kernels
 * have which. docs/contract/defects.md has the words and the sources.
 */
#include <errno.h>

#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/defects.md"
#include "rule.h"

RULE(D1, "no member of a group goes on after its leader went to ERROR",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	STATED(group_size);
	CONTROL(counted_before, 1);
	EXACTLY(survivors, 0);
}

RULE(D2, "the same open has the same answer while the same VM exists",
     "perf_force_exclude_guest_check() in the RFC")
{
	NEEDS(s->guest_iterations > 0);
	EXACTLY(outcomes, 1);
}

RULE(D3,
     "a pinned event of a task keeps its counter beside flexible events of the CPU",
     "perf_guest_exit()")
{
	NEEDS(s->pinned == 1);
	NEEDS(s->competitors > s->counters);
	NEEDS(s->guest_iterations > 0);
	CONTROL(counted_before, 1);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
}

RULE(D4, "a thread that never entered a guest goes on being counted",
     "perf_event_context_sched_out()")
{
	STATED(swapped);
	CONTROL(counted_before, 1);
	AT_LEAST(counted_after, 1);
}

RULE(D6, "no fork() fails because a guest runs", "inherit_event()")
{
	NEEDS(s->inherited == 1);
	EXACTLY(err, 0);
}

RULE(D7, "an event that was counting can still be read after a guest has run",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	STATED(exclude_guest);
	CONTROL(counted_before, 1);
	EXACTLY(eof, 0);
}

RULE(D11,
     "an exclude-guest event that shares its counter with nobody is never short of running time",
     "update_context_time()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_min_ns > 0);
	EXACTLY(not_running_ns, 0);
}

RULE(D16, "no program of the host reads what a guest counted",
     "kvm_pmu_put_guest_pmcs()")
{
	STATED(host_counters);
	CONTROL(leak_control, 1);
	EXACTLY(leaked, 0);
}

/* An exit is at least as many instructions of the host as it takes to leave. */
RULE(D17, "the host's work between two exits can be profiled",
     "perf_put_guest_context(), ctx_sched_in(), ctx_sched_out()")
{
	NEEDS(s->exits_asked > 0);
	CONTROL(exits_made, s->exits_asked);
	AT_LEAST(counted_after, s->exits_asked);
}

RULE(D13, "no VM is refused before it has a vCPU, whatever the watchdog does",
     "perf_create_mediated_pmu()")
{
	NEEDS(s->include_events > 0);
	NEEDS(s->vcpus == 0);
	CONTROL(held_before, 1);
	EXACTLY(err, 0);
}

RULE(D15, "a guest without an irqchip runs, and the host goes on counting",
     "perf_load_guest_lvtpc()")
{
	NEEDS(s->irqchip == 0);
	EXACTLY(err, 0);
	CONTROL(counted_before, 1);
	AT_LEAST(counted_after, 1);
}

RULE(D18, "the first VM and the last one are counted like those between",
     "perf_create_mediated_pmu(), perf_release_mediated_pmu()")
{
	NEEDS(s->attempts_asked > 0);
	CONTROL(attempts, s->attempts_asked);
	EXACTLY(failed, 0);
	EXACTLY(left_over, 0);
}

/* A software event goes on while the guest does, whatever group it is in. */
RULE(D20, "the clock of a cgroup goes on while a guest runs",
     "ctx_sched_out(), ctx_sched_in()")
{
	NEEDS(s->wall_min_ns > 0);
	NEEDS(s->guest_min_ns > s->wall_max_ns - s->wall_min_ns);
	AT_LEAST(enabled_ns, s->wall_min_ns);
}

RULE(D21, "an event can be mapped and unmapped beside a guest", "perf_mmap()")
{
	NEEDS(s->attempts_asked > 0);
	NEEDS(s->guest_iterations > 0);
	CONTROL(attempts, s->attempts_asked);
	EXACTLY(failed, 0);
}

RULE(D29, "a new event's page knows nothing of guests before it",
     "perf_event_update_userpage()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_min_ns > 0);
	AT_MOST(page_ahead_ns, 0);
}

RULE(D33, "a watchdog that reads as on is on", "lockup_detector_reconfigure()")
{
	NEEDS(s->counters > 0);
	STATED(sysctl_reads);
	/* What it reads as is what it holds. */
	CONTROL(held_before, 1);
	EXACTLY(held_now, s->sysctl_reads);
}

static void expect_counted(const struct scenario *s, struct demands *d)
{
	struct guest_count count;

	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	COUNTS(guest_counted, count);
}

RULE(D14, "a guest counts whatever version its PMU has",
     "kvm_pmu_load_guest_pmcs(), pmc_is_globally_enabled()")
{
	expect_counted(s, d);
}

RULE(D25, "no instruction is lost that KVM serves in its fast path",
     "kvm_pmu_incr_counter(), pmc_pause_counter()")
{
	expect_counted(s, d);
}

/* The host must have been at it meanwhile. */
RULE(D24,
     "no counter of the guest loses or gains at VM entry or exit while the host samples",
     "kvm_pmu_load_guest_pmcs(), kvm_pmu_put_guest_pmcs()")
{
	struct guest_count count;

	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	CONTROL(counted_before, 1);
	COUNTS(guest_counted, count);
}

RULE(D26c, "an NMI of the host takes no overflow from the guest",
     "kvm_pmu_put_guest_pmcs(), perf_event_nmi_handler(), perf_load_guest_lvtpc()")
{
	NEEDS(s->overflows > 0);
	CONTROL(nmis_inside, 1);
	EXACTLY(interrupts, s->overflows);
	EXACTLY(status_made, s->status);
	EXACTLY(warned, 0);
}

RULE(D36,
     "guest exit is quiet on a CPU whose only events belong to a cgroup elsewhere",
     "perf_put_guest_context()")
{
	NEEDS(s->exits_asked > 0);
	CONTROL(exits_made, s->exits_asked);
	EXACTLY(warned, 0);
}

RULE(D37,
     "an event of a CPU that is enabled counts, whatever was opened before it",
     "ctx_sched_in()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	AT_LEAST(counted_after, s->host_work);
}

static void expect_d38(const struct scenario *s, struct demands *d)
{
	struct guest_count count;

	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	COUNTS(guest_counted, count);
	EXACTLY(mismatches, 0);
}

RULE(D38, "a nested guest runs with the global control of the guest",
     "nested_svm_vmrun()")
{
	expect_d38(s, d);
}

RULE(D38.vmx, "a nested guest runs with the global control its VMCS holds",
     "prepare_vmcs02()")
{
	expect_d38(s, d);
}

/*
 * The parent's own time is in it as well, and must be less than the child's:
 * else it could pass for that.
 */
RULE(D42,
     "a parent's event has all that its children counted and were enabled for, once they are gone",
     "perf_event_exit_event(), sync_child_event()")
{
	STATED(host_work);
	STATED(wall_max_ns);
	STATED(parent_max_ns);
	NEEDS(s->child_min_ns > s->parent_max_ns);
	EXPECT(enabled_ns, s->child_min_ns, s->wall_max_ns + s->parent_max_ns);
	AT_LEAST(counted_after, s->host_work);
}

RULE(D42.own,
     "a parent's event keeps what the parent counted, whatever programs its children execute",
     "perf_event_remove_on_exec(), perf_event_context_sched_out()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	AT_LEAST(counted_after, s->host_work);
}

RULE(D43,
     "an overflow by what KVM emulates last before a vCPU is saved interrupts the guest where it is restored",
     "KVM_REQ_PMI, KVM_REQ_PMU; kvm_arch_vcpu_ioctl_run()")
{
	expect_restored(s, d);
}

RULE(D47, "a CPU counts on when the last event of a cgroup went to ERROR there",
     "merge_sched_in(), perf_cgroup_switch()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	CONTROL(eof, 1);
	EXACTLY(left_over, 0);
	AT_LEAST(counted_after, s->host_work);
}

RULE(D48,
     "a member of a group that overflows together with the one that is throttled goes on sampling",
     "x86_pmu_handle_irq(), perf_event_throttle_group()")
{
	NEEDS(s->group_size > 1);
	CONTROL(throttles, 1);
	CONTROL(samples, 1);
	EXACTLY(members_apart, 0);
	EXACTLY(warned, 0);
	AT_LEAST(samples_of_other, 1);
}

RULE(D50, "a task with events comes to any CPU without a warning",
     "perf_event_context_sched_in(), perf_assert_pmu_disabled()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_after, s->host_work);
	EXACTLY(warned, 0);
}

/* Of kernels that hand the PMU over. */
#undef RULES_OF
#define RULES_OF BY_PASSTHROUGH

RULE(D5, "the running time of a cgroup's event leaves the guest out",
     "update_cgrp_time_from_cpuctx(), ctx_sched_in()")
{
	GUEST_WOULD_SHOW();
	CONTROL(counted_before, 1);
	EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
}

RULE(D8,
     "a hardware sibling of a software leader stays off the counters under a guest",
     "merge_sched_in()")
{
	NEEDS(s->entered == 1);
	CONTROL(counted_before, 1);
	EXACTLY(counted_inside, 0);
}

RULE(D9, "calls that do not alternate are warned about",
     "perf_guest_enter(), perf_guest_exit()")
{
	STATED(calls_alternate);
	EXACTLY(warned, !s->calls_alternate);
}

RULE(D12, "the NMI watchdog is not made to exclude guests",
     "wd_hw_attr of kernel/watchdog_perf.c")
{
	STATED(counters);
	CONTROL(held_before, 1);
	EXACTLY(watchdog_survives, 0);
}

RULE(D19, "times stay right when there are more events than counters",
     "ctx_time_update_event()")
{
	NEEDS(s->competitors > s->counters);
	GUEST_WOULD_SHOW();
	CONTROL(counted_before, 1);
	EXACTLY(eof, 0);
	AT_MOST(running_ahead_ns, 0);
	AT_MOST(enabled_ns, s->wall_max_ns);
	/* They had no more than what the counters were the host's. */
	AT_MOST(running_all_ns,
		(s->wall_max_ns - s->guest_min_ns) * s->counters);
}

RULE(D22,
     "no event is refused because of a guest with the errno of a missing right",
     "perf_event_alloc()")
{
	NEEDS(s->guest_iterations > 0);
	CONTROL(refused, 1);
	EXACTLY(denied, 0);
}

/* With or without a global control: RDPMC is a question of the counters. */
RULE(D26, "RDPMC is not intercepted for want of a global control",
     "kvm_need_rdpmc_intercept()")
{
	STATED(guest_counters);
	NEEDS(s->guest_counters == s->host_counters);
	NEEDS(s->guest_fixed == s->host_fixed);
	EXACTLY(access_exits, 0);
	EXACTLY(vector, 0);
}

RULE(D39, "VMRUN of a nested hypervisor counts as a branch, too",
     "nested_svm_vmrun(), kvm_pmu_instruction_retired()")
{
	int64_t count;

	if (!nested_count(s, d, &count))
		return;
	EXACTLY(guest_counted, count);
}
