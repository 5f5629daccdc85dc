// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defects of the seed, asked of any kernel (docs/contract/defects.md, D1 to D7,
 * D11, D12). Where the mediated contract refuses the VM beside an include-guest
 * event, or the event beside the VM, there is nothing left that could go wrong:
 * that is how it keeps clear of most of them.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "perf/cgroup.h"
#include "perf/cpu.h"
#include "perf/event.h"
#include "perf/group.h"
#include "perf/watchdog.h"
#include "report/cases.h"
#include "sync/child.h"
#include "vm/guest.h"
#include "vm/vm.h"

#define HOST_CPU 0
#define GUEST_CPU 1
#define WORK_TURNS 100000
#define INSIDE_NS 5000000ull
#define CROWD 16
#define ROUNDS 30

FIXTURE(defect)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
	int fd;
};

FIXTURE_SETUP(defect)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = PMU_CORE;
	self->fd = -1;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(defect)
{
	if (self->fd >= 0)
		close(self->fd);
	case_end(_metadata);
}

static bool vm_starts(bool with_pmu)
{
	const unsigned long disable = 1; /* KVM_PMU_CAP_DISABLE */
	struct vm vm;
	bool started;

	if (vm_try_with_irqchip(&vm))
		return false;
	started = (with_pmu || !vm_try_pmu_cap(&vm, disable)) &&
		  !vm_try_vcpu(&vm);
	vm_close(&vm);
	return started;
}

/*
 * Does the contract refuse a VM beside the events there are? That one without a
 * PMU starts shows that nothing else is in the way.
 * Returns 1 or 0, or NOT_KNOWN.
 */
static int64_t vm_is_refused(void)
{
	if (!vm_starts(false))
		return NOT_KNOWN;
	return !vm_starts(true);
}

/* One visit to the guest. */
static void visit_guest(struct guest *guest)
{
	guest_create(guest, guest_exits, GUEST_CPU);
	guest_step(guest);
	guest_destroy(guest);
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
		visit_guest(&self->guest);
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
	struct inside inside;
	int err_outside, err_inside;

	guest_create(&self->guest, guest_spin, GUEST_CPU);
	open_include(&err_outside);
	guest_go(&self->guest);
	MUST_BE(guest_inside(&self->guest, open_include, &err_inside, 0,
			     &deadline, &inside));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.guest_beats = (int64_t)inside.beats;
	self->o.outcomes = err_outside == err_inside ? 1 : 2;
	JUDGE("D2", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(defect, D3_a_pinned_task_event_keeps_its_counter)
{
	struct perf_event_attr attr;
	struct event_value value;
	struct crowd crowd;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.pinned = 1;
	guest_create(&self->guest, guest_exits, GUEST_CPU);
	MUST(crowd_take_counters(&crowd, GUEST_CPU));
	self->s.counters = crowd.size;
	crowd_close(&crowd);
	MUST(crowd_try_open(&crowd, CROWD, ANY_TASK, GUEST_CPU));
	self->fd = event_try_open(&attr, self->guest.tid, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before = guest_gain(&self->guest, self->fd, WORK_TURNS);
	for (int i = 0; i < 20; i++)
		guest_step(&self->guest);
	self->o.counted_after = guest_gain(&self->guest, self->fd, WORK_TURNS);
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	self->s.pinned = 1;
	self->s.crowd = crowd.size;
	self->s.guest_beats = (int64_t)self->guest.record->beats;
	crowd_close(&crowd);
	JUDGE("D3", &self->s, &self->o);
	guest_destroy(&self->guest);
}

/*
 * Two clones of one task on one CPU: a vCPU thread, and one that has nothing to
 * do with guests and never waits. Whenever the first one waits, the second goes
 * on with the context that was on the CPU.
 * @parent: the task both inherit the event from; it only waits
 */
struct clones {
	struct guest *guest;
	struct perf_event_attr attr;
	int fd;
	volatile uint64_t turns;
	volatile bool stop;
	pthread_t parent, innocent;
	sem_t ready, end;
};

static void *innocent_thread(void *arg)
{
	struct clones *clones = arg;

	cpu_pin_self(GUEST_CPU);
	while (!clones->stop)
		clones->turns++;
	return NULL;
}

static void *parent_thread(void *arg)
{
	struct clones *clones = arg;

	clones->fd = event_try_open(&clones->attr, SELF, ANY_CPU, NO_GROUP);
	if (!clones->attr.exclude_guest && vm_is_refused()) {
		close(clones->fd);
		clones->attr.exclude_guest = 1;
		clones->fd =
			event_try_open(&clones->attr, SELF, ANY_CPU, NO_GROUP);
	}
	guest_create(clones->guest, guest_exits, GUEST_CPU);
	pthread_create(&clones->innocent, NULL, innocent_thread, clones);
	sem_post(&clones->ready);
	sem_wait(&clones->end);
	clones->stop = true;
	pthread_join(clones->innocent, NULL);
	return NULL;
}

/* What the sum gains while the innocent thread certainly works. */
static int64_t innocent_gain(struct clones *clones,
			     const struct deadline *deadline)
{
	struct event_value from, to;

	if (event_read(clones->fd, &from) ||
	    !wait_at_least(&clones->turns, clones->turns + WORK_TURNS,
			   deadline) ||
	    event_read(clones->fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

/* The least it gains in some rounds, after each visit to the guest. */
static void observe_clones(FIXTURE_DATA(defect) * self, struct clones *clones)
{
	struct deadline deadline = deadline_after_ms(patience_ms());

	sem_init(&clones->ready, 0, 0);
	sem_init(&clones->end, 0, 0);
	clones->guest = &self->guest;
	pthread_create(&clones->parent, NULL, parent_thread, clones);
	sem_wait(&clones->ready);
	self->o.counted_before = innocent_gain(clones, &deadline);
	self->o.counted_after = VALUE_MAX;
	for (int i = 0; i < ROUNDS && self->o.counted_after > 0; i++) {
		int64_t gain;

		guest_step(&self->guest);
		gain = innocent_gain(clones, &deadline);
		if (gain < self->o.counted_after)
			self->o.counted_after = gain;
	}
	sem_post(&clones->end);
	pthread_join(clones->parent, NULL);
	close(clones->fd);
	self->s.swapped = 1;
	self->s.group_includes = !clones->attr.exclude_guest;
	self->s.state_at_entry = STATE_ACTIVE;
	self->s.entries = ROUNDS;
	guest_destroy(&self->guest);
}

TEST_F(defect, R29_D4_an_innocent_clone_goes_on_being_counted)
{
	struct clones clones = { .fd = -1 };

	MUST(event_describe(&clones.attr, PMU_CORE));
	clones.attr.inherit = 1;
	observe_clones(self, &clones);
	JUDGE("D4", &self->s, &self->o);
	if (host_contract() != CONTRACT_MEDIATED)
		JUDGE("R29", &self->s, &self->o);
}

/*
 * Read on the vCPU thread itself, right before the guest and after it: no time
 * of waiting is in between, where the guest's could hide.
 */
struct around {
	int fd;
	uint64_t from_ns, to_ns;
	struct event_value from, to;
};

static void read_before(void *arg)
{
	struct around *around = arg;

	around->from_ns = now_ns();
	event_read(around->fd, &around->from);
}

static void read_after(void *arg)
{
	struct around *around = arg;

	event_read(around->fd, &around->to);
	around->to_ns = now_ns();
}

TEST_F(defect, D5_the_clock_of_a_cgroup_leaves_the_guest_out)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	struct around around;
	struct cgroup cgroup;
	bool ended = false;
	int err = cgroup_try_make(&cgroup, "pmu-defect");

	NEEDS(err != ENOENT, "a cgroup2 mount");
	MUST(err);
	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	self->guest.before = read_before;
	self->guest.after = read_after;
	self->guest.arg = &around;
	err = cgroup_enter(&cgroup);
	self->fd = cgroup_try_open_event(&cgroup, &attr, GUEST_CPU);
	around.fd = self->fd;
	if (!err && self->fd >= 0) {
		self->o.counted_before =
			guest_gain(&self->guest, self->fd, WORK_TURNS);
		guest_go(&self->guest);
		self->s.guest_min_ns = (int64_t)guest_time_inside(
			&self->guest, INSIDE_NS, &deadline);
		ended = guest_stop(&self->guest, patience_ms());
	}
	cgroup_leave_and_remove(&cgroup);
	MUST_BE(ended);
	self->s.wall_max_ns = (int64_t)(around.to_ns - around.from_ns);
	self->o.running_ns =
		(int64_t)(around.to.running_ns - around.from.running_ns);
	JUDGE("D5", &self->s, &self->o);
	guest_destroy(&self->guest);
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
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	guest_go(&self->guest);
	self->s.inherited = 1;
	self->o.err = guest_errno_inside(&self->guest, attempt_fork, &err, &err,
					 &deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("D6", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(defect, D7_an_event_can_still_be_read_after_a_guest)
{
	struct perf_event_attr attr;
	struct event_value value;
	int64_t refused;

	MUST(event_describe(&attr, PMU_CORE));
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (!refused)
		visit_guest(&self->guest);
	MUST(event_read(self->fd, &value));
	self->s.exclude_guest = 0;
	self->o.eof = value.eof;
	JUDGE("D7", &self->s, &self->o);
}

TEST_F(defect, D11_never_short_of_running_time)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from, to;
	struct perf_event_attr attr;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
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
	guest_destroy(&self->guest);
}

FIXTURE(defect_watchdog)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
};

FIXTURE_SETUP(defect_watchdog)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN_PARENT(defect_watchdog)
{
	watchdog_off();
	case_end(_metadata);
}

/* It excludes guests if it still holds its counter after one. */
TEST_F(defect_watchdog, D12_it_does_not_exclude_guests)
{
	int64_t refused, free;

	self->s.counters = counters_free(GUEST_CPU);
	MUST_BE(self->s.counters > 0);
	NEEDS(!watchdog_on(), "a hard-lockup watchdog");
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->o.held_before = self->s.counters - free;
	NEEDS(self->o.held_before > 0, "a watchdog that uses perf");
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (!refused)
		visit_guest(&self->guest);
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->o.watchdog_survives = !refused && free < self->s.counters;
	JUDGE("D12", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	unsigned int needs = HOST_NEEDS_A_VM | HOST_NEEDS_HANDOVER |
			     HOST_NEEDS_TWO_CPUS;

	return case_main_keeping(argc, argv, needs | HOST_NEEDS_STEADY_CLOCK,
				 watchdog_back_at_exit);
}
