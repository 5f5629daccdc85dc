/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RFC's contract between perf and a hypervisor: a guest that wants the PMU
 * takes all counters of its CPU at entry and gives them back at exit. Events
 * that exclude the guest wait; the others go to ERROR.
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
 * in whether it notices. Name, rule, the contract under which it shows, the
 * vendor whose code it is in, how it is switched on, and what it does.
 *
 * LATE: looked up where it acts; it can come and go while VMs and events live.
 * ALONE: the same, but what it leaves behind could hide another one in the same
 * boot: a claim, a count, a hung CPU.
 * BOOT: changes what KVM finds when it starts; only from boot on.
 * DEBUG: shows on a kernel with CONFIG_PROVE_LOCKING only.
 *
 * Those "as posted" are part of rfc-as-posted.
 */
/* clang-format off */
#define PERF_GUEST_FAULTS(X) \
	X(software_too, R1, RFC, ANY, LATE, "other PMUs are evicted and put into ERROR as well") \
	X(task_stays, R2, RFC, ANY, LATE, "the task context is not evicted") \
	X(index_stays, R2, RFC, ANY, LATE, "a page keeps an index through the guest") \
	X(not_refused, R2, RFC, ANY, LATE, "what is enabled under a guest is scheduled in") \
	X(pinned_left, R2, RFC, ANY, LATE, "pinned groups are not evicted") \
	X(flexible_left, R2, RFC, ANY, LATE, "flexible groups are not evicted") \
	X(leader_refused, D8, RFC, ANY, LATE, "as posted: entry refuses groups by their leader's PMU") \
	X(leader_decides, R3, RFC, ANY, LATE, "only the leader's exclude_guest is looked at") \
	X(exit_forgives, R4, RFC, ANY, LATE, "guest exit revives what entry put into ERROR") \
	X(moving_forgives, R4, RFC, ANY, LATE, "guest exit on another CPU revives what was put into ERROR") \
	X(no_resume, R5, RFC, ANY, LATE, "guest exit does not schedule in flexible groups") \
	X(lost_at_times, R5, RFC, ANY, LATE, "every 64th guest exit forgets flexible groups") \
	X(flag_stays, R5, RFC, ANY, LATE, "guest exit clears the flag of its CPU too late") \
	X(waiting_taken, R5, RFC, ANY, LATE, "guest exit schedules in what waits in a context that was not started") \
	X(cpu_first, D3, RFC, ANY, LATE, "as posted: CPU flexible groups go before task pinned") \
	X(no_assert, R6, RFC, ANY, DEBUG, "interrupts may be on in both calls") \
	X(exit_enters, R7, RFC, ANY, LATE, "an exit without enter enters") \
	X(silent, D9, RFC, ANY, LATE, "as posted: misuse goes without a warning") \
	X(any_cpu, R8, RFC, ANY, LATE, "a guest on any CPU counts as one on every CPU") \
	X(off_not_error, R9, RFC, ANY, LATE, "events are OFF instead of in ERROR") \
	X(group_read, R9, RFC, ANY, LATE, "a group read of an event in ERROR returns a record") \
	X(leader_twice, D1, RFC, ANY, LATE, "as posted: siblings of a leader in ERROR are left out") \
	X(forgets, R11, RFC, ANY, LATE, "going to ERROR zeroes count and times") \
	X(disable_clears, R12, RFC, ANY, LATE, "DISABLE turns ERROR into OFF") \
	X(enable_ignored, R13, RFC, ANY, LATE, "ENABLE does not revive") \
	X(pinned_stays, R13, RFC, ANY, LATE, "ENABLE does not revive a pinned event") \
	X(wakes, R14, RFC, ANY, LATE, "going to ERROR wakes pollers and sends SIGIO") \
	X(all_to_error, R15, RFC, ANY, LATE, "groups that are not ACTIVE go to ERROR, too") \
	X(pinned_to_error, R16, RFC, ANY, LATE, "pinned groups go to ERROR whatever they say") \
	X(clock_stops, R17, RFC, ANY, LATE, "time_enabled leaves the guest out") \
	X(clock_doubles, R17, RFC, ANY, LATE, "time_enabled takes the guest in twice") \
	X(running_runs, R18, RFC, ANY, LATE, "time_running goes on through the guest") \
	X(exclude_refused, R19, RFC, ANY, LATE, "exclude-guest events are refused, too") \
	X(rotation_stuck, R20, RFC, ANY, LATE, "guest exit forgets to ask for rotation") \
	X(cgroup_clock, D5, RFC, ANY, LATE, "as posted: the cgroup clock is not brought up to date") \
	X(cgroup_left_out, R21, RFC, ANY, LATE, "cgroup events are left out") \
	X(cpu_passes, R22, RFC, ANY, LATE, "events of a CPU are not refused") \
	X(opener_asked, R22, RFC, ANY, LATE, "the flag of the opener's CPU is looked at, not that of the event's") \
	X(guest_only_passes, R22, RFC, ANY, LATE, "events of a CPU that exclude the host are not refused") \
	X(wrong_errno, R22, RFC, ANY, LATE, "the creation check returns EOPNOTSUPP") \
	X(task_passes, R23, RFC, ANY, LATE, "events of a task are not refused") \
	X(late_left_out, R24, RFC, ANY, LATE, "events opened near a guest are left out") \
	X(disabled_passes, R25, RFC, ANY, LATE, "disabled events are not refused") \
	X(leader_classifies, R26, RFC, ANY, LATE, "a sibling is refused by its leader's PMU") \
	X(fork_passes, R27, RFC, ANY, LATE, "inherited events are not refused") \
	X(child_lives, R28, RFC, ANY, LATE, "the child of a parent in ERROR counts") \
	X(no_swap, R29, RFC, ANY, LATE, "contexts of clones are not exchanged") \
	X(kernel_events_left_out, R30, RFC, ANY, LATE, "events of the kernel itself are left out") \
	X(watchdog_excludes, D12, RFC, ANY, LATE, "the NMI watchdog excludes guests") \
	X(vm_refused_early, D13, MEDIATED, ANY, LATE, "a VM is refused before it has a vCPU") \
	X(irqchip_forgotten, D15, MEDIATED, ANY, LATE, "a guest without an irqchip is given the PMU") \
	X(mapping_refused, D21, MEDIATED, ANY, LATE, "no event is mapped beside a VM") \
	X(lvtpc_stays, R31, RFC, ANY, LATE, "the guest's overflows arrive as host NMIs") \
	X(refused_claims, M3, MEDIATED, ANY, LATE, "a VM that refused its PMU claims all the same") \
	X(irqchip_ignored, M4, MEDIATED, ANY, LATE, "a VM without an irqchip claims, too") \
	X(claimed_again, M5, MEDIATED, ANY, ALONE, "every vCPU makes a claim of its own") \
	X(vm_passes, M6, MEDIATED, ANY, LATE, "a VM is not refused beside include-guest events") \
	X(refused_late, M7, MEDIATED, ANY, LATE, "a VM may refuse its PMU after its first vCPU") \
	X(claim_stays, M9, MEDIATED, ANY, ALONE, "a VM that is gone keeps its claim") \
	X(claim_early, M9, MEDIATED, ANY, LATE, "the claim goes with the fd of the VM, vCPUs or not") \
	X(claim_falls, M8, MEDIATED, ANY, LATE, "the claim falls with a vCPU that cannot be made") \
	X(cpuid_decides, M10, MEDIATED, ANY, LATE, "the claim goes with a vCPU whose CPUID has no PMU, as all are at first") \
	X(event_passes, M11, MEDIATED, ANY, LATE, "include-guest events are not refused beside a VM") \
	X(vms_uncounted, M11, MEDIATED, ANY, LATE, "VMs are not counted") \
	X(event_denied, D22, MEDIATED, ANY, LATE, "they are refused with EACCES") \
	X(event_stays_counted, M12, MEDIATED, ANY, ALONE, "a freed event goes on blocking VMs") \
	X(disabled_uncounted, M12, MEDIATED, ANY, LATE, "disabled events neither block VMs nor are refused") \
	X(tasks_uncounted, M12, MEDIATED, ANY, LATE, "events of a task neither block VMs nor are refused") \
	X(fork_refused, M13, MEDIATED, ANY, LATE, "inherited events are refused beside a VM") \
	X(claim_races, M14, MEDIATED, ANY, LATE, "an event does not take the lock against VMs") \
	X(all_counted, M18, MEDIATED, ANY, LATE, "exclude-guest events are refused, too") \
	X(other_pmus_counted, M16, MEDIATED, ANY, LATE, "events of other PMUs are refused, too") \
	X(fast_path_gives, M19, MEDIATED, ANY, LATE, "an exit served in the fast path gives the PMU back") \
	X(cpu_not_out, M21, MEDIATED, ANY, ALONE, "load leaves the CPU context on the counters") \
	X(task_not_out, M21, MEDIATED, ANY, LATE, "load leaves the task context on the counters") \
	X(load_silent, M22, MEDIATED, ANY, LATE, "a second load goes without a warning") \
	X(host_nmis_ignored, M49, MEDIATED, ANY, LATE, "after put the host still takes its overflows for the guest's") \
	X(joins_guest, M27, MEDIATED, ANY, ALONE, "what is enabled under a guest is scheduled in at once") \
	X(not_back_in, M27, MEDIATED, ANY, LATE, "put schedules nothing in") \
	X(task_not_in, M27, MEDIATED, ANY, LATE, "put does not schedule the task context in") \
	X(turns_stop, M28, MEDIATED, ANY, LATE, "events that share counters take no turns") \
	X(guest_time_kept, M23, MEDIATED, ANY, LATE, "the guest's time is not subtracted") \
	X(guest_time_twice, M23, MEDIATED, ANY, LATE, "the guest's time is subtracted twice") \
	X(software_time, M24, MEDIATED, ANY, LATE, "the guest's time is not subtracted for software events") \
	X(others_lose_time, M25, MEDIATED, ANY, LATE, "the guest's time is subtracted for include-guest events") \
	X(group_stale, M51, MEDIATED, ANY, LATE, "a group read does not look at the siblings") \
	X(cgroup_guest_lost, M26, MEDIATED, ANY, LATE, "the guest clock of a cgroup starts anywhere") \
	X(param_lost, M1, MEDIATED, ANY, BOOT, "a PMU that can be mediated is not") \
	X(exits_counted, M43, MEDIATED, ANY, LATE, "each exit adds one to the events of the host") \
	X(exclusive_to_error, M47, MEDIATED, ANY, LATE, "put puts exclusive events into ERROR") \
	X(cpu_back_loaded, M48, MEDIATED, ANY, ALONE, "a CPU that comes back is taken for one inside a guest") \
	X(child_lost, M50, MEDIATED, ANY, LATE, "what a child counted is lost while there is a VM") \
	X(kernel_left_out, D17, MEDIATED, ANY, LATE, "put leaves out events that count the kernel") \
	X(first_vm_twice, D18, MEDIATED, ANY, ALONE, "the first VM claims twice") \
	X(waiting_runs, D19, MEDIATED, ANY, LATE, "an event that waits for a counter runs") \
	X(cgroup_clock_stops, D20, MEDIATED, ANY, LATE, "the clock of a cgroup stands still in a guest") \
	X(put_gains, D24, MEDIATED, ANY, LATE, "each put adds one to the guest's counters") \
	X(nmi_looked_at, D26c, MEDIATED, ANY, LATE, "perf handles NMIs that come under a guest") \
	X(counters_left, M20, MEDIATED, ANY, LATE, "put leaves the guest's counters in the hardware") \
	X(zero_not_loaded, M20, MEDIATED, ANY, LATE, "a guest counter of zero is not loaded") \
	X(pmi_dropped, M29, MEDIATED, ANY, LATE, "the guest's overflow is not passed on") \
	X(mask_lost, M29, MEDIATED, ANY, LATE, "the mask of the guest's LVTPC is lost") \
	X(lvtpc_not_back, M29, MEDIATED, ANY, LATE, "put leaves the LVTPC to the guest") \
	X(counters_intercepted, M30, MEDIATED, AMD, LATE, "the guest's counters are intercepted") \
	X(absent_passed, M45, MEDIATED, AMD, LATE, "counters the guest has not are passed through") \
	X(rdpmc_intercepted, M31, MEDIATED, ANY, LATE, "RDPMC is always intercepted") \
	X(nested_intercepted, M37, MEDIATED, AMD, LATE, "every register that a nested guest accesses is intercepted") \
	X(nested_open, M37, MEDIATED, AMD, LATE, "what the guest keeps from its own guest is let through") \
	X(rdpmc_needs_control, D26, MEDIATED, AMD, LATE, "RDPMC is intercepted without PerfMonV2") \
	X(filter_ignored, M32, MEDIATED, ANY, LATE, "the event filter does nothing") \
	X(filter_late, M32, MEDIATED, ANY, LATE, "a filter is enforced one entry late") \
	X(hardware_shown, M42, MEDIATED, AMD, LATE, "the guest reads its event selects as the hardware has them") \
	X(modes_ignored, M33, MEDIATED, AMD, LATE, "host-only and guest-only are ignored") \
	X(emulated_lost, M34, MEDIATED, ANY, LATE, "emulated instructions are not counted") \
	X(emulated_silent, M34, MEDIATED, ANY, LATE, "their overflow interrupts nobody") \
	X(control_not_saved, M35, MEDIATED, AMD, LATE, "global control is not read back at exit") \
	X(counters_narrow, M38, MEDIATED, AMD, LATE, "counters are one bit narrower, and RDPMC is intercepted") \
	X(last_not_loaded, M41, MEDIATED, ANY, LATE, "the last counter and event select are not loaded") \
	X(counters_not_saved, M42, MEDIATED, ANY, LATE, "put does not read the counters") \
	X(reset_disabled, M44, MEDIATED, ANY, LATE, "a new vCPU starts with its counters disabled") \
	X(status_not_loaded, M46, MEDIATED, AMD, LATE, "the guest's overflow status is not loaded") \
	X(faults_counted, M57, MEDIATED, AMD, LATE, "a page fault of the guest is counted as an instruction of it") \
	X(vmrun_lost, M58, MEDIATED, AMD, LATE, "what KVM executes for a nested guest is not counted") \
	X(fewer_offered, M56, MEDIATED, ANY, BOOT, "guests are offered one counter fewer than there are") \
	X(version_two_only, D14, MEDIATED, ANY, LATE, "only guests with PerfMonV2 are switched") \
	X(fast_path_loses, D25, MEDIATED, ANY, LATE, "the fast path is taken while instructions are counted") \
	X(vmx_not_claimed, M2, MEDIATED, INTEL, BOOT, "a PMU that can be mediated is not claimed") \
	X(vmx_fixed_left, M20, MEDIATED, INTEL, LATE, "put leaves the fixed counters in the hardware") \
	X(vmx_fixed_ctrl_stays, M20, MEDIATED, INTEL, LATE, "put leaves the fixed counters enabled") \
	X(vmx_fixed_pmi_refused, M29, MEDIATED, INTEL, LATE, "a fixed counter cannot interrupt") \
	X(vmx_counters_intercepted, M30, MEDIATED, INTEL, LATE, "the guest's counters are intercepted") \
	X(vmx_fixed_intercepted, M30, MEDIATED, INTEL, LATE, "its fixed counters are") \
	X(vmx_control_intercepted, M30, MEDIATED, INTEL, LATE, "global control and status are always intercepted") \
	X(vmx_version_shown, M36, MEDIATED, INTEL, BOOT, "guests are announced the host's version") \
	X(vmx_nested_intercepted, M37, MEDIATED, INTEL, LATE, "a nested guest's accesses to counters are intercepted") \
	X(vmx_nested_open, M37, MEDIATED, INTEL, LATE, "what the guest keeps from its own guest is let through") \
	X(vmx_control_passed, M30, MEDIATED, INTEL, LATE, "a guest with fewer counters writes the global control itself") \
	X(vmx_filter_spares_fixed, M32, MEDIATED, INTEL, LATE, "the event filter spares fixed counters") \
	X(vmx_control_not_saved, M35, MEDIATED, INTEL, LATE, "exits do not save the global control") \
	X(vmx_control_not_loaded, M41, MEDIATED, INTEL, LATE, "entry does not load the global control") \
	X(vmx_exit_loads_nothing, M41, MEDIATED, INTEL, LATE, "after an exit the guest's counters go on") \
	X(vmx_counts_after_exit, M41, MEDIATED, INTEL, LATE, "exits load a global control that is not zero") \
	X(vmx_fixed_ctrl_not_loaded, M41, MEDIATED, INTEL, LATE, "the control of the fixed counters is not loaded") \
	X(vmx_fixed_not_loaded, M42, MEDIATED, INTEL, LATE, "the fixed counters are not loaded") \
	X(vmx_fixed_not_saved, M42, MEDIATED, INTEL, LATE, "put does not read the fixed counters") \
	X(saved_counter_lost, M59, MEDIATED, ANY, LATE, "a counter that is enabled is not set by the VMM") \
	X(saved_eventsel_clears, M59, MEDIATED, AMD, LATE, "the VMM's event select clears its counter") \
	X(vmx_capabilities_kept, M59, MEDIATED, INTEL, LATE, "the VMM gets capabilities that the guest has not") \
	X(vmx_absent_refused, M60, MEDIATED, INTEL, LATE, "the VMM is refused event selects that the guest has not") \
	X(reset_status_stays, M61, MEDIATED, ANY, LATE, "the VMM cannot clear the overflow status") \
	X(saved_interrupt_lost, M62, MEDIATED, ANY, LATE, "the VMM gets an APIC without the overflow's interrupt") \
	X(siblings_go_too, M65, MEDIATED, ANY, LATE, "siblings go off with their leader") \
	X(refresh_forgotten, M66, MEDIATED, ANY, LATE, "an event goes on when its refreshes have run out") \
	X(cgroup_pmu_stays_off, M67, MEDIATED, ANY, ALONE, "the last event of a cgroup leaves the PMU of its CPU disabled") \
	X(throttled_siblings_stay, M68, MEDIATED, ANY, LATE, "siblings of a throttled event are not started again") \
	X(throttled_for_good, M68, MEDIATED, ANY, LATE, "no tick starts what was throttled") \
	X(offline_stays, M69, MEDIATED, ANY, LATE, "events stay on a CPU that goes offline") \
	X(offline_to_error, M69, MEDIATED, ANY, LATE, "events of a CPU that goes offline go to ERROR") \
	X(rewrite_clears, M70, MEDIATED, ANY, LATE, "an event select that is written as it was clears its counter") \
	X(cpuid_passes, M71, MEDIATED, ANY, LATE, "another CPUID is taken for the same once the vCPU has run") \
	X(first_cpuid_stays, M71, MEDIATED, ANY, LATE, "a smaller PMU stays whatever CPUID is given later") \
	X(set_counter_silent, M72, MEDIATED, ANY, LATE, "a counter that the VMM sets interrupts nobody") \
	X(wide_value_refused, M73, MEDIATED, AMD, LATE, "the VMM is refused values wider than the counter") \
	X(nested_state_clears, M74, MEDIATED, AMD, LATE, "KVM_SET_NESTED_STATE clears the first counter") \
	X(vmx_wide_value_taken, M73, MEDIATED, INTEL, LATE, "full-width registers take any value") \
	X(group_not_asked, M75, MEDIATED, ANY, LATE, "an ioctl with FLAG_GROUP reaches the one that is asked alone") \
	X(siblings_not_asked, M75, MEDIATED, ANY, LATE, "an ioctl with FLAG_GROUP reaches the leader alone") \
	X(got_counter_short, M76, MEDIATED, AMD, LATE, "a counter that the VMM gets lacks its low bits") \
	X(restored_masked, M77, MEDIATED, ANY, LATE, "KVM_SET_LAPIC masks the performance entry") \
	X(disabling_faults, M78, MEDIATED, AMD, LATE, "writing an event select that is not enabled faults") \
	X(killed_child_lost, M79, MEDIATED, ANY, LATE, "what a killed child counted is lost") \
	X(one_overflow_kept, M63, MEDIATED, ANY, LATE, "put keeps one bit of the guest's overflow status") \
	X(eventsels_left, M64, MEDIATED, ANY, LATE, "put leaves the guest's event selects in the hardware") \
	X(vmx_debugctl_lost, M64, MEDIATED, INTEL, ALONE, "an exit leaves the host's DEBUGCTL zero") \
	X(vmx_absent_passed, M45, MEDIATED, INTEL, LATE, "counters the guest has not are passed through") \
	X(vmx_last_fixed_missing, M45, MEDIATED, INTEL, LATE, "the last fixed counter is not there") \
	X(vmx_status_not_loaded, M46, MEDIATED, INTEL, LATE, "the guest's overflow status is not loaded") \
	X(vmx_status_not_saved, M46, MEDIATED, INTEL, LATE, "put forgets the overflow status") \
	X(guest_only_refused, E1, EMULATED, ANY, LATE, "events that exclude the host are refused") \
	X(vpmu_claims, E2, EMULATED, ANY, LATE, "a VM claims the PMU that it is not given") \
	X(guest_only_lost, E3, EMULATED, AMD, LATE, "the guest-only bit is not set") \
	X(vmx_guest_only_lost, E3, EMULATED, INTEL, LATE, "events that exclude the host count it") \
	X(both_is_host, E4, EMULATED, AMD, LATE, "the host-only bit is set for events that exclude nobody") \
	X(vmx_both_is_host, E4, EMULATED, INTEL, LATE, "VM entry stops events that exclude nobody") \
	X(guest_sample_of_host, E5, EMULATED, ANY, LATE, "samples of a guest say they are the host's") \
	X(guest_address_lost, E5, EMULATED, ANY, LATE, "samples of a guest have the address of the exit") \
	X(host_sample_of_guest, E6, EMULATED, ANY, LATE, "samples of user space say they are a guest's") \
	X(running_short, E7, EMULATED, ANY, LATE, "events run half of the time") \
	X(vpmu_starved_moves, E8, EMULATED, ANY, LATE, "a counter of the guest that has none of the host moves") \
	X(vpmu_flexible, E9, EMULATED, ANY, LATE, "the guest's events take turns with the host's") \
	X(vpmu_starved_for_good, E9, EMULATED, ANY, LATE, "a counter of the guest that found none of the host does not try again") \
	X(vpmu_rdpmc_passed, E10, EMULATED, ANY, LATE, "RDPMC of the guest reaches the hardware") \
	X(vpmu_saved_counter_lost, M59, EMULATED, ANY, LATE, "a counter that is enabled is not set by the VMM") \
	X(vpmu_reset_status_stays, M61, EMULATED, ANY, LATE, "the VMM cannot clear the overflow status") \
	X(vpmu_saved_interrupt_lost, M62, EMULATED, ANY, LATE, "the VMM gets an APIC without the overflow's interrupt") \
	X(vpmu_wide_value_refused, M73, EMULATED, AMD, LATE, "the VMM is refused values wider than the counter") \
	X(vpmu_rewrite_clears, M70, EMULATED, ANY, LATE, "an event select that is written as it was clears its counter") \
	X(vpmu_legacy_passed, E10, EMULATED, AMD, LATE, "reads of the first counter by its old number reach the hardware") \
	X(vmx_debugctl_left, E11, EMULATED, INTEL, ALONE, "an exit leaves the trap of branches on") \
	X(lvtpc_left, E11, EMULATED, ANY, ALONE, "an exit leaves the LVTPC masked") \
	X(vpmu_modes_kept, E12, EMULATED, AMD, LATE, "the guest keeps its host-only and guest-only bits") \
	X(vpmu_starved_copies, E13, EMULATED, ANY, LATE, "a counter of the guest that has none of the host shows the first one's") \
	X(vmx_control_stays, E3, EMULATED, INTEL, LATE, "an exit loads the guest's global control") \
	X(vpmu_pmi_lost, M29, EMULATED, ANY, LATE, "the overflow of the guest's event interrupts nobody") \
	X(vpmu_filter_ignored, M32, EMULATED, ANY, LATE, "the event filter does nothing") \
	X(vpmu_emulated_lost, M34, EMULATED, ANY, LATE, "emulated instructions are not counted") \
	X(vpmu_read_stale, M41, EMULATED, ANY, LATE, "the guest's event is not read while it runs") \
	X(vpmu_counts_host, M41, EMULATED, ANY, LATE, "the guest's events count the host as well") \
	X(vpmu_levels_ignored, M41, EMULATED, ANY, LATE, "the guest's events count at all privilege levels") \
	X(vpmu_pause_loses, M41, EMULATED, ANY, LATE, "what the guest's event counted is lost when it is stopped") \
	X(host_only_lost, M43, EMULATED, AMD, LATE, "the host-only bit is not set") \
	X(vmx_host_only_lost, M43, EMULATED, INTEL, LATE, "VM entry does not stop events that exclude the guest") \
	X(vpmu_status_lost, M46, EMULATED, ANY, LATE, "the overflow of the guest's event sets no status") \
	X(vpmu_period_lost, M46, EMULATED, ANY, LATE, "the guest's event begins at zero, whatever the counter holds")
/* clang-format on */

enum perf_guest_fault {
	PERF_GUEST_NO_FAULT,
#define PERF_GUEST_FAULT_ENUM(name, ...) PERF_GUEST_FAULT_##name,
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
