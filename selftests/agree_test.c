// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever asks an event, and by whatever way, hears the same (docs/contract/
 * guest.md, M51). What is read between two reads lies between them: nothing is
 * compared within a tolerance. The times of page and sample are M23's matter.
 */
#include <sys/ioctl.h>

#include "base/cpu.h"
#include "base/work.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "perf/rdpmc.h"
#include "vm/guest.h"

#define HOST_CPU 0
#define GUEST_CPU 1
#define VISITS 20
#define WORK_TURNS 3000

/* PERF_FORMAT_GROUP of two, with both times. */
struct group_value {
	uint64_t members, enabled_ns, running_ns;
	uint64_t count[2];
};

FIXTURE(agree)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
	int leader, sibling;
	struct perf_event_mmap_page *page;
	struct event_value last;
};

/* @of_task: of the vCPU thread, else of its CPU */
FIXTURE_VARIANT(agree)
{
	bool of_task;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(agree, of_a_task) { .of_task = true };
FIXTURE_VARIANT_ADD(agree, of_a_cpu) { .of_task = false };
/* clang-format on */

FIXTURE_SETUP(agree)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->leader = -1;
	self->sibling = -1;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(agree)
{
	if (self->sibling >= 0)
		close(self->sibling);
	if (self->leader >= 0)
		close(self->leader);
	case_end(_metadata);
}

/* Switched on together, so that both have lived as long. */
static int open_group(FIXTURE_DATA(agree) * self, bool of_task)
{
	pid_t task = of_task ? self->guest.tid : ANY_TASK;
	int cpu = of_task ? ANY_CPU : GUEST_CPU;
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.disabled = 1;
	attr.read_format |= PERF_FORMAT_GROUP;
	self->leader = event_try_open(&attr, task, cpu, NO_GROUP);
	if (self->leader < 0)
		return -self->leader;
	attr.disabled = 0;
	attr.read_format &= ~(uint64_t)PERF_FORMAT_GROUP;
	self->sibling = event_try_open(&attr, task, cpu, self->leader);
	if (self->sibling < 0)
		return -self->sibling;
	self->page = event_map(self->sibling, 0);
	if (!self->page)
		return errno;
	return ioctl(self->leader, PERF_EVENT_IOC_ENABLE, 0) ? errno : 0;
}

static void note_order(struct observation *o, uint64_t from, uint64_t value,
		       uint64_t to)
{
	o->disordered += value < from || value > to;
}

/* Read in every way; each answer lies between those before and after it. */
static void read_all_ways(FIXTURE_DATA(agree) * self, bool own)
{
	struct observation *o = &self->o;
	struct event_value from, to;
	struct group_value group;
	uint64_t by_page = 0;
	int64_t ahead_ns;
	bool read_all, paged;

	read_all = !event_read(self->sibling, &from);
	read_all &= read(self->leader, &group, sizeof(group)) == sizeof(group);
	paged = own && rdpmc_count(self->page, &by_page);
	read_all &= !event_read(self->sibling, &to);
	o->failed += !read_all;
	if (!read_all)
		return;
	note_order(o, from.count, group.count[1], to.count);
	note_order(o, from.enabled_ns, group.enabled_ns, to.enabled_ns);
	note_order(o, from.running_ns, group.running_ns, to.running_ns);
	if (paged)
		note_order(o, from.count, by_page, to.count);
	note_order(o, self->last.count, from.count, to.count);
	note_order(o, self->last.enabled_ns, from.enabled_ns, to.enabled_ns);
	ahead_ns = (int64_t)(from.running_ns - from.enabled_ns);
	/* NOT_KNOWN is the least of all. */
	if (ahead_ns > o->running_ahead_ns)
		o->running_ahead_ns = ahead_ns;
	self->last = to;
}

/* On the vCPU's thread, outside the guest. */
static void work_and_read(void *arg)
{
	FIXTURE_DATA(agree) *self = arg;
	struct observation *o = &self->o;
	struct group_value from, to;
	int64_t gain;
	bool read_both;

	read_both = read(self->leader, &from, sizeof(from)) == sizeof(from);
	work(WORK_TURNS);
	read_both &= read(self->leader, &to, sizeof(to)) == sizeof(to);
	o->failed += !read_both;
	if (read_both) {
		gain = (int64_t)(to.count[1] - from.count[1]);
		if (!known(o->counted_after) || gain < o->counted_after)
			o->counted_after = gain;
	}
	read_all_ways(self, true);
}

TEST_F(agree, M51_every_way_of_reading_says_the_same)
{
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_group(self, variant->of_task));
	/* A turn of work() is more than one instruction. */
	self->s.host_work = WORK_TURNS;
	self->s.attempts_asked = VISITS;
	self->o.failed = 0;
	self->o.disordered = 0;
	self->o.attempts = 0;
	for (int i = 0; i < VISITS; i++) {
		guest_step(&self->guest);
		guest_call(&self->guest, work_and_read, self);
		MUST_BE(guest_settle(&self->guest, patience_ms()));
		read_all_ways(self, false);
		self->o.attempts++;
	}
	MUST(event_read(self->sibling, &value));
	self->o.counted_before = (int64_t)value.count;
	guest_destroy(&self->guest);
	JUDGE("M51", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
