// SPDX-License-Identifier: GPL-2.0-only
/*
 * More host events than counters, beside a guest that comes and goes, and
 * where all of them are a cgroup's (docs/contract/guest.md, M28).
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "beside_guest.h"
#include "perf/cgroup.h"
#include "perf/group.h"
#include "vm/pmu.h"

/* More flexible events than any core PMU has counters. */
#define COMPETITORS 16
#define EXITS 300
/* In a window: enough that each event has some. */
#define TURNS 20
/* Each is longer than the last by less than a turn. */
#define WINDOWS 16
#define LONGEST_TURN_MS 10

FIXTURE(rotate)
{
	BESIDE_GUEST;
	struct competitors competitors;
};

FIXTURE_SETUP(rotate)
{
	BESIDE_GUEST_BEGINS();
}

FIXTURE_TEARDOWN(rotate)
{
	competitors_close(&self->competitors);
	BESIDE_GUEST_ENDS();
}

/* Members of the competitors that have not counted since @from. */
static int64_t starved(const struct competitors *competitors,
		       const uint64_t *from)
{
	struct event_value value;
	int64_t found = 0;

	for (int i = 0; i < competitors->size; i++)
		found += event_read(competitors->fd[i], &value) ||
			 value.count == from[i];
	return found;
}

TEST_F(rotate, M28_everybody_has_a_turn_between_exits)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from[COMPETITORS], exits;
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_try_open(&self->competitors, COMPETITORS, ANY_TASK,
				  GUEST_CPU));
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 100, &deadline));
	for (int i = 0; i < COMPETITORS; i++) {
		MUST(event_read(self->competitors.fd[i], &value));
		from[i] = value.count;
	}
	exits = guest_exits_count(&self->guest);
	do {
		self->o.starved = starved(&self->competitors, from);
		self->o.exits_made =
			(int64_t)(guest_exits_count(&self->guest) - exits);
	} while ((self->o.starved || self->o.exits_made < EXITS) &&
		 !deadline_passed(&deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);
	self->o.eof = 0;
	for (int i = 0; i < COMPETITORS; i++)
		self->o.eof |= !event_read(self->competitors.fd[i], &value) &&
			       value.eof;
	self->s.competitors = COMPETITORS;
	self->s.counters = pmu_of_host().general;
	self->s.exits_asked = EXITS;
	JUDGE("M28", &self->s, &self->o);
}

/* Open them for what runs in @cgroup on this CPU. Returns 0 or an errno. */
static int cgroup_competitors(struct competitors *competitors,
			      const struct cgroup *cgroup)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	attr.exclude_guest = 1;
	while (!err && competitors->size < COMPETITORS) {
		int fd = cgroup_try_open_event(cgroup, &attr, HOST_CPU);

		if (fd < 0)
			return -fd;
		competitors->fd[competitors->size++] = fd;
	}
	return err;
}

static int read_all(const struct competitors *competitors,
		    struct event_value *values)
{
	int err = 0;

	for (int i = 0; !err && i < competitors->size; i++)
		err = event_read(competitors->fd[i], &values[i]);
	return err;
}

/*
 * Compute for @ns, before others if that is allowed. Returns false if the CPU
 * was another's meanwhile.
 */
static bool compute_alone(uint64_t ns)
{
	const struct sched_param first = { .sched_priority = 1 }, usual = {};
	struct rusage from, to;

	sched_setscheduler(0, SCHED_FIFO, &first);
	getrusage(RUSAGE_THREAD, &from);
	busy_until(now_ns() + ns);
	getrusage(RUSAGE_THREAD, &to);
	sched_setscheduler(0, SCHED_OTHER, &usual);
	return from.ru_nvcsw == to.ru_nvcsw && from.ru_nivcsw == to.ru_nivcsw;
}

/*
 * The clock of a cgroup is brought up to date whenever it comes or goes and
 * whenever one of its events is read: neither is to happen between the reads,
 * so that only taking turns can. An event that is on while others are read gets
 * that time, so that one without any was off at both ends; which are off moves
 * with the length of the window.
 */
TEST_F(rotate, M28_times_of_a_cgroup_whose_events_take_turns)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from[COMPETITORS], to[COMPETITORS];
	const long turn_ms = event_turn_ms();
	const uint64_t turn_ns = (uint64_t)turn_ms * 1000000;
	uint64_t ns = TURNS * turn_ns;
	int64_t no_time = 0;
	struct cgroup cgroup;
	int windows = 0, err;

	NEEDS(turn_ms > 0 && turn_ms <= LONGEST_TURN_MS,
	      "turns of events of at most 10 ms");
	err = cgroup_try_make(&cgroup, "pmu-turns");
	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	err = cgroup_enter(&cgroup);
	if (!err)
		err = cgroup_competitors(&self->competitors, &cgroup);
	while (!err && windows < WINDOWS && !no_time &&
	       !deadline_passed(&deadline)) {
		int64_t starved = 0;
		bool alone;

		err = read_all(&self->competitors, from);
		alone = compute_alone(ns +
				      (uint64_t)windows * (3 * turn_ns / 4));
		if (!err)
			err = read_all(&self->competitors, to);
		if (err || !alone)
			continue;
		for (int i = 0; i < COMPETITORS; i++) {
			const bool counted = to[i].count > from[i].count;

			starved += !counted;
			no_time += counted &&
				   to[i].running_ns == from[i].running_ns;
		}
		if (starved) {
			no_time = 0;
			ns *= 2;
		} else {
			windows++;
		}
	}
	cgroup_leave_and_remove(&cgroup);
	MUST(err);
	NEEDS(windows == WINDOWS || no_time,
	      "a CPU to itself, and counters that nobody holds");
	self->s.competitors = COMPETITORS;
	self->s.counters = pmu_of_host().general;
	self->o.counted_without_time = no_time;
	JUDGE("M28.times", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_TWO_CPUS);
}
