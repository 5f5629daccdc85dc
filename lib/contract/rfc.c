// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RFC's contract: the guest's entry takes all counters of its CPU, throws
 * out what is on them and puts into ERROR what wanted to count inside; its exit
 * gives them back. docs/contract/rfc.md has the words, the sources, and which
 * of the readings is followed where the RFC's words and code disagree. A kernel
 * that says it speaks the RFC as posted is held to the code as it was posted.
 */
#include <errno.h>

#define RULES_OF BY_RFC
#define RULES_IN "docs/contract/rfc.md"
#include "rule.h"

/* The RFC refuses by the moment: is a guest there right now? (R22, R23) */
static bool in_guest(const struct scenario *s)
{
	return s->per_cpu == 1 ? s->cpu_in_guest == 1 : s->task_in_guest == 1;
}

static bool moment_known(const struct scenario *s, struct demands *d)
{
	return s->per_cpu == 1
		       ? require(d, known(s->cpu_in_guest), "cpu_in_guest")
		       : require(d, known(s->task_in_guest), "task_in_guest");
}

static int open_errno(const struct scenario *s)
{
	if (s->own_errno > 0)
		return (int)s->own_errno;
	if (s->pmu == PMU_CORE && !s->exclude_guest && in_guest(s))
		return EBUSY;
	return 0;
}

/* A group goes to ERROR at entry if it is on and any member includes guests. */
static bool goes_to_error(const struct scenario *s)
{
	return s->pmu == PMU_CORE && s->group_includes > 0 &&
	       s->state_at_entry == STATE_ACTIVE && s->entries > 0;
}

static bool fate_known(const struct scenario *s, struct demands *d)
{
	return require(d, known(s->pmu), "pmu") &&
	       require(d, known(s->group_includes), "group_includes") &&
	       require(d, known(s->state_at_entry), "state_at_entry") &&
	       require(d, known(s->entries), "entries");
}

RULE(R1,
     "events of PMUs that guests are not given go on counting while a guest runs",
     "has_vpmu_passthrough_cap() in the RFC")
{
	STATED(pmu);
	NEEDS(s->pmu != PMU_CORE);
	NEEDS(s->guest_min_ns > 0);
	EXACTLY(err, 0);
	EXACTLY(eof, 0);
	AT_LEAST(running_ns, s->guest_min_ns);
	EXACTLY(not_running_ns, 0);
}

RULE(R2,
     "guest entry takes every event off the counters: none counts inside, none has an index",
     "perf_guest_enter(), merge_sched_in()")
{
	NEEDS(s->pmu == PMU_CORE);
	NEEDS(s->guest_iterations > 0);
	CONTROL(index_before, 1);
	EXACTLY(page_index, 0);
	/* What an event in ERROR counted cannot be read. */
	if (s->exclude_guest != 1)
		return;
	CONTROL(counted_before, 1);
	EXACTLY(counted_inside, 0);
}

/* Neither counting nor in ERROR (C2): it waits for the exit. */
RULE(R2.refused,
     "what is enabled under a guest is not scheduled in before its exit",
     "merge_sched_in()")
{
	NEEDS(s->entered == 1);
	CONTROL(counted_before, 1);
	EXACTLY(counted_inside, 0);
	EXACTLY(page_index, 0);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
}

static void expect_fate(const struct scenario *s, struct demands *d)
{
	if (!fate_known(s, d))
		return;
	EXACTLY(eof, goes_to_error(s));
}

RULE(R3,
     "a group goes to ERROR at guest entry if any of its members is include-guest",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	expect_fate(s, d);
}

RULE(R9, "read() of an event in ERROR returns no bytes", "__perf_read()")
{
	expect_fate(s, d);
}

RULE(R15, "only groups that are on a counter go to ERROR at guest entry",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	expect_fate(s, d);
}

RULE(R16, "pinned makes no difference to whether a group goes to ERROR",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	expect_fate(s, d);
}

RULE(R21,
     "a cgroup's event goes to ERROR at guest entry if the cgroup is the one running",
     "perf_guest_enter()")
{
	expect_fate(s, d);
}

RULE(R4, "guest exit, migration and the end of the VM do not undo ERROR",
     "perf_guest_exit()")
{
	if (!fate_known(s, d))
		return;
	NEEDS_THAT(goes_to_error(s), "a group that goes to ERROR");
	EXACTLY(eof, 1);
}

RULE(R5, "guest exit schedules exclude-guest events in again",
     "perf_guest_exit()")
{
	NEEDS(s->pmu == PMU_CORE);
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_iterations > 0);
	CONTROL(counted_before, 1);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
}

/*
 * Beside more flexible events of its CPU than there are counters. As posted,
 * the RFC serves these before the task's pinned event, which then finds none.
 */
RULE(R5.priority, "guest exit serves pinned events before flexible ones",
     "perf_guest_exit()")
{
	bool left_out;

	STATED(pinned);
	STATED(per_cpu);
	STATED(as_posted);
	NEEDS(s->competitors > s->counters);
	NEEDS(s->guest_iterations > 0);
	left_out = s->as_posted && s->pinned && !s->per_cpu;
	EXACTLY(eof, left_out);
	if (!s->pinned || left_out)
		return;
	CONTROL(counted_before, 1);
	AT_LEAST(counted_after, 1);
}

RULE(R5.waiting,
     "guest exit schedules nothing in that waited for another reason",
     "perf_guest_exit()")
{
	STATED(state_at_entry);
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_iterations > 0);
	CONTROL(counted_outside, 1);
	if (s->state_at_entry == STATE_ACTIVE)
		AT_LEAST(counted_after, 1);
	else
		EXACTLY(counted_after, 0);
}

RULE(R6,
     "both calls are made with interrupts off; a kernel that checks says so",
     "perf_guest_enter(), perf_guest_exit()")
{
	STATED(interrupts_on);
	NEEDS(s->prove_locking == 1);
	EXACTLY(warned, s->interrupts_on);
}

RULE(R7, "a second enter and an exit without enter change nothing",
     "perf_guest_enter(), perf_guest_exit()")
{
	STATED(entered);
	EXACTLY(err, s->entered ? EBUSY : 0);
}

RULE(R8.others, "a guest on one CPU leaves the events of another alone",
     "perf_guest_enter()")
{
	NEEDS(s->guest_iterations > 0);
	CONTROL(counted_before, 1);
	EXACTLY(others_changed, 0);
}

/* Repaired: all or none. As posted: only the leader ever goes to ERROR. */
RULE(R10, "all members of a group go to ERROR, or none",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	if (!fate_known(s, d))
		return;
	STATED(group_size);
	STATED(as_posted);
	EXACTLY(eof, goes_to_error(s));
	EXACTLY(siblings_eof,
		goes_to_error(s) && !s->as_posted ? s->group_size - 1 : 0);
}

/* The clock stands from the entry on; nothing gained before it is lost. */
RULE(R11, "count and times of an event in ERROR stand still, and are not lost",
     "perf_event_set_state()")
{
	if (!fate_known(s, d))
		return;
	NEEDS_THAT(goes_to_error(s), "a group that goes to ERROR");
	GUEST_WOULD_SHOW();
	NEEDS(s->work_in_error > 0);
	EXPECT(enabled_ns, 0, s->wall_max_ns - s->guest_min_ns);
	EXPECT(running_ns, 0, s->wall_max_ns - s->guest_min_ns);
	CONTROL(counted_before, 1);
	/* Less than the work that was done while it was in ERROR. */
	EXPECT(counted_after, 0, s->work_in_error - 1);
}

RULE(R12,
     "DISABLE leaves an event in ERROR as it is; RESET zeroes its hidden count",
     "_perf_event_disable(), _perf_event_reset()")
{
	NEEDS_THAT(goes_to_error(s), "a group that goes to ERROR");
	STATED(request);
	EXACTLY(err, 0);
	EXACTLY(eof, 1);
	if (s->request != REQUEST_RESET)
		return;
	CONTROL(counted_before, 1);
	EXACTLY(hidden_count, 0);
}

/* Enabled again, it lives until the next entry that finds it on. */
RULE(R13,
     "ENABLE takes an event out of ERROR until the next guest entry that finds it on",
     "_perf_event_enable()")
{
	if (!fate_known(s, d))
		return;
	NEEDS(s->request == REQUEST_ENABLE);
	EXACTLY(err, 0);
	EXACTLY(eof, goes_to_error(s));
}

/* poll() since Linux 6.15 (perf_poll()): POLLERR for pinned events only. */
RULE(R14, "nobody is woken when an event goes to ERROR", "perf_poll()")
{
	if (!fate_known(s, d))
		return;
	NEEDS_THAT(goes_to_error(s), "a group that goes to ERROR");
	STATED(pinned);
	CONTROL(signals_control, 1);
	EXACTLY(signals, 0);
	EXACTLY(poll_err, s->pinned);
}

RULE(R17,
     "time_enabled of an exclude-guest event goes on through the guest, time_running does not",
     "update_context_time()")
{
	GUEST_WOULD_SHOW();
	STATED(wall_min_ns);
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->pmu == PMU_CORE);
	EXPECT(enabled_ns, s->wall_min_ns, s->wall_max_ns);
	EXPECT(running_ns, 0, s->wall_max_ns - s->guest_min_ns);
}

RULE(R18, "scaling by enabled over running claims counts for the guest's time",
     "update_context_time()")
{
	NEEDS(s->guest_min_ns > 0);
	NEEDS(s->exclude_guest == 1);
	CONTROL(counted_before, 1);
	AT_LEAST(scaled_surplus, 1);
}

RULE(R19.counts,
     "an exclude-guest event created under a guest counts from its next exit",
     "perf_guest_exit()")
{
	NEEDS(s->pmu == PMU_CORE);
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_iterations > 0);
	EXACTLY(err, 0);
	AT_LEAST(counted_after, 1);
}

RULE(R20, "multiplexed events go on taking turns while guests come and go",
     "perf_guest_enter(), perf_guest_exit(), perf_rotate_context()")
{
	NEEDS(s->competitors > s->counters);
	NEEDS(s->entries > 0);
	EXACTLY(starved, 0);
}

/* As posted: the cgroup's clock is not stopped at entry (C12). */
RULE(R21.clock, "the running time of a cgroup's event leaves the guest out",
     "update_cgrp_time_from_cpuctx()")
{
	GUEST_WOULD_SHOW();
	STATED(as_posted);
	NEEDS(s->exclude_guest == 1);
	CONTROL(counted_before, 1);
	if (s->as_posted)
		AT_LEAST(running_ns, s->guest_min_ns);
	else
		EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
}

static void expect_open(const struct scenario *s, struct demands *d)
{
	STATED(pmu);
	STATED(exclude_guest);
	STATED(per_cpu);
	if (!moment_known(s, d))
		return;
	EXACTLY(err, open_errno(s));
}

RULE(R8, "a guest on one CPU refuses nothing on another",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R19, "an exclude-guest event can always be created",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R22,
     "opening an include-guest event of a CPU is refused while that CPU is inside a guest",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R23,
     "opening an include-guest event of a task is refused while that task is inside a guest",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R25, "disabled=1 does not get past the refusal",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R26, "each member of a group is refused or not by its own PMU",
     "perf_force_exclude_guest_check() in the RFC")
{
	expect_open(s, d);
}

RULE(R24,
     "an open that slips past the refusal goes to ERROR at the next guest entry",
     "__perf_force_exclude_guest_pmu() in the RFC")
{
	NEEDS(s->guest_iterations > 0);
	CONTROL(attempts, 1);
	EXACTLY(err, EBUSY);
	EXACTLY(strange, 0);
	EXACTLY(survivors, 0);
}

RULE(R27, "fork() fails where an inherited event of a CPU would be refused",
     "inherit_event()")
{
	NEEDS(s->inherited == 1);
	expect_open(s, d);
}

RULE(R28, "the child of an event in ERROR never counts", "inherit_event()")
{
	NEEDS(s->inherited == 1);
	if (!fate_known(s, d))
		return;
	CONTROL(counted_before, 1);
	if (goes_to_error(s))
		EXACTLY(counted_after, 0);
	else
		AT_LEAST(counted_after, 1);
}

/* Whoever runs with the context of an event in ERROR is not counted. */
RULE(R29, "ERROR travels with a context that clones exchange",
     "perf_event_context_sched_out()")
{
	STATED(swapped);
	if (!fate_known(s, d))
		return;
	CONTROL(counted_before, 1);
	if (goes_to_error(s) && s->swapped)
		EXACTLY(counted_after, 0);
	else
		AT_LEAST(counted_after, 1);
}

RULE(R30,
     "the kernel's own events are refused and put into ERROR like any other",
     "perf_event_create_kernel_counter()")
{
	STATED(counters);
	STATED(entries);
	/* What it took when it was switched on: that it holds one at all. */
	CONTROL(held_before, 1);
	EXACTLY(counters_free, s->entries > 0 ? s->counters : s->counters - 1);
}

RULE(R31, "no NMI and no sample of the host's comes from inside the guest",
     "perf_load_guest_lvtpc()")
{
	NEEDS(s->guest_iterations > 0);
	NEEDS(s->pmu == PMU_CORE);
	CONTROL(counted_before, 1);
	EXACTLY(samples_inside, 0);
	EXACTLY(nmis_inside, 0);
	/* The guest overflows all the time: its interrupts must go somewhere.
	 */
	AT_LEAST(guest_pmis, 1);
}
