/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RFC's contract between perf and a hypervisor: a guest that wants the PMU
 * takes all counters of its CPU at entry and gives them back at exit. Events
 * that exclude the guest wait; the others are condemned.
 *
 * The kernel speaks one contract, chosen at boot with perf_guest.contract= and
 * readable in /sys/module/perf_guest/parameters/contract.
 */
#ifndef _LINUX_PERF_GUEST_H
#define _LINUX_PERF_GUEST_H

#include <linux/jump_label.h>
#include <linux/perf_event.h>

/*
 * Ways to break the contract, one at a time, with perf_guest.fault= at boot or
 * in /sys/module/perf_guest/parameters/fault: what a test suite is worth shows
 * in whether it notices. Name, rule, what it does. Those "from boot on" change
 * what KVM finds when it starts. All others are looked up where they act, and
 * can come and go while VMs and events live. Those marked "slip" are part of
 * rfc-as-posted.
 */
/* clang-format off */
#define PERF_GUEST_FAULTS(X) \
	X(software_too, R1, "other PMUs are evicted and judged as well") \
	X(task_stays, R2, "the task context is not evicted") \
	X(index_stays, R2, "a page keeps an index through the guest") \
	X(not_refused, R2, "what is enabled under a guest is scheduled in") \
	X(pinned_left, R2, "pinned groups are not evicted") \
	X(flexible_left, R2, "flexible groups are not evicted") \
	X(leader_refused, D8, "slip: entry refuses groups by their leader's PMU") \
	X(leader_decides, R3, "only the leader's exclude_guest is looked at") \
	X(exit_forgives, R4, "guest exit revives what entry condemned") \
	X(moving_forgives, R4, "guest exit on another CPU revives what was condemned") \
	X(no_resume, R5, "guest exit does not schedule in flexible groups") \
	X(lost_at_times, R5, "every 64th guest exit forgets flexible groups") \
	X(flag_stays, R5, "guest exit clears the flag of its CPU too late") \
	X(cpu_first, D3, "slip: CPU flexible groups go before task pinned") \
	X(no_assert, R6, "interrupts may be on in both calls") \
	X(exit_enters, R7, "an exit without enter enters") \
	X(silent, D9, "slip: misuse goes without a warning") \
	X(any_cpu, R8, "a guest on any CPU counts as one on every CPU") \
	X(off_not_error, R9, "condemned events are OFF instead of ERROR") \
	X(group_read, R9, "a group read of a condemned event returns a record") \
	X(leader_twice, D1, "slip: siblings of a condemned leader are spared") \
	X(forgets, R11, "condemning zeroes count and times") \
	X(disable_clears, R12, "DISABLE turns ERROR into OFF") \
	X(enable_ignored, R13, "ENABLE does not revive") \
	X(pinned_stays, R13, "ENABLE does not revive a pinned event") \
	X(wakes, R14, "condemning wakes pollers and sends SIGIO") \
	X(all_judged, R15, "groups that are not ACTIVE are condemned, too") \
	X(pinned_judged, R16, "pinned groups are condemned whatever they say") \
	X(clock_stops, R17, "time_enabled leaves the guest out") \
	X(clock_doubles, R17, "time_enabled takes the guest in twice") \
	X(running_runs, R18, "time_running goes on through the guest") \
	X(exclude_refused, R19, "exclude-guest events are refused, too") \
	X(rotation_stuck, R20, "guest exit forgets to ask for rotation") \
	X(cgroup_clock, D5, "slip: the cgroup clock is not brought up to date") \
	X(cgroup_spared, R21, "cgroup events are not judged") \
	X(cpu_passes, R22, "events of a CPU are not refused") \
	X(opener_asked, R22, "the flag of the opener's CPU is looked at, not that of the event's") \
	X(guest_only_passes, R22, "events of a CPU that exclude the host are not refused") \
	X(wrong_errno, R22, "the creation check returns EOPNOTSUPP") \
	X(task_passes, R23, "events of a task are not refused") \
	X(late_spared, R24, "events opened near a guest are never judged") \
	X(disabled_passes, R25, "disabled events are not refused") \
	X(leader_classifies, R26, "a sibling is refused by its leader's PMU") \
	X(fork_passes, R27, "inherited events are not refused") \
	X(child_lives, R28, "the child of a condemned parent counts") \
	X(no_swap, R29, "contexts of clones are not exchanged") \
	X(kernel_spared, R30, "events of the kernel itself are not judged") \
	X(watchdog_excludes, D12, "the NMI watchdog excludes guests") \
	X(vm_refused_early, D13, "a VM is refused before it has a vCPU") \
	X(irqchip_forgotten, D15, "a guest without an irqchip is given the PMU") \
	X(mapping_refused, D21, "no event is mapped beside a VM") \
	X(lvtpc_stays, R31, "the guest's overflows arrive as host NMIs") \
	X(refused_claims, M3, "a VM that refused its PMU claims all the same") \
	X(irqchip_ignored, M4, "a VM without an irqchip claims, too") \
	X(claimed_again, M5, "every vCPU makes a claim of its own") \
	X(vm_passes, M6, "a VM is not refused beside include-guest events") \
	X(refused_late, M7, "a VM may refuse its PMU after its first vCPU") \
	X(claim_stays, M9, "a VM that is gone keeps its claim") \
	X(claim_early, M9, "the claim goes with the fd of the VM, vCPUs or not") \
	X(claim_falls, M8, "the claim falls with a vCPU that cannot be made") \
	X(cpuid_decides, M10, "the claim goes with a vCPU whose CPUID has no PMU, as all are at first") \
	X(event_passes, M11, "include-guest events are not refused beside a VM") \
	X(vms_uncounted, M11, "VMs are not counted") \
	X(event_denied, D22, "they are refused with EACCES") \
	X(event_stays_counted, M12, "a freed event goes on blocking VMs") \
	X(disabled_uncounted, M12, "disabled events neither block VMs nor are refused") \
	X(tasks_uncounted, M12, "events of a task neither block VMs nor are refused") \
	X(fork_refused, M13, "inherited events are refused beside a VM") \
	X(claim_races, M14, "an event does not take the lock against VMs") \
	X(all_counted, M18, "exclude-guest events are refused, too") \
	X(other_pmus_counted, M16, "events of other PMUs are refused, too") \
	X(fast_path_gives, M19, "an exit served in the fast path gives the PMU back") \
	X(cpu_not_out, M21, "load leaves the CPU context on the counters") \
	X(task_not_out, M21, "load leaves the task context on the counters") \
	X(load_silent, M22, "a second load goes without a warning") \
	X(host_nmis_ignored, M49, "after put the host still takes its overflows for the guest's") \
	X(joins_guest, M27, "what is enabled under a guest is scheduled in at once") \
	X(not_back_in, M27, "put schedules nothing in") \
	X(task_not_in, M27, "put does not schedule the task context in") \
	X(turns_stop, M28, "events that share counters take no turns") \
	X(guest_time_kept, M23, "the guest's time is not subtracted") \
	X(guest_time_twice, M23, "the guest's time is subtracted twice") \
	X(software_time, M24, "the guest's time is not subtracted for software events") \
	X(others_lose_time, M25, "the guest's time is subtracted for include-guest events") \
	X(group_stale, M51, "a group read does not look at the siblings") \
	X(cgroup_guest_lost, M26, "the guest clock of a cgroup starts anywhere") \
	X(param_lost, M1, "from boot on: a PMU that can be handed over is not") \
	X(exits_counted, M43, "each exit adds one to the events of the host") \
	X(exclusive_condemned, M47, "put condemns exclusive events") \
	X(cpu_back_loaded, M48, "a CPU that comes back is taken for one inside a guest") \
	X(child_lost, M50, "what a child counted is lost while there is a VM") \
	X(kernel_left_out, D17, "put leaves out events that count the kernel") \
	X(first_vm_twice, D18, "the first VM claims twice") \
	X(waiting_runs, D19, "an event that waits for a counter runs") \
	X(cgroup_clock_stops, D20, "the clock of a cgroup stands still in a guest") \
	X(border_gains, D24, "each put adds one to the guest's counters") \
	X(nmi_looked_at, D26c, "perf handles NMIs that come under a guest") \
	X(counters_left, M20, "put leaves the guest's counters in the hardware") \
	X(zero_not_loaded, M20, "a guest counter of zero is not loaded") \
	X(pmi_dropped, M29, "the guest's overflow is not passed on") \
	X(mask_lost, M29, "the mask of the guest's LVTPC is lost") \
	X(lvtpc_not_back, M29, "put leaves the LVTPC to the guest") \
	X(counters_intercepted, M30, "the guest's counters are intercepted") \
	X(absent_passed, M45, "counters the guest has not are passed through") \
	X(rdpmc_intercepted, M31, "RDPMC is always intercepted") \
	X(nested_intercepted, M37, "every register that a nested guest accesses is intercepted") \
	X(nested_open, M37, "what the guest keeps from its own guest is let through") \
	X(rdpmc_needs_control, D26, "RDPMC is intercepted without PerfMonV2") \
	X(filter_ignored, M32, "the event filter does nothing") \
	X(filter_late, M32, "a filter is enforced one entry late") \
	X(hardware_shown, M42, "the guest reads its selectors as the hardware has them") \
	X(modes_ignored, M33, "host-only and guest-only are ignored") \
	X(emulated_lost, M34, "emulated instructions are not counted") \
	X(emulated_silent, M34, "their overflow interrupts nobody") \
	X(control_not_saved, M35, "global control is not read back at exit") \
	X(counters_narrow, M38, "counters are one bit narrower, and RDPMC is intercepted") \
	X(last_not_loaded, M41, "the last counter and selector are not loaded") \
	X(counters_not_saved, M42, "put does not read the counters") \
	X(reset_disabled, M44, "a new vCPU starts with its counters disabled") \
	X(status_not_loaded, M46, "the guest's overflow status is not loaded") \
	X(faults_counted, M57, "a page fault of the guest is counted as an instruction of it") \
	X(vmrun_lost, M58, "what KVM executes for a nested guest is not counted") \
	X(fewer_offered, M56, "from boot on: guests are offered one counter fewer than there are") \
	X(version_two_only, D14, "only guests with PerfMonV2 are switched") \
	X(fast_path_loses, D25, "the fast path is taken while instructions are counted") \
	X(vmx_not_claimed, M2, "from boot on: VMX: a PMU that can be handed over is not claimed") \
	X(vmx_fixed_left, M20, "VMX: put leaves the fixed counters in the hardware") \
	X(vmx_fixed_ctrl_stays, M20, "VMX: put leaves the fixed counters enabled") \
	X(vmx_fixed_pmi_refused, M29, "VMX: a fixed counter cannot interrupt") \
	X(vmx_counters_intercepted, M30, "VMX: the guest's counters are intercepted") \
	X(vmx_fixed_intercepted, M30, "VMX: its fixed counters are") \
	X(vmx_control_intercepted, M30, "VMX: global control and status are always intercepted") \
	X(vmx_version_shown, M36, "from boot on: VMX: guests are announced the host's version") \
	X(vmx_nested_intercepted, M37, "VMX: a nested guest's accesses to counters are intercepted") \
	X(vmx_nested_open, M37, "VMX: what the guest keeps from its own guest is let through") \
	X(vmx_control_passed, M30, "VMX: a guest with fewer counters writes the global control itself") \
	X(vmx_filter_spares_fixed, M32, "VMX: the event filter spares fixed counters") \
	X(vmx_control_not_saved, M35, "VMX: exits do not save the global control") \
	X(vmx_control_not_loaded, M41, "VMX: entry does not load the global control") \
	X(vmx_exit_loads_nothing, M41, "VMX: after an exit the guest's counters go on") \
	X(vmx_counts_after_exit, M41, "VMX: exits load a global control that is not zero") \
	X(vmx_fixed_ctrl_not_loaded, M41, "VMX: the control of the fixed counters is not loaded") \
	X(vmx_fixed_not_loaded, M42, "VMX: the fixed counters are not loaded") \
	X(vmx_fixed_not_saved, M42, "VMX: put does not read the fixed counters") \
	X(vmx_absent_passed, M45, "VMX: counters the guest has not are passed through") \
	X(vmx_last_fixed_missing, M45, "VMX: the last fixed counter is not there") \
	X(vmx_status_not_loaded, M46, "VMX: the guest's overflow status is not loaded") \
	X(vmx_status_not_saved, M46, "VMX: put forgets the overflow status")
/* clang-format on */

enum perf_guest_fault {
	PERF_GUEST_NO_FAULT,
#define PERF_GUEST_FAULT_ENUM(name, rule, words) PERF_GUEST_FAULT_##name,
	PERF_GUEST_FAULTS(PERF_GUEST_FAULT_ENUM)
#undef PERF_GUEST_FAULT_ENUM
};

#ifdef CONFIG_PERF_EVENTS

/* PMUs that can be handed to a guest are those that can be mediated. */
#define PERF_PMU_CAP_VPMU_PASSTHROUGH PERF_PMU_CAP_MEDIATED_VPMU

static inline bool has_vpmu_passthrough_cap(const struct pmu *pmu)
{
	return pmu->capabilities & PERF_PMU_CAP_VPMU_PASSTHROUGH;
}

enum perf_guest_contract {
	PERF_GUEST_MEDIATED,
	PERF_GUEST_RFC,
	PERF_GUEST_RFC_AS_POSTED,
};

extern enum perf_guest_contract perf_guest_contract;
extern enum perf_guest_fault perf_guest_fault;
DECLARE_STATIC_KEY_FALSE(perf_guest_faulty);

static inline bool perf_guest_speaks_rfc(void)
{
	return perf_guest_contract != PERF_GUEST_MEDIATED;
}

/* A no-op instruction as long as no fault is asked for. */
#define perf_guest_fault(name)                         \
	(static_branch_unlikely(&perf_guest_faulty) && \
	 READ_ONCE(perf_guest_fault) == PERF_GUEST_FAULT_##name)

/* A fault that the RFC as posted has. */
#define perf_guest_slip(name)                               \
	(perf_guest_contract == PERF_GUEST_RFC_AS_POSTED || \
	 perf_guest_fault(name))

/*
 * Hand this CPU's counters to a guest, and take them back. Both with interrupts
 * off. A second enter, and an exit without enter, are ignored with a warning.
 */
void perf_guest_enter(void);
void perf_guest_exit(void);

#else

static inline bool perf_guest_speaks_rfc(void)
{
	return false;
}
static inline void perf_guest_enter(void)
{
}
static inline void perf_guest_exit(void)
{
}
#define perf_guest_fault(name) false

#endif
#endif
