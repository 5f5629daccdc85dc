// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defects of the RFC, asked of any kernel (docs/contract/defects.md, D1 to D3,
 * D5 to D7, D11). Where the mediated contract refuses the VM beside an
 * include-guest event, or the event beside the VM, there is nothing left that
 * could go wrong: that is how it keeps clear of most of them.
 */
#include <errno.h>

#include "beside_guest.h"
#include "base/child.h"
#include "perf/cgroup.h"
#include "perf/group.h"
#include "vm/vm.h"

#define WORK_TURNS 20000
#define COMPETITORS 16

FIXTURE(defect)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(defect)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
}

FIXTURE_TEARDOWN(defect)
{
	BESIDE_GUEST_ENDS();
}

TEST_F(defect, D1_no_member_outlives_its_leader)
{
	struct group group = { .size = 3, .include = 4 };
	int64_t refused;
	int eofs;

	MUST(group_try_open(&group, ANY_TASK, GUEST_CPU, false));
	self->s.group_size = group.size;
	self->o.counted_before =
		event_gain_on_cpu(group.fd[0], GUEST_CPU, HOST_CPU, WORK_TURNS);
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (!refused)
		guest_visit(&self->guest, GUEST_CPU);
	eofs = group_eofs(&group, 0);
	self->o.survivors = eofs ? group.size - eofs : 0;
	group_close(&group);
	JUDGE("D1", &self->s, &self->o);
}

static void open_include(void *arg)
{
	struct perf_event_attr attr;
	int *err = arg, fd;

	event_describe(&attr, PMU_CORE);
	fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	*err = fd < 0 ? -fd : 0;
	if (fd >= 0)
		close(fd);
}

TEST_F(defect, D2_the_same_open_has_the_same_answer)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int err_outside, err;
	int64_t err_inside;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	open_include(&err_outside);
	guest_go(&self->guest);
	err_inside = guest_errno_inside(&self->guest, open_include, &err, &err,
					&deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	if (err_inside != NOT_KNOWN)
		self->o.outcomes = err_outside == err_inside ? 1 : 2;
	JUDGE("D2", &self->s, &self->o);
}

TEST_F(defect, D3_a_pinned_task_event_keeps_its_counter)
{
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_try_outnumber(&competitors, COMPETITORS, GUEST_CPU,
				       &self->s.counters));
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_PINNED,
				       self->guest.tid, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	MUST(count_around_entries(&self->guest, self->fd, WORK_TURNS,
				  &self->o));
	self->s.pinned = 1;
	self->s.competitors = competitors.size;
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	competitors_close(&competitors);
	JUDGE("D3", &self->s, &self->o);
}

/*
 * Read on the vCPU thread itself, right before the guest and after it: no time
 * of waiting is in between, where the guest's could hide.
 */
struct around {
	int fd;
	uint64_t from_ns, to_ns, task_from_ns, task_to_ns;
	struct event_value from, to;
};

static void read_before(void *arg)
{
	struct around *around = arg;

	around->from_ns = now_ns();
	event_read(around->fd, &around->from);
	around->task_from_ns = thread_time_ns(gettid());
}

static void read_after(void *arg)
{
	struct around *around = arg;

	around->task_to_ns = thread_time_ns(gettid());
	event_read(around->fd, &around->to);
	around->to_ns = now_ns();
}

TEST_F(defect, D5_the_clock_of_a_cgroup_leaves_the_guest_out)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	struct around around;
	struct cgroup cgroup;
	bool ended = true;
	int err = cgroup_try_make(&cgroup, "pmu-defect");

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->guest.before = read_before;
	self->guest.after = read_after;
	self->guest.arg = &around;
	err = cgroup_enter(&cgroup);
	self->fd = cgroup_try_open_event(&cgroup, &attr, GUEST_CPU);
	around.fd = self->fd;
	if (!err && self->fd >= 0) {
		self->o.counted_before =
			guest_gain(&self->guest, self->fd, WORK_TURNS);
		do {
			guest_go(&self->guest);
			self->s.guest_min_ns = (int64_t)guest_time_inside(
				&self->guest, INSIDE_NS, &deadline);
			ended = guest_stop(&self->guest, patience_ms());
			self->s.wall_max_ns =
				(int64_t)(around.to_ns - around.from_ns);
			self->s.present_ns = (int64_t)(around.task_to_ns -
						       around.task_from_ns);
		} while (ended && !guest_would_show(&self->s) &&
			 !deadline_passed(&deadline));
	}
	cgroup_leave_and_remove(&cgroup);
	MUST(err);
	MUST_BE(self->fd >= 0 && ended);
	self->o.running_ns =
		(int64_t)(around.to.running_ns - around.from.running_ns);
	JUDGE("D5", &self->s, &self->o);
}

static void attempt_fork(void *arg)
{
	*(int *)arg = child_try_brief();
}

TEST_F(defect, D6_no_fork_fails_because_a_guest_runs)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	int64_t refused;
	int err = 0;

	MUST(event_describe(&attr, PMU_CORE));
	attr.inherit = 1;
	self->fd = event_try_open(&attr, SELF, GUEST_CPU, NO_GROUP);
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (refused) {
		close(self->fd);
		attr.exclude_guest = 1;
		self->fd = event_try_open(&attr, SELF, GUEST_CPU, NO_GROUP);
	}
	MUST_BE(self->fd >= 0);
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	self->s.inherited = 1;
	self->o.err = guest_errno_inside(&self->guest, attempt_fork, &err, &err,
					 &deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("D6", &self->s, &self->o);
}

TEST_F(defect, D7_an_event_can_still_be_read_after_a_guest)
{
	struct event_value value;
	int64_t refused;

	self->fd = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (!refused)
		guest_visit(&self->guest, GUEST_CPU);
	MUST(event_read(self->fd, &value));
	self->s.exclude_guest = 0;
	self->o.eof = value.eof;
	JUDGE("D7", &self->s, &self->o);
}

TEST_F(defect, D11_never_short_of_running_time)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from, to;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
				       GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	MUST(event_read(self->fd, &from));
	guest_go(&self->guest);
	self->s.guest_min_ns =
		(int64_t)guest_time_inside(&self->guest, INSIDE_NS, &deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	MUST(event_read(self->fd, &to));
	self->s.exclude_guest = 1;
	self->o.not_running_ns = (int64_t)(to.enabled_ns - from.enabled_ns) -
				 (int64_t)(to.running_ns - from.running_ns);
	JUDGE("D11", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_A_VM | HOST_NEEDS_VPMU |
				 HOST_NEEDS_TWO_CPUS | HOST_NEEDS_STEADY_CLOCK);
}
