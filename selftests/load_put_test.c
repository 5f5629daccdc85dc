// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two owners of one PMU: what one counts does not depend on the other, however
 * often it changes hands (docs/contract/guest.md, M43, M84; D17, D24).
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "guest_case.h"
#include "base/child.h"
#include "base/work.h"
#include "perf/cgroup.h"
#include "perf/noise.h"

#define EXITS 100
#define MANY_EXITS 500
#define EXIT_RUNS 4
#define WORK_TURNS 300
#define LONG_TURNS 500000

FIXTURE(load_put)
{
	struct guest_case c;
	int fd;
	bool of_cpu;
};

FIXTURE_SETUP(load_put)
{
	self->fd = -1;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(load_put)
{
	if (self->fd >= 0)
		close(self->fd);
	guest_case_end(&self->c, _metadata);
}

/*
 * What an event of the host gains over one entry of the guest and some work.
 * It counts user space only: that is the same every time. Unless it is the
 * CPU's and somebody else runs there: that is known from the context switches
 * of the CPU, which an event of the task need not ask for.
 */
struct entry {
	struct guest *guest;
	int fd, switches;
	int64_t gained;
};

static void enter_and_work(void *arg)
{
	struct entry *entry = arg;
	struct event_value from, to;
	struct event_value switches_from = { 0 }, switches_to = { 0 };

	if (entry->switches >= 0)
		event_read(entry->switches, &switches_from);
	event_read(entry->fd, &from);
	guest_enter(entry->guest);
	work(WORK_TURNS);
	event_read(entry->fd, &to);
	if (entry->switches >= 0)
		event_read(entry->switches, &switches_to);
	entry->gained = switches_from.count == switches_to.count
				? (int64_t)(to.count - from.count)
				: NOT_KNOWN;
}

static int open_switches(void)
{
	struct perf_event_attr attr;

	if (event_describe(&attr, PMU_SOFTWARE))
		return -1;
	attr.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
	return event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
}

static int64_t gain_beside(FIXTURE_DATA(load_put) * self, enum guest_op op,
			   uint64_t times)
{
	struct guest_case *c = &self->c;
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct entry entry = {
		.guest = &c->guest,
		.fd = self->fd,
		.switches = self->of_cpu ? open_switches() : -1,
		.gained = NOT_KNOWN,
	};

	script_clear(&c->guest);
	script_do(&c->guest, op, times);
	if (self->of_cpu && entry.switches < 0)
		return NOT_KNOWN;
	while (entry.gained == NOT_KNOWN && !deadline_passed(&deadline))
		guest_call(&c->guest, enter_and_work, &entry);
	if (self->of_cpu)
		close(entry.switches);
	return entry.gained;
}

static int open_user_only(FIXTURE_DATA(load_put) * self, bool of_cpu)
{
	self->of_cpu = of_cpu;
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_USER_ONLY,
				       of_cpu ? ANY_TASK : self->c.guest.tid,
				       of_cpu ? GUEST_CPU : ANY_CPU, NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

/*
 * An interrupt or a page fault in user space counts there on both vendors, one
 * more for each, never fewer (V. Weaver, D. Terpstra, S. Moore:
 * "Non-determinism and overcount on modern hardware performance counter
 * implementations").
 */
static void judge_surplus(FIXTURE_DATA(load_put) * self,
			  struct __test_metadata *_metadata, enum guest_op op,
			  uint64_t few, uint64_t many)
{
	struct guest_case *c = &self->c;
	struct least_of_two least = LEAST_OF_NONE;
	int64_t brief, longer;

	/* The first pass through the code is longer: pages are faulted in. */
	gain_beside(self, op, few);
	do {
		brief = gain_beside(self, op, few);
		longer = gain_beside(self, op, many);
	} while (least_wants_more(&least, brief, longer));
	c->s.exclude_guest = 1;
	c->o.counted_before = least.first.value;
	c->o.host_surplus = least_difference(&least);
	c->s.guest_iterations = (int64_t)c->guest.record->heartbeat;
	JUDGE("M43", &c->s, &c->o, "guest that ran %lu times as long",
	      (unsigned long)(many / few));
}

TEST_F(load_put, M43_of_a_task_beside_a_longer_guest)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_WORK, TURNS, LONG_TURNS);
}

TEST_F(load_put, M43_of_a_cpu_beside_a_longer_guest)
{
	MUST(open_user_only(self, true));
	judge_surplus(self, _metadata, GUEST_WORK, TURNS, LONG_TURNS);
}

TEST_F(load_put, M43_of_a_task_beside_many_exits)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_EMULATE, 1, MANY_EXITS);
}

TEST_F(load_put, M43_of_a_task_beside_a_guest_in_user_mode)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_USER, TURNS, LONG_TURNS);
}

/* Without a mediated PMU KVM leaves the event on, and switches what it counts.
 */
TEST_F(load_put, M43_of_a_task_beside_a_guest_without_a_pmu)
{
	struct guest_case *c = &self->c;

	guest_destroy(&c->guest);
	script_guest_create_without_pmu(&c->guest, GUEST_CPU);
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_USER, TURNS, LONG_TURNS);
}

/*
 * What an event that stands still gains in two milliseconds of the reader's;
 * @value is what it has then. Returns 0 or an errno.
 */
static int look_at_a_sleeper(int fd, struct event_value *value, int64_t *gained)
{
	struct event_value from;
	int err = event_read(fd, &from);

	for (int i = 0; i < 2 && !err; i++) {
		busy_until(now_ns() + 1000000);
		err = event_read(fd, value);
	}
	if (!err)
		*gained = (int64_t)(value->enabled_ns - from.enabled_ns);
	return err;
}

TEST_F(load_put, M84_of_a_task_that_sleeps)
{
	struct guest_case *c = &self->c;
	struct event_value begin, end;

	MUST(open_user_only(self, false));
	MUST(event_read(self->fd, &begin));
	script_do(&c->guest, GUEST_OUT, EXITS);
	script_run(&c->guest);
	MUST_BE(guest_settle(&c->guest, patience_ms()));
	MUST(look_at_a_sleeper(self->fd, &end, &c->o.enabled_asleep));
	c->s.exclude_guest = 1;
	c->o.enabled_ns = (int64_t)(end.enabled_ns - begin.enabled_ns);
	JUDGE("M84", &c->s, &c->o);
}

/* In the cgroup: work on the guest's CPU, and wait there for an end. */
static pid_t start_sleeper(const struct cgroup *cgroup, int begin[2])
{
	pid_t pid = fork();
	char byte = 0;

	if (pid)
		return pid;
	close(begin[0]);
	if (cgroup_enter(cgroup) || cpu_pin_self(GUEST_CPU))
		_exit(1);
	work(WORK_TURNS);
	if (write(begin[1], &byte, 1) == 1)
		pause();
	_exit(1);
}

/*
 * What the event gains while the sleeper works, and then. The reader goes to
 * its CPU: the clock of a cgroup is of each CPU. Returns 0 or an errno.
 */
static int look_at_a_cgroup(int fd, const struct cgroup *cgroup,
			    struct observation *o)
{
	struct event_value begin, end = { 0 };
	int begun[2], err;
	char byte;
	pid_t pid;

	err = event_read(fd, &begin);
	if (err || pipe(begun))
		return err ?: errno;
	pid = start_sleeper(cgroup, begun);
	close(begun[1]);
	err = pid < 0 || read(begun[0], &byte, 1) != 1 ? EIO : 0;
	close(begun[0]);
	err = err ?: cpu_pin_self(GUEST_CPU);
	if (!err && !child_falls_asleep(pid, patience_ms()))
		err = ETIMEDOUT;
	if (!err) {
		err = look_at_a_sleeper(fd, &end, &o->enabled_asleep);
		o->enabled_ns = (int64_t)(end.enabled_ns - begin.enabled_ns);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return err ?: cpu_pin_self(0);
}

TEST_F(load_put, M84_of_a_cgroup_whose_task_sleeps)
{
	struct guest_case *c = &self->c;
	struct perf_event_attr attr;
	struct cgroup cgroup;
	int err = cgroup_try_make(&cgroup, "pmu-sleeper");

	NEEDS(err != ENOENT, "cgroup2");
	MUST(err);
	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	self->fd = cgroup_try_open_event(&cgroup, &attr, GUEST_CPU);
	err = self->fd < 0 ? -self->fd
			   : look_at_a_cgroup(self->fd, &cgroup, &c->o);
	cgroup_leave_and_remove(&cgroup);
	MUST(err);
	c->s.exclude_guest = 1;
	JUDGE("M84.cgroup", &c->s, &c->o);
}

/*
 * The guest counts over many exits, and the host samples at each: not one
 * instruction of either may be lost at load or put, nor counted twice.
 */
TEST_F(load_put, D24_no_count_strays_at_load_and_put)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_EMULATE,
		.times = (c->s.passthrough ? 10 : 1) * EXITS,
	};
	struct counted counted;
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct noise *noise = noise_start(GUEST_CPU);
	uint64_t rounds;
	int err;

	MUST_BE(noise);
	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	/* Until the host was at it while the guest counted. */
	do {
		rounds = noise_rounds(noise);
		err = counting_run_on(&c->guest, &counting, 1, NULL, NULL,
				      &counted);
	} while (!err && noise_rounds(noise) < rounds + 2 &&
		 !deadline_passed(&deadline));
	rounds = noise_rounds(noise) - rounds;
	c->o.counted_before = noise_stop(noise);
	MUST(err);
	MUST_BE(rounds >= 2);
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		c->o.guest_counted = counted.gained[i];
		c->o.guest_control = counted.gained[0];
		JUDGE("D24", &c->s, &c->o, "counter %u", i);
	}
}

/* What the event counts of a run of that many exits, its way in and out too. */
static int count_exits_of(FIXTURE_DATA(load_put) * self, uint64_t exits,
			  int64_t *least)
{
	struct guest_case *c = &self->c;
	struct event_value from, to;
	int err;

	script_clear(&c->guest);
	script_do(&c->guest, GUEST_EMULATE, exits);
	err = event_read(self->fd, &from);
	if (err)
		return err;
	c->o.exits_made = (int64_t)script_run(&c->guest);
	err = event_read(self->fd, &to);
	if (!err && (int64_t)(to.count - from.count) < *least)
		*least = (int64_t)(to.count - from.count);
	return err;
}

/*
 * The vCPU's thread is counted on its way into the kernel and out of it, in any
 * case: that is the same with one exit and with many, and other interrupts only
 * add to it. So it is the least of several that differ by the exits.
 */
TEST_F(load_put, D17_the_host_between_exits_is_counted)
{
	struct guest_case *c = &self->c;
	struct perf_event_attr attr;
	int64_t few = VALUE_MAX, many = VALUE_MAX;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.exclude_user = 1;
	self->fd = event_try_open(&attr, c->guest.tid, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	for (int i = 0; i < EXIT_RUNS; i++) {
		MUST(count_exits_of(self, 1, &few));
		MUST(count_exits_of(self, MANY_EXITS + 1, &many));
	}
	c->s.exits_asked = MANY_EXITS;
	c->o.counted_after = many - few;
	JUDGE("D17", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
