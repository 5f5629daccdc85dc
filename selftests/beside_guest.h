/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a case about the host beside a guest begins and ends with: a scenario
 * and an observation of which nothing is known, a guest that the case may make,
 * and an event. What the case leaves of the last two, the teardown takes away,
 * wherever the case was given up.
 */
#ifndef PMU_SELFTESTS_BESIDE_GUEST_H
#define PMU_SELFTESTS_BESIDE_GUEST_H

#include "base/cpu.h"
#include "base/deadline.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "vm/guest.h"

/* Where the case runs, and its guest. */
#define HOST_CPU 0
#define GUEST_CPU 1

/* Members of the fixture. */
#define BESIDE_GUEST          \
	struct scenario s;    \
	struct observation o; \
	struct guest guest;   \
	int fd

/* First in FIXTURE_SETUP(). */
#define BESIDE_GUEST_BEGINS()                  \
	do {                                   \
		case_begin();                  \
		self->s = scenario_unknown;    \
		self->o = observation_unknown; \
		self->fd = -1;                 \
		MUST(cpu_pin_self(HOST_CPU));  \
	} while (0)

/* Last in FIXTURE_TEARDOWN(). */
#define BESIDE_GUEST_ENDS()                          \
	do {                                         \
		if (self->guest.parts)               \
			guest_destroy(&self->guest); \
		if (self->fd >= 0)                   \
			close(self->fd);             \
		case_end(_metadata);                 \
	} while (0)

/* Stay inside this long, at least. */
#define INSIDE_NS 5000000ull

/*
 * Whose time the event's clock is: of the CPU, or of the vCPU thread while it
 * is on one. ANY_TIME: what is asked does not depend on how long the guest was
 * in.
 */
enum time_of { ANY_TIME, CPU_TIME, TASK_TIME };

/* Would a clock show that takes the guest in? See GUEST_WOULD_SHOW(). */
static inline bool guest_would_show(const struct scenario *s)
{
	return s->guest_min_ns > s->wall_max_ns - s->present_ns;
}

/*
 * Read event @fd, let guest_code_spin() run, some time certainly inside, and
 * read it again: what its count and times gained, between two pairs of
 * instants. Done again, and longer, until the guest's time would show. Returns
 * false if the guest did not end, or the event cannot be read.
 */
static inline bool guest_between_reads(struct guest *guest, int fd,
				       enum time_of time_of, struct scenario *s,
				       struct observation *o)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from, to;
	uint64_t stay_ns = INSIDE_NS;

	do {
		uint64_t outer_from, inner_from, inner_to, task_from;
		bool stopped;

		outer_from = now_ns();
		if (event_read(fd, &from))
			return false;
		inner_from = now_ns();
		task_from = thread_time_ns(guest->tid);
		guest_go(guest);
		s->guest_min_ns =
			(int64_t)guest_time_inside(guest, stay_ns, &deadline);
		stay_ns *= 2;
		stopped = guest_stop(guest, patience_ms());
		s->present_ns =
			(int64_t)(thread_time_ns(guest->tid) - task_from);
		inner_to = now_ns();
		if (!stopped || event_read(fd, &to))
			return false;
		s->wall_min_ns = (int64_t)(inner_to - inner_from);
		s->wall_max_ns = (int64_t)(now_ns() - outer_from);
		if (time_of == CPU_TIME)
			s->present_ns = s->wall_min_ns;
	} while (time_of != ANY_TIME && !guest_would_show(s) &&
		 !deadline_passed(&deadline));
	s->guest_iterations = (int64_t)guest->record->heartbeat;
	o->eof = to.eof;
	o->count_ns = (int64_t)(to.count - from.count);
	o->enabled_ns = (int64_t)(to.enabled_ns - from.enabled_ns);
	o->running_ns = (int64_t)(to.running_ns - from.running_ns);
	o->not_running_ns = o->enabled_ns - o->running_ns;
	return true;
}

/*
 * What event @fd counts of @turns of work before many entries of the guest and
 * after them, and whether it is in ERROR then. Returns 0 or an errno.
 */
static inline int count_around_entries(struct guest *guest, int fd,
				       unsigned int turns,
				       struct observation *o)
{
	struct event_value value;
	int err;

	o->counted_before = guest_gain(guest, fd, turns);
	for (int i = 0; i < 20; i++)
		guest_step(guest);
	o->counted_after = guest_gain(guest, fd, turns);
	err = event_read(fd, &value);
	if (!err)
		o->eof = value.eof;
	return err;
}

#endif
