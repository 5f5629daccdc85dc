// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that are not an ordinary program's: the kernel's own, and those of a
 * cgroup (docs/contract/rfc.md, R21 and R30).
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "beside_guest.h"
#include "host/watchdog.h"
#include "perf/cgroup.h"
#include "perf/group.h"

#define WORK_TURNS 20000

FIXTURE(rfc_watchdog)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
};

FIXTURE_SETUP(rfc_watchdog)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN_PARENT(rfc_watchdog)
{
	watchdog_off();
	case_end(_metadata);
}

TEST_F(rfc_watchdog, R30_its_event_dies_at_entry)
{
	int err;

	self->s.counters = counters_free(GUEST_CPU);
	MUST_BE(self->s.counters > 0);
	err = watchdog_on();
	NEEDS(!err, "a hard-lockup watchdog");
	self->s.entries = 0;
	self->o.counters_free = counters_free(GUEST_CPU);
	MUST_BE(self->o.counters_free >= 0);
	self->o.held_before = self->s.counters - self->o.counters_free;
	NEEDS(self->o.held_before > 0, "a watchdog that uses perf");
	JUDGE("R30", &self->s, &self->o, "before the entry");

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	self->s.entries = (int64_t)guest_step(&self->guest);
	guest_destroy(&self->guest);
	self->o.counters_free = counters_free(GUEST_CPU);
	MUST_BE(self->o.counters_free >= 0);
	JUDGE("R30", &self->s, &self->o, "after the entry");
}

/* Its events are made on their own CPUs, where no guest is at that moment. */
TEST_F(rfc_watchdog, R30_switched_on_under_a_guest)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int err;

	self->s.counters = counters_free(GUEST_CPU);
	MUST_BE(self->s.counters > 0);
	err = watchdog_on();
	NEEDS(!err, "a hard-lockup watchdog");
	self->o.counters_free = counters_free(GUEST_CPU);
	MUST_BE(self->o.counters_free >= 0);
	self->o.held_before = self->s.counters - self->o.counters_free;
	NEEDS(self->o.held_before > 0, "a watchdog that uses perf");
	MUST(watchdog_off());
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 1, &deadline));
	err = watchdog_on();
	MUST_BE(wait_at_least(&self->guest.record->heartbeat,
			      self->guest.record->heartbeat + 2, &deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.entries = (int64_t)guest_exits_count(&self->guest);
	guest_destroy(&self->guest);
	MUST(err);
	self->o.counters_free = counters_free(GUEST_CPU);
	MUST_BE(self->o.counters_free >= 0);
	JUDGE("R30", &self->s, &self->o);
}

FIXTURE(rfc_cgroup)
{
	BESIDE_GUEST;
	struct cgroup ours, other;
};

FIXTURE_SETUP(rfc_cgroup)
{
	int err;

	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.as_posted = host_as_posted();
	self->other.fd = -1;
	err = cgroup_try_make(&self->ours, "pmu-ours");
	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	MUST(cgroup_try_make(&self->other, "pmu-other"));
	MUST(cgroup_enter(&self->ours));
}

FIXTURE_TEARDOWN(rfc_cgroup)
{
	cgroup_leave_and_remove(&self->ours);
	cgroup_leave_and_remove(&self->other);
	BESIDE_GUEST_ENDS();
}

static int open_of(FIXTURE_DATA(rfc_cgroup) * self, const struct cgroup *cgroup,
		   bool exclude_guest)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = exclude_guest;
	self->s.exclude_guest = exclude_guest;
	self->s.group_includes = !exclude_guest;
	self->fd = cgroup_try_open_event(cgroup, &attr, GUEST_CPU);
	return self->fd < 0 ? -self->fd : 0;
}

static void judge_cgroup(struct __test_metadata *_metadata,
			 FIXTURE_DATA(rfc_cgroup) * self,
			 const struct cgroup *cgroup, enum event_state state)
{
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_of(self, cgroup, false));
	self->s.entries = (int64_t)guest_step(&self->guest);
	self->s.state_at_entry = state;
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	JUDGE("R21", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(rfc_cgroup, R21_of_the_running_cgroup_goes_to_error)
{
	judge_cgroup(_metadata, self, &self->ours, STATE_ACTIVE);
}

TEST_F(rfc_cgroup, R21_of_another_cgroup_is_not)
{
	judge_cgroup(_metadata, self, &self->other, STATE_INACTIVE);
}

#define TRIES 5

/*
 * The first event of a CPU, of a cgroup that nobody is in, does not start the
 * CPU's context, and what is enabled after it does not begin (D37). Whoever
 * comes from another cgroup meanwhile starts it, too: then the event counts,
 * and nothing was learned. An event that is opened at the end starts it for
 * certain. Returns 0 or an errno.
 */
static int let_one_wait(FIXTURE_DATA(rfc_cgroup) * self)
{
	int fd, other = -1, err = open_of(self, &self->other, true);

	if (err)
		return err;
	fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_DISABLED,
				 ANY_TASK, GUEST_CPU, NO_GROUP);
	if (fd < 0)
		return -fd;
	err = ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) ? errno : 0;
	self->o.counted_before =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	self->s.state_at_entry = self->o.counted_before ? STATE_ACTIVE
							: STATE_INACTIVE;
	self->s.guest_iterations = (int64_t)guest_step(&self->guest);
	self->o.counted_after = self->o.counted_outside =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	if (!self->o.counted_after) {
		other = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
					    GUEST_CPU, NO_GROUP);
		self->o.counted_outside =
			event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	}
	if (other >= 0)
		close(other);
	close(fd);
	close(self->fd);
	self->fd = -1;
	return err;
}

TEST_F(rfc_cgroup, R5_what_waits_for_another_reason_waits_on)
{
	MUST(cgroup_enter_root());
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	for (int i = 0; i < TRIES; i++) {
		MUST(let_one_wait(self));
		if (self->s.state_at_entry == STATE_INACTIVE &&
		    !self->o.counted_after)
			break;
	}
	JUDGE("R5.waiting", &self->s, &self->o);
}

TEST_F(rfc_cgroup, R21_its_running_time)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_of(self, &self->ours, true));
	self->o.counted_before = guest_gain(&self->guest, self->fd, WORK_TURNS);
	MUST_BE(guest_between_reads(&self->guest, self->fd, TASK_TIME, &self->s,
				    &self->o));
	JUDGE("R21.clock", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main_keeping(
		argc, argv, HOST_NEEDS_RFC_GUESTS | HOST_NEEDS_STEADY_CLOCK,
		watchdog_back_at_exit);
}
