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
