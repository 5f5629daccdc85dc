// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest counts in its PMU, and what it leaves to the host. Asked under
 * every contract: whether its counters are the hardware's or events of the host
 * makes no difference to what is asked here. docs/contract/guest.md has the
 * words and the sources.
 */
#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

RULE(M20, "neither side finds a value of the other in a counter",
     "kvm_pmu_load_guest_pmcs(), kvm_pmu_put_guest_pmcs()")
{
	STATED(host_counters);
	CONTROL(leak_control, 1);
	EXACTLY(leaked, 0);
}

static void expect_pmi(const struct scenario *s, struct demands *d)
{
	int64_t reach;

	STATED(overflows);
	STATED(pmi_masked);
	STATED(amd);
	STATED(passthrough);
	reach = s->pmi_masked ? 0 : s->overflows;
	EXACTLY(interrupts, reach);
	EXACTLY(status_made, s->status);
	/* Else the counter is the host's, and so is its interrupt. */
	if (s->passthrough) {
		EXACTLY(guest_pmis, reach);
		EXACTLY(nmis_inside, 0);
	} else {
		EXACTLY(guest_pmis, 0);
	}
	/* Intel masks the entry when it delivers. */
	EXACTLY(lvt_masked, s->pmi_masked || (!s->amd && reach));
}

RULE(M28, "events that share counters go on taking turns between exits",
     "perf_put_guest_context(), perf_rotate_context(), merge_sched_in(), ctx_sched_out(), event_sched_in(), event_sched_out()")
{
	NEEDS(s->competitors > s->counters);
	NEEDS(s->exits_asked > 0);
	CONTROL(exits_made, s->exits_asked);
	EXACTLY(starved, 0);
	EXACTLY(eof, 0);
}

RULE(M28.times, "and those of a cgroup have run whenever they have counted",
     "perf_rotate_context(), update_cgrp_time_from_cpuctx()")
{
	NEEDS(s->competitors > s->counters);
	EXACTLY(counted_without_time, 0);
}

RULE(M29,
     "an overflow of the guest's counter interrupts the guest, and nobody else",
     "perf_load_guest_lvtpc(), kvm_handle_guest_mediated_pmi(), perf_register_guest_info_callbacks(), kvm_perf_overflow(), pmc_is_globally_enabled()")
{
	expect_pmi(s, d);
}

RULE(M29.first,
     "an overflow by the first event after a counter is set up interrupts as it is set up",
     "kvm_pmu_incr_counter(), reprogram_counter()")
{
	expect_pmi(s, d);
}

RULE(M29.written,
     "a counter that is written while it is on overflows when what was written wraps",
     "pmc_write_counter(), pmc_update_sample_period()")
{
	expect_pmi(s, d);
}

/* Interrupts are off meanwhile: the APIC holds one, however many ask for it. */
RULE(M63,
     "counters that overflow at once are all in the status, and interrupt the guest",
     "kvm_handle_guest_mediated_pmi(), kvm_pmu_deliver_pmi()")
{
	NEEDS(s->overflows > 0);
	STATED(status);
	STATED(passthrough);
	EXACTLY(status_made, s->status);
	EXACTLY(interrupts, 1);
	if (s->passthrough)
		EXPECT(guest_pmis, 1, s->overflows);
	else
		EXACTLY(guest_pmis, 0);
}

RULE(M37.kept,
     "an access of a nested guest that its own hypervisor intercepts exits to that hypervisor",
     "nested_svm_exit_handled_msr(), nested_vmx_exit_handled_msr()")
{
	NEEDS(s->accesses > 0);
	EXACTLY(vector, 0);
	EXACTLY(handed_on, s->accesses);
}

RULE(M32,
     "the event filter stops a counter, and the guest reads back what it wrote",
     "kvm_mediated_pmu_refresh_event_filter(), is_gp_event_allowed(), filter_cmp(), kvm_vm_ioctl_set_pmu_event_filter(), reprogram_counter()")
{
	struct guest_count count;

	STATED(filtered);
	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	CONTROL_BY(M41, guest_control, 1);
	if (s->filtered)
		EXACTLY(guest_counted, 0);
	else
		COUNTS(guest_counted, count);
	EXACTLY(mismatches, 0);
	EXACTLY(vector, 0);
}

static void expect_exact(const struct scenario *s, struct demands *d)
{
	struct guest_count count;

	if (!guest_count(s, d, &count))
		return;
	COUNTS(guest_counted, count);
	if (count.least > 0)
		return;
	/* "Nothing" means something only beside a counter that moved. */
	CONTROL_BY(M41, guest_control, 1);
}

RULE(M34, "what KVM emulates for the guest is counted",
     "kvm_pmu_incr_counter(), pmc_pause_counter()")
{
	expect_exact(s, d);
}

RULE(M34.levels,
     "at the privilege levels that the counter selects, and no others",
     "cpl_is_matched(), kvm_pmu_trigger_event()")
{
	expect_exact(s, d);
}

RULE(M34.off,
     "and not by a counter that is off, or that the VMM's filter stops",
     "kvm_pmu_trigger_event(), kvm_pmu_recalc_pmc_emulation()")
{
	NEEDS(s->guest_work == 0);
	NEEDS(s->guest_entries == 0);
	expect_exact(s, d);
}

RULE(M41.off, "and nothing once its own control turns it off",
     "kvm_pmu_set_msr(), amd_pmu_set_msr(), intel_pmu_set_msr(), reprogram_fixed_counters()")
{
	(void)s;
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(guest_counted, 0);
}

RULE(M41,
     "a counter of the guest counts exactly what the guest retires at the privilege levels it selects",
     "kvm_pmu_load_guest_pmcs(), perf_load_guest_context(), kvm_pmu_refresh(), kvm_pmu_set_msr(), amd_pmu_set_msr(), intel_pmu_set_msr(), reprogram_counter(), pmc_reprogram_counter(), __kvm_pmu_reprogram_counters(), pmc_read_counter(), kvm_mediated_pmu_refresh_event_filter(), pmc_is_globally_enabled(), x86_perf_event_update()")
{
	expect_exact(s, d);
}

/* As many as there were, and each as the processor counts it. */
RULE(M57,
     "a VM entry adds to the guest's counts what the processor counts for it, and no more",
     "svm_vcpu_run(), vmx_vcpu_run(); AMD64 APM volume 2, Performance Monitoring")
{
	struct guest_count count;

	NEEDS(s->guest_entries > 0);
	if (!guest_count(s, d, &count))
		return;
	COUNTS(guest_counted, count);
}

RULE(M34.overflow,
     "an overflow by an emulated instruction is one like any other",
     "kvm_pmu_incr_counter(), kvm_pmu_handle_event()")
{
	NEEDS(s->overflows > 0);
	STATED(status);
	CONTROL(overflows_by_kvm, 1);
	EXACTLY(status_made, s->status);
	EXACTLY(interrupts, s->overflows);
}

RULE(M30.alias, "AMD's legacy and extended MSRs of a counter are one register",
     "amd_pmu_get_pmc(), amd_is_valid_msr(), get_gp_pmc_amd(); AMD64 APM volume 2, Performance Counter MSRs")
{
	expect_kept(s, d);
}

RULE(M31.agree, "RDPMC and RDMSR of a counter agree",
     "kvm_pmu_rdpmc(), pmc_read_counter()")
{
	expect_kept(s, d);
}

RULE(M35, "KVM_GET_MSRS and KVM_SET_MSRS see the guest's registers",
     "kvm_pmu_get_msr(), kvm_pmu_set_msr(), intel_pmu_get_msr(), intel_pmu_set_msr(), svm_vcpu_run(), pmc_read_counter()")
{
	expect_kept(s, d);
}

RULE(M35.taken, "and refuse none that the guest has",
     "kvm_pmu_get_msr(), kvm_pmu_set_msr(), kvm_pmu_is_valid_msr(), amd_is_valid_msr(), intel_is_valid_msr(), amd_pmu_refresh(), intel_pmu_refresh()")
{
	(void)s;
	EXACTLY(err, 0);
}

RULE(M37.same, "guest and nested guest find in a register what either wrote",
     "nested_svm_merge_msrpm(), nested_vmx_merge_pmu_msr_bitmaps()")
{
	expect_kept(s, d);
}

/* Two counters count the same, and the writes are about one of them. */
RULE(M70,
     "a write that changes nothing, or only what another counter does, costs a counter nothing",
     "amd_pmu_set_msr(), intel_pmu_set_msr(), reprogram_fixed_counters(), kvm_pmu_set_msr()")
{
	NEEDS(s->guest_version > 1);
	STATED(guest_work);
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(guest_counted, s->guest_work);
}

/* Twice a piece of work less that piece: what surrounds it is in both. */
static void expect_linux_count(const struct scenario *s, struct demands *d)
{
	STATED(guest_work);
	EXACTLY(guest_counted, s->guest_work);
}

RULE(M76,
     "perf in a Linux guest counts a program's instructions exactly, where it stays and where it is saved and restored meanwhile",
     "perf_event_open(2); kvm_pmu_load_guest_pmcs(), kvm_pmu_put_guest_pmcs()")
{
	expect_linux_count(s, d);
}

RULE(M76.rdpmc, "a program of a Linux guest reads the same by RDPMC",
     "perf_event_open(2), cap_user_rdpmc; kvm_need_rdpmc_intercept()")
{
	expect_linux_count(s, d);
}

/* The work ends amid a period. */
RULE(M77,
     "perf in a Linux guest takes a sample at the end of each sample period, and loses none",
     "perf_event_open(2); __perf_event_overflow(), kvm_handle_guest_mediated_pmi()")
{
	NEEDS(s->overflows > 0);
	EXACTLY(samples, s->overflows);
	EXACTLY(samples_lost, 0);
}

RULE(M78, "the kernel of a Linux guest complains of nothing",
     "amd_pmu_init(), intel_pmu_init(), check_hw_exists()")
{
	(void)s;
	CONTROL(log_lines, 1);
	EXACTLY(complaints, 0);
}

RULE(M42,
     "what the guest wrote survives every exit, whatever the host counts meanwhile",
     "kvm_pmu_load_guest_pmcs(), kvm_pmu_put_guest_pmcs()")
{
	NEEDS(s->exits_asked > 0);
	CONTROL(exits_made, s->exits_asked);
	CONTROL(counted_before, 1);
	EXACTLY(mismatches, 0);
}

RULE(M43, "what a host event counts does not depend on how long a guest ran",
     "perf_load_guest_context(), perf_put_guest_context(), perf_guest_get_msrs(), atomic_switch_perf_msrs()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_iterations > 0);
	CONTROL(counted_before, 1);
	EXACTLY(host_surplus, 0);
}

static void expect_still(const struct scenario *s, struct demands *d)
{
	NEEDS(s->exclude_guest == 1);
	CONTROL(enabled_ns, 1);
	EXACTLY(enabled_asleep, 0);
}

RULE(M84,
     "the times of a task's event stand still while the task sleeps, whoever reads them",
     "ctx_time_update_event(), perf_event_read()")
{
	expect_still(s, d);
}

RULE(M84.cgroup, "and those of a cgroup's event while its tasks do",
     "update_cgrp_time_from_event(), perf_event_read()")
{
	expect_still(s, d);
}

RULE(M83,
     "an exclude-guest event of whatever kind counts while there is no guest",
     "event_sched_in(), group_sched_in(), merge_sched_in(), ctx_sched_in(), x86_perf_event_update()")
{
	NEEDS(s->exclude_guest == 1);
	AT_LEAST(counted_before, 1);
}

/* Inside is only where nothing of the host runs: there the guest must stay. */
RULE(M47,
     "an exclude-guest event of whatever kind counts the host, not the guest, and never goes to ERROR",
     "perf_load_guest_context(), perf_put_guest_context(), event_sched_in(), event_sched_out(), group_sched_in(), x86_perf_event_update()")
{
	NEEDS(s->exclude_guest == 1);
	STATED(exits_asked);
	CONTROL(counted_before, 1);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
	STATED(passthrough);
	/* Reading an event that is on takes the guest out. */
	if (s->exits_asked || !s->passthrough)
		return;
	EXACTLY(counted_inside, 0);
}

RULE(M48, "guest and host keep their counters when a CPU goes and comes back",
     "perf_event_exit_cpu(), kvm_offline_cpu()")
{
	NEEDS(s->guest_counters > 0);
	NEEDS(s->attempts_asked > 0);
	EXACTLY(mismatches, 0);
	EXACTLY(failed, 0);
	AT_LEAST(counted_after, 1);
}

RULE(M49, "a guest that is gone, however it ended, leaves the PMU as it was",
     "kvm_arch_vcpu_put(), perf_put_guest_context()")
{
	STATED(host_counters);
	CONTROL(leak_control, 1);
	EXACTLY(left_over, 0);
	EXACTLY(leaked, 0);
	AT_LEAST(counted_after, 1);
	AT_LEAST(samples_after, 1);
}

RULE(M50,
     "races of opening, closing, forking and enabling with guest entry leave nothing behind",
     "perf_load_guest_context(), perf_event_open(), perf_event_free_task()")
{
	NEEDS(s->attempts_asked > 0);
	CONTROL(attempts, s->attempts_asked);
	CONTROL(exits_made, s->attempts_asked);
	EXACTLY(failed, 0);
	EXACTLY(left_over, 0);
	EXACTLY(mismatches, 0);
	AT_LEAST(counted_after, 1);
}

RULE(M51,
     "whoever reads an event around a guest, by whatever way, reads the same",
     "perf_read(), perf_event_update_userpage(), perf_output_read()")
{
	NEEDS(s->attempts_asked > 0);
	NEEDS(s->host_work > 0);
	CONTROL(attempts, s->attempts_asked);
	CONTROL(counted_before, 1);
	EXACTLY(failed, 0);
	EXACTLY(disordered, 0);
	AT_MOST(running_ahead_ns, 0);
	AT_LEAST(counted_after, s->host_work);
}

/* Whatever came before it: only guest entry puts an event into ERROR. */
RULE(M52,
     "after any sequence of calls, an event is in ERROR if the contract puts it there, and only then",
     "perf_event_set_state()")
{
	STATED(in_error);
	EXACTLY(eof, s->in_error);
}

RULE(M53,
     "after any sequence of calls, an event has counted the work it was on for, and no other",
     "x86_perf_event_update(), event_sched_in(), event_sched_out(), group_sched_in(), ctx_sched_in(), ctx_sched_out()")
{
	STATED(host_work);
	STATED(host_work_most);
	EXPECT(counted_after, s->host_work, s->host_work_most);
}

RULE(M54,
     "after any sequence of calls, the times of an event have not gone back, and it ran no longer than it was enabled",
     "perf_event_update_time()")
{
	STATED(time_before);
	AT_LEAST(enabled_ns, s->time_before);
	AT_LEAST(not_running_ns, 0);
}

RULE(M55, "no sequence of calls makes the kernel warn",
     "perf_load_guest_context(), perf_put_guest_context()")
{
	NEEDS(s->attempts_asked > 0);
	CONTROL(attempts, s->attempts_asked);
	EXACTLY(warned, 0);
}
