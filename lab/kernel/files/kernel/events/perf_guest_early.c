// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of core.c: what scheduling and creation of events need to know about
 * guests that own the PMU. The rest is in perf_guest.c.
 */
#include <linux/perf_guest.h>

enum perf_guest_contract perf_guest_contract __ro_after_init;
enum perf_guest_fault perf_guest_fault __read_mostly;
DEFINE_STATIC_KEY_FALSE(perf_guest_faulty);
EXPORT_SYMBOL_GPL(perf_guest_contract);
EXPORT_SYMBOL_GPL(perf_guest_fault);
EXPORT_SYMBOL_GPL(perf_guest_faulty);

/* A guest owns the counters of this CPU. */
static DEFINE_PER_CPU(bool, perf_force_exclude_guest);
/* Only for the fault "lost_at_times". */
static DEFINE_PER_CPU(unsigned int, perf_guest_exits);
/* Only for the fault "late_left_out": when a guest last left. */
static DEFINE_PER_CPU(u64, perf_guest_left);

#define PERF_GUEST_LATE 0x6c617465

/* No group of a passthrough PMU is scheduled in under a guest. */
static bool perf_guest_refuses(struct perf_event *event)
{
	struct pmu *pmu = event->pmu_ctx->pmu;

	if (perf_guest_fault(not_refused))
		return false;
	if (perf_guest_slip(leader_refused))
		pmu = event->pmu;

	return __this_cpu_read(perf_force_exclude_guest) &&
	       has_vpmu_passthrough_cap(pmu);
}

static bool perf_guest_on(int cpu)
{
	if (perf_guest_fault(opener_asked))
		cpu = raw_smp_processor_id();
	if (!perf_guest_fault(any_cpu))
		return per_cpu(perf_force_exclude_guest, cpu);

	for_each_possible_cpu (cpu) {
		if (per_cpu(perf_force_exclude_guest, cpu))
			return true;
	}
	return false;
}

/* Pinned ones are mostly the kernel's own, which are another fault's. */
static void perf_guest_mark_late(struct perf_event *event, int cpu)
{
	if (cpu >= 0 && !event->attr.pinned &&
	    (perf_guest_on(cpu) ||
	     local_clock() - per_cpu(perf_guest_left, cpu) < NSEC_PER_MSEC))
		event->attr.config3 = PERF_GUEST_LATE;
}

/*
 * May this event be created now? Not if it includes the guest and the guest is
 * running: on the event's CPU or, for an event without one, in its task.
 */
static int perf_force_exclude_guest_check(struct perf_event *event, int cpu,
					  struct task_struct *task,
					  struct perf_event *parent)
{
	struct pmu *pmu = event->pmu;

	if (!perf_guest_speaks_rfc())
		return 0;

	if (perf_guest_fault(leader_classifies))
		pmu = event->group_leader->pmu;
	if (!has_vpmu_passthrough_cap(pmu))
		return 0;
	if (event->attr.exclude_guest && !perf_guest_fault(exclude_refused))
		return 0;

	if (perf_guest_fault(late_left_out))
		perf_guest_mark_late(event, cpu);
	if ((perf_guest_fault(fork_passes) && parent) ||
	    (perf_guest_fault(disabled_passes) && event->attr.disabled))
		return 0;

	if (cpu >= 0) {
		if (perf_guest_fault(cpu_passes) ||
		    (perf_guest_fault(guest_only_passes) &&
		     event->attr.exclude_host))
			return 0;
	} else {
		if (!task || !(READ_ONCE(task->flags) & PF_VCPU) ||
		    (perf_guest_fault(task_passes) && !event->attr.disabled))
			return 0;
		cpu = task_cpu(task);
	}
	if (!perf_guest_on(cpu))
		return 0;

	return perf_guest_fault(wrong_errno) ? -EOPNOTSUPP : -EBUSY;
}

/* The RFC threw the errno of its helper away. */
static int perf_guest_creation_errno(int err)
{
	if (err && perf_guest_contract == PERF_GUEST_RFC_AS_POSTED)
		return -EBUSY;
	return err;
}

/* Only for faults: is read() to return a record all the same? */
static bool perf_guest_fault_read(struct perf_event *event)
{
	return perf_guest_fault(group_read) &&
	       (event->attr.read_format & PERF_FORMAT_GROUP);
}

static void perf_event_set_state(struct perf_event *event,
				 enum perf_event_state state);

/* Only for faults: does put leave the event out? */
static bool perf_guest_fault_leaves_out(struct perf_event *event)
{
	if (perf_guest_fault(exclusive_to_error) && event->attr.exclusive) {
		perf_event_set_state(event, PERF_EVENT_STATE_ERROR);
		return true;
	}
	return perf_guest_fault(kernel_left_out) && !event->attr.exclude_kernel;
}

/* Only for a fault: what one exit adds to the events of @ctx. */
static void perf_guest_fault_exit(struct perf_event_context *ctx)
{
	struct perf_event *event;

	if (!perf_guest_fault(exits_counted))
		return;
	list_for_each_entry (event, &ctx->event_list, event_entry)
		if (event->state == PERF_EVENT_STATE_ACTIVE)
			local64_inc(&event->count);
}
