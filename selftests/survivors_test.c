// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on when an event ends: the siblings of a leader that is closed, a
 * group that lost one, an event whose refreshes ran out, the CPU of a cgroup's
 * last event, the events of a CPU that goes offline (docs/contract/guest.md,
 * M65 to M67, M69, M75, M82).
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "beside_guest.h"
#include "base/work.h"
#include "host/hotplug.h"
#include "perf/cgroup.h"
#include "perf/group.h"

#define WORK_TURNS 50000
#define ENTRIES 20
#define MEMBERS 3
#define PERIOD 20000

FIXTURE(survivor)
{
	BESIDE_GUEST;
	struct group group;
};

FIXTURE_SETUP(survivor)
{
	cpus_bring_back();
	BESIDE_GUEST_BEGINS();
}

FIXTURE_TEARDOWN(survivor)
{
	cpus_bring_back();
	group_close(&self->group);
	BESIDE_GUEST_ENDS();
}

static void enter_often(struct guest *guest)
{
	for (int i = 0; i < ENTRIES; i++)
		guest_step(guest);
}

static int64_t work_on_cpu(int fd)
{
	return event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
}

/* The leader is the first one; the group no longer closes it. */
static void close_leader(void *arg)
{
	struct group *group = arg;

	close(group->fd[0]);
	for (int i = 1; i < group->size; i++)
		group->fd[i - 1] = group->fd[i];
	group->size--;
}

/* The least that any of them gained, and whether one is in ERROR. */
static int64_t least_of_group(struct group *group, struct observation *o)
{
	int64_t least = VALUE_MAX;

	for (int i = 0; i < group->size; i++) {
		int64_t gained = work_on_cpu(group->fd[i]);

		least = gained < least ? gained : least;
	}
	o->siblings_eof = group_eofs(group, 0);
	return least;
}

static void state_group(FIXTURE_DATA(survivor) * self)
{
	self->s.group_size = MEMBERS;
	self->s.host_work = WORK_INSTRUCTIONS * WORK_TURNS;
}

static int open_group(FIXTURE_DATA(survivor) * self)
{
	self->group.size = MEMBERS;
	return group_try_open(&self->group, ANY_TASK, GUEST_CPU, false);
}

TEST_F(survivor, M65_a_leader_is_closed_between_guests)
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_group(self));
	enter_often(&self->guest);
	self->o.counted_before = least_of_group(&self->group, &self->o);
	close_leader(&self->group);
	enter_often(&self->guest);
	self->o.counted_after = least_of_group(&self->group, &self->o);
	state_group(self);
	JUDGE("M65", &self->s, &self->o);
}

TEST_F(survivor, M65_a_leader_is_closed_while_a_guest_is_inside)
{
	struct deadline deadline = deadline_after_ms(patience_ms());

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_group(self));
	self->o.counted_before = least_of_group(&self->group, &self->o);
	guest_go(&self->guest);
	MUST_BE(guest_time_inside(&self->guest, INSIDE_NS, &deadline) > 0);
	close_leader(&self->group);
	MUST_BE(guest_time_inside(&self->guest, INSIDE_NS, &deadline) > 0);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->o.counted_after = least_of_group(&self->group, &self->o);
	state_group(self);
	JUDGE("M65", &self->s, &self->o);
}

/* A sampling event that is off until it is given overflows. */
static int open_refreshed(FIXTURE_DATA(survivor) * self)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.exclude_kernel = 1;
	attr.disabled = 1;
	attr.sample_period = PERIOD;
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

/*
 * One refresh, and the work of several: it is off at the end. Returns what it
 * counted, or NOT_KNOWN.
 */
static int64_t refresh_and_work(int fd)
{
	struct event_value from, to;

	if (event_read(fd, &from) || ioctl(fd, PERF_EVENT_IOC_REFRESH, 1) ||
	    work_on_cpu(fd) == NOT_KNOWN || event_read(fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

TEST_F(survivor, M66_refreshes_that_ran_out_stay_out)
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_refreshed(self));
	self->o.counted_before = refresh_and_work(self->fd);
	enter_often(&self->guest);
	self->o.counted_off = work_on_cpu(self->fd);
	self->o.counted_after = refresh_and_work(self->fd);
	/* One overflow comes late, and the next is that much earlier. */
	self->s.host_work = PERIOD / 2;
	JUDGE("M66", &self->s, &self->o);
}

/* NOT_KNOWN if one of them is. */
static int64_t larger(int64_t one, int64_t other)
{
	if (one == NOT_KNOWN || other == NOT_KNOWN)
		return NOT_KNOWN;
	return one > other ? one : other;
}

TEST_F(survivor, M75_one_of_those_left_is_asked_for_all)
{
	struct group *group = &self->group;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_group(self));
	enter_often(&self->guest);
	self->o.counted_before = least_of_group(group, &self->o);
	close(group->fd[--group->size]);
	MUST_BE(!ioctl(group->fd[1], PERF_EVENT_IOC_DISABLE,
		       PERF_IOC_FLAG_GROUP));
	self->o.counted_off = work_on_cpu(group->fd[0]);
	MUST_BE(!ioctl(group->fd[0], PERF_EVENT_IOC_ENABLE, 0));
	enter_often(&self->guest);
	self->o.counted_outside = work_on_cpu(group->fd[0]);
	self->o.counted_off =
		larger(self->o.counted_off, work_on_cpu(group->fd[1]));
	MUST_BE(!ioctl(group->fd[0], PERF_EVENT_IOC_DISABLE, 0));
	MUST_BE(!ioctl(group->fd[1], PERF_EVENT_IOC_ENABLE,
		       PERF_IOC_FLAG_GROUP));
	enter_often(&self->guest);
	self->o.counted_after = least_of_group(group, &self->o);
	state_group(self);
	JUDGE("M75", &self->s, &self->o);
}

/* Returns 0 or an errno. */
static int read_group(const struct group *group,
		      struct event_value value[MEMBERS])
{
	int err = 0;

	for (int i = 0; i < group->size && !err; i++)
		err = event_read(group->fd[i], &value[i]);
	return err;
}

/* Enabled and disabled by its leader; guests come and go between. */
static int enable_for_a_while(FIXTURE_DATA(survivor) * self)
{
	struct event_value before[MEMBERS], after[MEMBERS];
	const struct group *group = &self->group;
	int err;

	if (ioctl(group->fd[0], PERF_EVENT_IOC_DISABLE, 0))
		return errno;
	err = read_group(group, before);
	if (err || ioctl(group->fd[0], PERF_EVENT_IOC_ENABLE, 0))
		return err ?: errno;
	enter_often(&self->guest);
	if (ioctl(group->fd[0], PERF_EVENT_IOC_DISABLE, 0))
		return errno;
	err = read_group(group, after);
	self->o.enabled_ns =
		(int64_t)(after[0].enabled_ns - before[0].enabled_ns);
	self->o.times_apart = 0;
	for (int i = 1; i < group->size; i++)
		self->o.times_apart +=
			(int64_t)(after[i].enabled_ns - before[i].enabled_ns) !=
			self->o.enabled_ns;
	return err;
}

TEST_F(survivor, M82_enabled_as_long_as_the_leader)
{
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_group(self));
	state_group(self);
	MUST(enable_for_a_while(self));
	JUDGE("M82", &self->s, &self->o, "with counters");
	MUST(competitors_take_counters(&competitors, GUEST_CPU));
	MUST(enable_for_a_while(self));
	competitors_close(&competitors);
	JUDGE("M82", &self->s, &self->o, "without");
}

/* Of how many members the count, or a time, went back. */
static int64_t gone_back(const struct event_value from[MEMBERS],
			 const struct event_value to[MEMBERS])
{
	int64_t back = 0;

	for (int i = 0; i < MEMBERS; i++)
		back += to[i].count < from[i].count ||
			to[i].enabled_ns < from[i].enabled_ns ||
			to[i].running_ns < from[i].running_ns;
	return back;
}

static int64_t most_of_group(const struct group *group)
{
	int64_t most = 0;

	for (int i = 0; i < group->size; i++)
		most = larger(most, work_on_cpu(group->fd[i]));
	return most;
}

/* They are asked to count again, and are not where they could. */
TEST_F(survivor, M69_their_cpu_goes_and_comes_back)
{
	struct event_value before[MEMBERS], after[MEMBERS];

	NEEDS(cpu_can_go(GUEST_CPU), "CPU hotplug");
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_group(self));
	enter_often(&self->guest);
	self->o.counted_before = least_of_group(&self->group, &self->o);
	/* Its thread could not stay where it is. */
	guest_destroy(&self->guest);
	MUST(read_group(&self->group, before));
	MUST(cpu_set_online(GUEST_CPU, false));
	MUST(cpu_set_online(GUEST_CPU, true));
	/* ENABLE would take them out of ERROR. */
	self->o.siblings_eof = group_eofs(&self->group, 0);
	for (int i = 0; i < MEMBERS; i++)
		MUST_BE(!ioctl(self->group.fd[i], PERF_EVENT_IOC_ENABLE, 0));
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	enter_often(&self->guest);
	self->o.counted_off = most_of_group(&self->group);
	self->o.siblings_eof += group_eofs(&self->group, 0);
	MUST(read_group(&self->group, after));
	self->o.went_back = gone_back(before, after);
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
				       GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_after = work_on_cpu(self->fd);
	state_group(self);
	JUDGE("M69", &self->s, &self->o);
}

enum end {
	CLOSED,
	DISABLED,
	/* Of a pinned one that finds no counter. */
	IN_ERROR,
};

FIXTURE(last)
{
	BESIDE_GUEST;
	struct competitors competitors;
	struct cgroup cgroup;
};

FIXTURE_SETUP(last)
{
	BESIDE_GUEST_BEGINS();
	self->cgroup.fd = -1;
}

FIXTURE_TEARDOWN(last)
{
	competitors_close(&self->competitors);
	cgroup_leave_and_remove(&self->cgroup);
	BESIDE_GUEST_ENDS();
}

static int open_of_cgroup(FIXTURE_DATA(last) * self, bool pinned)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.pinned = pinned;
	self->fd = cgroup_try_open_event(&self->cgroup, &attr, GUEST_CPU);
	return self->fd < 0 ? -self->fd : 0;
}

/* What an event gains that is opened disabled on its own CPU and enabled. */
static int64_t gain_once_enabled(void)
{
	struct event_value value;
	int64_t gained = NOT_KNOWN;
	int fd;

	if (cpu_pin_self(GUEST_CPU))
		return NOT_KNOWN;
	fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_DISABLED,
				 ANY_TASK, GUEST_CPU, NO_GROUP);
	if (fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		work(WORK_TURNS);
		if (!event_read(fd, &value))
			gained = (int64_t)value.count;
	}
	if (fd >= 0)
		close(fd);
	return cpu_pin_self(HOST_CPU) ? NOT_KNOWN : gained;
}

/* It is scheduled in, or finds no counter, where its cgroup runs. */
static void last_event_ends(FIXTURE_DATA(last) * self,
			    struct __test_metadata *_metadata, enum end end,
			    const char *rule)
{
	struct event_value value;
	int err = cgroup_try_make(&self->cgroup, "pmu-last");

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	self->o.counted_before = gain_once_enabled();
	if (end == IN_ERROR)
		MUST(competitors_take_counters(&self->competitors, GUEST_CPU));
	MUST(cgroup_enter(&self->cgroup));
	MUST(open_of_cgroup(self, end == IN_ERROR));
	self->o.counted_outside = work_on_cpu(self->fd);
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	enter_often(&self->guest);
	if (end == DISABLED)
		MUST_BE(!ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0));
	close(self->fd);
	self->fd = -1;
	competitors_close(&self->competitors);
	cgroup_leave_and_remove(&self->cgroup);
	self->o.left_over = !access(self->cgroup.path, F_OK);
	enter_often(&self->guest);
	self->o.counted_after = gain_once_enabled();
	self->s.host_work = WORK_INSTRUCTIONS * WORK_TURNS;
	JUDGE(rule, &self->s, &self->o);
}

TEST_F(last, M67_it_is_closed)
{
	last_event_ends(self, _metadata, CLOSED, "M67");
}

TEST_F(last, M67_it_is_disabled_and_closed)
{
	last_event_ends(self, _metadata, DISABLED, "M67");
}

/*
 * Where that breaks something the CPU counts nothing any more until it is
 * booted again: whoever may do that to the machine says so.
 */
TEST_F(last, D47_it_goes_to_error)
{
	NEEDS(getenv("PMU_MAY_BREAK"),
	      "PMU_MAY_BREAK=1, and a machine that may be booted again");
	last_event_ends(self, _metadata, IN_ERROR, "D47");
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv, HOST_NEEDS_GUEST_PMU,
				 cpus_back_at_exit);
}
