// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defects found in the seed and its review, as what no kernel should show. They
 * are asked whatever contract a kernel speaks; configs/known says which kernels
 * have which. docs/contract/defects.md has the words and the sources.
 */
#include <errno.h>

#include "expect.h"

static int expect_d1(const struct scenario *s, struct expectation *e)
{
	if (!known(s->group_size))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(survivors, 0);
	return 2;
}

static int expect_d2(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0))
		return 0;
	e[0] = EXACTLY(outcomes, 1);
	return 1;
}

static int expect_d3(const struct scenario *s, struct expectation *e)
{
	if (s->pinned != 1 || !(s->crowd > s->counters) ||
	    !(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(eof, 0);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

static int expect_d4(const struct scenario *s, struct expectation *e)
{
	if (!known(s->swapped))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = AT_LEAST(counted_after, 1);
	return 2;
}

static int expect_d5(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_min_ns > 0) || !known(s->wall_max_ns))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
	return 2;
}

static int expect_d6(const struct scenario *s, struct expectation *e)
{
	if (s->inherited != 1)
		return 0;
	e[0] = EXACTLY(err, 0);
	return 1;
}

static int expect_d7(const struct scenario *s, struct expectation *e)
{
	if (!known(s->exclude_guest))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(eof, 0);
	return 2;
}

static int expect_d8(const struct scenario *s, struct expectation *e)
{
	if (s->entered != 1)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(counted_inside, 0);
	return 2;
}

static int expect_d9(const struct scenario *s, struct expectation *e)
{
	if (!known(s->calls_alternate))
		return 0;
	e[0] = EXACTLY(warned, !s->calls_alternate);
	return 1;
}

static int expect_d11(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_min_ns > 0))
		return 0;
	e[0] = EXACTLY(not_running_ns, 0);
	return 1;
}

static int expect_d12(const struct scenario *s, struct expectation *e)
{
	if (!known(s->counters))
		return 0;
	e[0] = CONTROL(held_before, 1);
	e[1] = EXACTLY(watchdog_survives, 0);
	return 2;
}

static int expect_d16(const struct scenario *s, struct expectation *e)
{
	if (!known(s->host_counters))
		return 0;
	e[0] = CONTROL(leak_control, 1);
	e[1] = EXACTLY(leaked, 0);
	return 2;
}

/* An exit is at least as many instructions of the host as it takes to leave. */
static int expect_d17(const struct scenario *s, struct expectation *e)
{
	if (!(s->exits_asked > 0))
		return 0;
	e[0] = CONTROL(exits_made, s->exits_asked);
	e[1] = AT_LEAST(counted_after, s->exits_asked);
	return 2;
}

/* With or without a global control: RDPMC is a question of the counters. */
static int expect_d26(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_counters) || s->guest_counters != s->host_counters)
		return 0;
	e[0] = EXACTLY(access_exits, 0);
	e[1] = EXACTLY(vector, 0);
	return 2;
}

static int expect_counted(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_work > 0))
		return 0;
	e[0] = CONTROL(guest_control, 1);
	e[1] = EXACTLY(guest_counted, s->guest_work);
	return 2;
}

static int expect_d26c(const struct scenario *s, struct expectation *e)
{
	if (!(s->overflows > 0))
		return 0;
	e[0] = CONTROL(nmis_inside, 1);
	e[1] = EXACTLY(interrupts, s->overflows);
	e[2] = EXACTLY(status_made, s->status);
	return 3;
}

#define DEFECT(...) RULE(CONTRACT_ANY, __VA_ARGS__)

static const struct rule rules[] = {
	DEFECT("D1", expect_d1,
	       "no member of a group outlives the condemnation of its leader"),
	DEFECT("D2", expect_d2,
	       "the same open has the same answer while the same VM exists"),
	DEFECT("D3", expect_d3,
	       "a pinned event of a task keeps its counter beside flexible events of the CPU"),
	DEFECT("D4", expect_d4,
	       "a thread that never entered a guest goes on being counted"),
	DEFECT("D5", expect_d5,
	       "the running time of a cgroup's event leaves the guest out"),
	DEFECT("D6", expect_d6, "no fork() fails because a guest runs"),
	DEFECT("D7", expect_d7,
	       "an event that was counting can still be read after a guest has run"),
	DEFECT("D8", expect_d8,
	       "a hardware sibling of a software leader stays off the counters under a guest"),
	DEFECT("D9", expect_d9, "calls that do not alternate are warned about"),
	DEFECT("D11", expect_d11,
	       "an exclude-guest event that shares its counter with nobody is never short of running time"),
	DEFECT("D12", expect_d12,
	       "the NMI watchdog is not made to exclude guests"),
	DEFECT("D14", expect_counted,
	       "a guest counts whatever version its PMU has"),
	DEFECT("D16", expect_d16,
	       "no program of the host reads what a guest counted"),
	DEFECT("D17", expect_d17,
	       "the host's work between two exits can be profiled"),
	DEFECT("D24", expect_counted,
	       "no counter loses or gains at the border while the host samples"),
	DEFECT("D25", expect_counted,
	       "no instruction is lost that KVM serves in its fast path"),
	DEFECT("D26", expect_d26,
	       "RDPMC is not intercepted for want of a global control"),
	DEFECT("D26c", expect_d26c,
	       "an NMI of the host takes no overflow from the guest"),
};

const struct rules defect_rules = RULES(rules);
