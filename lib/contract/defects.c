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

static int expect_d13(const struct scenario *s, struct expectation *e)
{
	if (!(s->include_events > 0) || s->vcpus != 0)
		return 0;
	e[0] = CONTROL(held_before, 1);
	e[1] = EXACTLY(err, 0);
	return 2;
}

static int expect_d15(const struct scenario *s, struct expectation *e)
{
	if (s->irqchip != 0)
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = CONTROL(counted_before, 1);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

static int expect_d18(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = EXACTLY(failed, 0);
	e[2] = EXACTLY(left_over, 0);
	return 3;
}

static int expect_d19(const struct scenario *s, struct expectation *e)
{
	if (!(s->crowd > s->counters) || !(s->guest_min_ns > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(failed, 0);
	return 2;
}

/* A software event goes on while the guest does, whatever group it is in. */
static int expect_d20(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_min_ns > 0))
		return 0;
	e[0] = AT_LEAST(enabled_ns, s->guest_min_ns);
	return 1;
}

static int expect_d21(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	if (!(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = EXACTLY(failed, 0);
	return 2;
}

static int expect_d22(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(refused, 1);
	e[1] = EXACTLY(denied, 0);
	return 2;
}

static int expect_d29(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_min_ns > 0))
		return 0;
	e[0] = AT_MOST(page_ahead_ns, 0);
	return 1;
}

static int expect_d33(const struct scenario *s, struct expectation *e)
{
	if (!(s->counters > 0) || !known(s->sysctl_reads))
		return 0;
	/* What it reads as is what it holds. */
	e[0] = CONTROL(held_before, 1);
	e[1] = EXACTLY(held_now, s->sysctl_reads);
	return 2;
}

/* With or without a global control: RDPMC is a question of the counters. */
static int expect_d26(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_counters) ||
	    s->guest_counters != s->host_counters ||
	    s->guest_fixed != s->host_fixed)
		return 0;
	e[0] = EXACTLY(access_exits, 0);
	e[1] = EXACTLY(vector, 0);
	return 2;
}

static int expect_counted(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!guest_count(s, &count) || !(count.least > 0))
		return 0;
	e[0] = COUNTS(guest_counted, count);
	return 1;
}

/* The host must have been at it meanwhile. */
static int expect_d24(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!guest_count(s, &count) || !(count.least > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = COUNTS(guest_counted, count);
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

static int expect_d36(const struct scenario *s, struct expectation *e)
{
	if (!(s->exits_asked > 0))
		return 0;
	e[0] = CONTROL(exits_made, s->exits_asked);
	e[1] = EXACTLY(warned, 0);
	return 2;
}

static int expect_d37(const struct scenario *s, struct expectation *e)
{
	if (!(s->host_work > 0))
		return 0;
	e[0] = CONTROL(counted_before, s->host_work);
	e[1] = AT_LEAST(counted_after, s->host_work);
	return 2;
}

static int expect_d38(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!guest_count(s, &count) || !(count.least > 0))
		return 0;
	e[0] = COUNTS(guest_counted, count);
	e[1] = EXACTLY(mismatches, 0);
	return 2;
}

static int expect_d39(const struct scenario *s, struct expectation *e)
{
	int64_t count;

	if (!nested_count(s, &count))
		return 0;
	e[0] = EXACTLY(guest_counted, count);
	return 1;
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
	DEFECT("D13", expect_d13,
	       "no VM is refused before it has a vCPU, whatever the watchdog does"),
	DEFECT("D14", expect_counted,
	       "a guest counts whatever version its PMU has"),
	DEFECT("D15", expect_d15,
	       "a guest without an irqchip runs, and the host goes on counting"),
	DEFECT("D16", expect_d16,
	       "no program of the host reads what a guest counted"),
	DEFECT("D17", expect_d17,
	       "the host's work between two exits can be profiled"),
	DEFECT("D18", expect_d18,
	       "the first VM and the last one are counted like those between"),
	DEFECT("D19", expect_d19,
	       "times stay right when there are more events than counters"),
	DEFECT("D20", expect_d20,
	       "the clock of a cgroup goes on while a guest runs"),
	DEFECT("D21", expect_d21,
	       "an event can be mapped and unmapped beside a guest"),
	DEFECT("D22", expect_d22,
	       "no event is refused because of a guest with the errno of a missing right"),
	DEFECT("D24", expect_d24,
	       "no counter loses or gains at the border while the host samples"),
	DEFECT("D25", expect_counted,
	       "no instruction is lost that KVM serves in its fast path"),
	DEFECT("D26", expect_d26,
	       "RDPMC is not intercepted for want of a global control"),
	DEFECT("D26c", expect_d26c,
	       "an NMI of the host takes no overflow from the guest"),
	DEFECT("D29", expect_d29,
	       "a new event's page knows nothing of guests before it"),
	DEFECT("D33", expect_d33, "a watchdog that reads as on is on"),
	DEFECT("D36", expect_d36,
	       "guest exit is quiet on a CPU whose only events belong to a cgroup elsewhere"),
	DEFECT("D37", expect_d37,
	       "an event of a CPU that is enabled counts, whatever was opened before it"),
	DEFECT("D38", expect_d38,
	       "a nested guest runs with the global control of the guest"),
	DEFECT("D38.vmx", expect_d38,
	       "and so where entries and exits load it from a VMCS"),
	DEFECT("D39", expect_d39,
	       "VMRUN of a nested hypervisor counts as a branch, too"),
};

const struct rules defect_rules = RULES(rules);
