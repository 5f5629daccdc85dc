// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seed's contract: the guest's entry takes all counters of its CPU, throws
 * out what is on them and condemns what wanted to count inside; its exit gives
 * them back. docs/contract/seed.md has the words, the sources, and which of the
 * readings is followed where the seed's words and code disagree. A kernel that
 * says it is literal is held to the code as it was posted.
 */
#include <errno.h>

#include "expect.h"

/* The seed refuses by the moment: is a guest there right now? (R22, R23) */
static bool in_guest(const struct scenario *s)
{
	return s->per_cpu == 1 ? s->cpu_in_guest == 1 : s->task_in_guest == 1;
}

static bool moment_known(const struct scenario *s)
{
	return s->per_cpu == 1 ? known(s->cpu_in_guest)
			       : known(s->task_in_guest);
}

static int open_errno(const struct scenario *s)
{
	if (s->own_errno > 0)
		return (int)s->own_errno;
	if (s->pmu == PMU_CORE && !s->exclude_guest && in_guest(s))
		return EBUSY;
	return 0;
}

/* A group is condemned at entry if it is on and any member includes guests. */
static bool condemned(const struct scenario *s)
{
	return s->pmu == PMU_CORE && s->group_includes > 0 &&
	       s->state_at_entry == STATE_ACTIVE && s->entries > 0;
}

static bool fate_known(const struct scenario *s)
{
	return known(s->pmu) && known(s->group_includes) &&
	       known(s->state_at_entry) && known(s->entries);
}

static int expect_r1(const struct scenario *s, struct expectation *e)
{
	if (!known(s->pmu) || s->pmu == PMU_CORE || !(s->guest_min_ns > 0))
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(eof, 0);
	e[2] = AT_LEAST(running_ns, s->guest_min_ns);
	e[3] = EXACTLY(not_running_ns, 0);
	return 4;
}

static int expect_r2(const struct scenario *s, struct expectation *e)
{
	if (s->pmu != PMU_CORE || !(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(index_before, 1);
	e[1] = EXACTLY(page_index, 0);
	/* What a condemned event counted cannot be read. */
	if (s->exclude_guest != 1)
		return 2;
	e[2] = CONTROL(counted_before, 1);
	e[3] = EXACTLY(counted_inside, 0);
	return 4;
}

/* Neither counting nor condemned (C2): it waits for the exit. */
static int expect_r2_refused(const struct scenario *s, struct expectation *e)
{
	if (s->entered != 1)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(counted_inside, 0);
	e[2] = EXACTLY(page_index, 0);
	e[3] = EXACTLY(eof, 0);
	e[4] = AT_LEAST(counted_after, 1);
	return 5;
}

static int expect_fate(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s))
		return 0;
	e[0] = EXACTLY(eof, condemned(s));
	return 1;
}

static int expect_r4(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s) || !condemned(s))
		return 0;
	e[0] = EXACTLY(eof, 1);
	return 1;
}

static int expect_r5(const struct scenario *s, struct expectation *e)
{
	if (s->pmu != PMU_CORE || s->exclude_guest != 1 ||
	    !(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(eof, 0);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

/*
 * Beside more flexible events of its CPU than there are counters. The literal
 * order serves these before the task's pinned event, which then finds none.
 */
static int expect_r5_priority(const struct scenario *s, struct expectation *e)
{
	bool left_out;

	if (!known(s->pinned) || !known(s->per_cpu) || !known(s->literal) ||
	    !(s->crowd > s->counters) || !(s->guest_beats > 0))
		return 0;
	left_out = s->literal && s->pinned && !s->per_cpu;
	e[0] = EXACTLY(eof, left_out);
	if (!s->pinned || left_out)
		return 1;
	e[1] = CONTROL(counted_before, 1);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

static int expect_r6(const struct scenario *s, struct expectation *e)
{
	if (!known(s->interrupts_on) || s->prove_locking != 1)
		return 0;
	e[0] = EXACTLY(warned, s->interrupts_on);
	return 1;
}

static int expect_r7(const struct scenario *s, struct expectation *e)
{
	if (!known(s->entered))
		return 0;
	e[0] = EXACTLY(err, s->entered ? EBUSY : 0);
	return 1;
}

static int expect_r8_others(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(others_changed, 0);
	return 2;
}

/* Repaired: all or none. Literal: only the leader is ever condemned. */
static int expect_r10(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s) || !known(s->group_size) || !known(s->literal))
		return 0;
	e[0] = EXACTLY(eof, condemned(s));
	e[1] = EXACTLY(siblings_eof,
		       condemned(s) && !s->literal ? s->group_size - 1 : 0);
	return 2;
}

/* The clock stands from the entry on; nothing gained before it is lost. */
static int expect_r11(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s) || !condemned(s) || !(s->guest_min_ns > 0) ||
	    !known(s->wall_max_ns) || !(s->work_condemned > 0))
		return 0;
	e[0] = EXPECT(enabled_ns, 0, s->wall_max_ns - s->guest_min_ns);
	e[1] = EXPECT(running_ns, 0, s->wall_max_ns - s->guest_min_ns);
	e[2] = CONTROL(counted_before, 1);
	/* Less than the work that was done while it was condemned. */
	e[3] = EXPECT(counted_after, 0, s->work_condemned - 1);
	return 4;
}

static int expect_r12(const struct scenario *s, struct expectation *e)
{
	if (!condemned(s) || !known(s->request))
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(eof, 1);
	if (s->request != REQUEST_RESET)
		return 2;
	e[2] = CONTROL(counted_before, 1);
	e[3] = EXACTLY(hidden_count, 0);
	return 4;
}

/* Enabled again, it lives until the next entry that finds it on. */
static int expect_r13(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s) || s->request != REQUEST_ENABLE)
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(eof, condemned(s));
	return 2;
}

/* poll() since Linux 6.15 (perf_poll()): POLLERR for pinned events only. */
static int expect_r14(const struct scenario *s, struct expectation *e)
{
	if (!fate_known(s) || !condemned(s) || !known(s->pinned))
		return 0;
	e[0] = CONTROL(signals_control, 1);
	e[1] = EXACTLY(signals, 0);
	e[2] = EXACTLY(poll_err, s->pinned);
	return 3;
}

static int expect_r17(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_min_ns > 0) || !known(s->wall_min_ns) ||
	    !known(s->wall_max_ns) || s->exclude_guest != 1 ||
	    s->pmu != PMU_CORE)
		return 0;
	e[0] = EXPECT(enabled_ns, s->wall_min_ns, s->wall_max_ns);
	e[1] = EXPECT(running_ns, 0, s->wall_max_ns - s->guest_min_ns);
	return 2;
}

static int expect_r18(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_min_ns > 0) || s->exclude_guest != 1)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = AT_LEAST(scaled_surplus, 1);
	return 2;
}

static int expect_r19_counts(const struct scenario *s, struct expectation *e)
{
	if (s->pmu != PMU_CORE || s->exclude_guest != 1 ||
	    !(s->guest_beats > 0))
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = AT_LEAST(counted_after, 1);
	return 2;
}

static int expect_r20(const struct scenario *s, struct expectation *e)
{
	if (!(s->crowd > s->counters) || !(s->entries > 0))
		return 0;
	e[0] = EXACTLY(starved, 0);
	return 1;
}

/* Literal: the cgroup's clock is not stopped at entry (C12). */
static int expect_r21_clock(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_min_ns > 0) || !known(s->wall_max_ns) ||
	    !known(s->literal) || s->exclude_guest != 1)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	if (s->literal)
		e[1] = AT_LEAST(running_ns, s->guest_min_ns);
	else
		e[1] = EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
	return 2;
}

static int expect_open(const struct scenario *s, struct expectation *e)
{
	if (!known(s->pmu) || !known(s->exclude_guest) || !known(s->per_cpu) ||
	    !moment_known(s))
		return 0;
	e[0] = EXACTLY(err, open_errno(s));
	return 1;
}

static int expect_r24(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(attempts, 1);
	e[1] = EXACTLY(err, EBUSY);
	e[2] = EXACTLY(strange, 0);
	e[3] = EXACTLY(survivors, 0);
	return 4;
}

static int expect_r27(const struct scenario *s, struct expectation *e)
{
	if (s->inherited != 1)
		return 0;
	return expect_open(s, e);
}

static int expect_r28(const struct scenario *s, struct expectation *e)
{
	if (s->inherited != 1 || !fate_known(s))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = condemned(s) ? EXACTLY(counted_after, 0)
			    : AT_LEAST(counted_after, 1);
	return 2;
}

/* Whoever runs with the condemned context is not counted. */
static int expect_r29(const struct scenario *s, struct expectation *e)
{
	if (!known(s->swapped) || !fate_known(s))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = condemned(s) && s->swapped ? EXACTLY(counted_after, 0)
					  : AT_LEAST(counted_after, 1);
	return 2;
}

static int expect_r30(const struct scenario *s, struct expectation *e)
{
	if (!known(s->counters) || !known(s->entries))
		return 0;
	/* What it took when it was switched on: that it holds one at all. */
	e[0] = CONTROL(held_before, 1);
	e[1] = EXACTLY(counters_free,
		       s->entries > 0 ? s->counters : s->counters - 1);
	return 2;
}

static int expect_r31(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0) || s->pmu != PMU_CORE)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(samples_inside, 0);
	e[2] = EXACTLY(nmis_inside, 0);
	/* The guest overflows all the time: its interrupts must go somewhere.
	 */
	e[3] = AT_LEAST(guest_pmis, 1);
	return 4;
}

#define SEED(...) RULE(CONTRACT_SEED, __VA_ARGS__)

static const struct rule rules[] = {
	SEED("R1", expect_r1,
	     "events of PMUs that are not handed to guests run on through the guest"),
	SEED("R2", expect_r2,
	     "guest entry takes every event off the counters: none counts inside, none has an index"),
	SEED("R2.refused", expect_r2_refused,
	     "what is enabled under a guest is not scheduled in before its exit"),
	SEED("R3", expect_fate,
	     "a group is condemned at entry if any of its members includes the guest"),
	SEED("R4", expect_r4,
	     "guest exit, migration and the end of the VM do not undo ERROR"),
	SEED("R5", expect_r5,
	     "guest exit schedules exclude-guest events in again"),
	SEED("R5.priority", expect_r5_priority,
	     "guest exit serves pinned events before flexible ones"),
	SEED("R6", expect_r6,
	     "both calls are made with interrupts off; a kernel that checks says so"),
	SEED("R7", expect_r7,
	     "a second enter and an exit without enter change nothing"),
	SEED("R8", expect_open,
	     "a guest on one CPU refuses nothing on another"),
	SEED("R8.others", expect_r8_others,
	     "a guest on one CPU leaves the events of another alone"),
	SEED("R9", expect_fate, "read() of a condemned event returns no bytes"),
	SEED("R10", expect_r10, "siblings share the fate of their group"),
	SEED("R11", expect_r11,
	     "count and times of a condemned event stand still, and are not lost"),
	SEED("R12", expect_r12,
	     "DISABLE leaves a condemned event as it is; RESET zeroes its hidden count"),
	SEED("R13", expect_r13,
	     "ENABLE revives a condemned event until the next entry that finds it on"),
	SEED("R14", expect_r14, "nobody is woken when an event is condemned"),
	SEED("R15", expect_fate,
	     "only groups that are on a counter are judged at entry"),
	SEED("R16", expect_fate, "pinned makes no difference to the verdict"),
	SEED("R17", expect_r17,
	     "time_enabled of an exclude-guest event goes on through the guest, time_running does not"),
	SEED("R18", expect_r18,
	     "scaling by enabled over running claims counts for the guest's time"),
	SEED("R19", expect_open,
	     "an exclude-guest event can always be created"),
	SEED("R19.counts", expect_r19_counts,
	     "an exclude-guest event created under a guest counts from its next exit"),
	SEED("R20", expect_r20,
	     "multiplexed events go on taking turns while guests come and go"),
	SEED("R21", expect_fate,
	     "a cgroup's event is judged if the cgroup is the one running"),
	SEED("R21.clock", expect_r21_clock,
	     "the running time of a cgroup's event leaves the guest out"),
	SEED("R22", expect_open,
	     "opening an include-guest event of a CPU is refused while that CPU is inside a guest"),
	SEED("R23", expect_open,
	     "opening an include-guest event of a task is refused while that task is inside a guest"),
	SEED("R24", expect_r24,
	     "an open that slips past the refusal is condemned at the next entry"),
	SEED("R25", expect_open, "disabled=1 does not get past the refusal"),
	SEED("R26", expect_open,
	     "each member of a group is refused or not by its own PMU"),
	SEED("R27", expect_r27,
	     "fork() fails where an inherited event of a CPU would be refused"),
	SEED("R28", expect_r28, "the child of a condemned event never counts"),
	SEED("R29", expect_r29,
	     "ERROR travels with a context that clones exchange"),
	SEED("R30", expect_r30,
	     "the kernel's own events are refused and condemned like any other"),
	SEED("R31", expect_r31,
	     "no NMI and no sample of the host's comes from inside the guest"),
};

const struct rules seed_rules = RULES(rules);
