// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of host event without a guest, and beside one, opened at every
 * time: a matrix of lib/perf/kinds.h, of when the event was opened, and of what
 * the guest does (docs/contract/guest.md, M47, M83).
 */
#include "guest_case.h"
#include "perf/group.h"
#include "perf/kinds.h"

#define EXITS 100
#define TURN_MS 5000

enum opened { BEFORE, DURING, BETWEEN };

FIXTURE(kind)
{
	struct guest_case c;
	struct host_event event;
	bool open;
};

/*
 * @stays: the guest turns without an exit of its own; else it leaves all the
 * time
 */
FIXTURE_VARIANT(kind)
{
	int kind;
	enum opened opened;
	bool stays;
};

#define CELL(name, when, does)                              \
	FIXTURE_VARIANT_ADD(kind, name##_##when##_##does)   \
	{                                                   \
		.kind = KIND_##name, .opened = WHEN_##when, \
		.stays = DOES_##does,                       \
	}

#define WHEN_before BEFORE
#define WHEN_during DURING
#define WHEN_between BETWEEN
#define DOES_stays true
#define DOES_leaves false
#define CELLS(name, ...)            \
	CELL(name, before, stays);  \
	CELL(name, before, leaves); \
	CELL(name, during, stays);  \
	CELL(name, during, leaves); \
	CELL(name, between, stays); \
	CELL(name, between, leaves);

HOST_KINDS(CELLS)

FIXTURE_SETUP(kind)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(kind)
{
	if (self->open)
		host_event_close(&self->event);
	guest_case_end(&self->c, _metadata);
}

static int open_event(FIXTURE_DATA(kind) * self,
		      const FIXTURE_VARIANT(kind) * variant)
{
	int err = host_event_try_open(&self->event, &host_kinds[variant->kind],
				      self->c.guest.tid, GUEST_CPU);

	self->open = !err;
	return err;
}

struct gaining {
	struct host_event *event;
	int64_t gain;
};

static void gain_here(void *arg)
{
	struct gaining *gaining = arg;

	gaining->gain = host_event_gain(gaining->event, TURN_MS);
}

/* On the vCPU thread, which is the task the event follows. */
static int64_t gain(FIXTURE_DATA(kind) * self)
{
	struct gaining gaining = { .event = &self->event };

	guest_call(&self->c.guest, gain_here, &gaining);
	return gaining.gain;
}

/* Twice while the guest does not leave. */
static void look_twice(void *arg)
{
	FIXTURE_DATA(kind) *self = arg;
	uint64_t from = now_ns();
	int64_t first = host_event_count(&self->event);

	busy_until(from + 100000);
	self->c.o.counted_inside = host_event_count(&self->event) - first;
}

static bool guest_goes(FIXTURE_DATA(kind) * self,
		       const FIXTURE_VARIANT(kind) * variant)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest_case *c = &self->c;
	uint64_t exits = guest_exits_count(&c->guest);

	script_clear(&c->guest);
	if (!variant->stays)
		script_do(&c->guest, GUEST_OUT, EXITS);
	script_do(&c->guest, GUEST_PAUSE, 1);
	if (variant->stays)
		return script_goes(&c->guest, patience_ms());
	c->guest.script->go_on = 0;
	guest_step_begins(&c->guest);
	while (guest_exits_count(&c->guest) == exits) {
		if (deadline_passed(&deadline))
			return false;
	}
	return true;
}

/*
 * Is there a way to see what is counted inside? Where the event is on while the
 * guest runs, reading it takes the guest out.
 */
static bool looks_inside(const FIXTURE_DATA(kind) * self,
			 const FIXTURE_VARIANT(kind) * variant)
{
	return variant->stays && self->c.s.passthrough;
}

static bool guest_ends(FIXTURE_DATA(kind) * self,
		       const FIXTURE_VARIANT(kind) * variant)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest_case *c = &self->c;
	struct inside inside;

	if (looks_inside(self, variant) && self->open &&
	    !guest_inside(&c->guest, look_twice, self, 0, &deadline, &inside))
		return false;
	return script_ends(&c->guest, patience_ms());
}

TEST_F(kind, M47_counts_the_host_and_only_the_host)
{
	struct guest_case *c = &self->c;
	int err = open_event(self, variant);

	NEEDS(err != ENOENT, "such a PMU, or cgroup2");
	MUST(err);
	c->o.counted_before = gain(self);
	if (variant->opened != BEFORE) {
		host_event_close(&self->event);
		self->open = false;
	}
	if (variant->opened == BETWEEN) {
		MUST_BE(guest_goes(self, variant));
		MUST_BE(guest_ends(self, variant));
		MUST(open_event(self, variant));
	}
	MUST_BE(guest_goes(self, variant));
	if (variant->opened == DURING)
		MUST(open_event(self, variant));
	MUST_BE(guest_ends(self, variant));
	c->s.exclude_guest = 1;
	c->s.exits_asked = variant->stays ? 0 : EXITS;
	c->o.counted_after = gain(self);
	c->o.eof = host_event_errors(&self->event);
	JUDGE("M47", &c->s, &c->o);
}

FIXTURE(alone)
{
	struct host_event event;
	bool open;
};

FIXTURE_VARIANT(alone)
{
	int kind;
};

#define ALONE(name, ...) \
	FIXTURE_VARIANT_ADD(alone, name){ .kind = KIND_##name };

HOST_KINDS(ALONE)

FIXTURE_SETUP(alone)
{
	case_begin();
	self->open = false;
	MUST(cpu_pin_self(GUEST_CPU));
}

FIXTURE_TEARDOWN(alone)
{
	if (self->open)
		host_event_close(&self->event);
	case_end(_metadata);
}

/* None, too, of one in ERROR. */
static int64_t gain_alone(struct host_event *event)
{
	int64_t gain = host_event_gain(event, TURN_MS);

	if (gain == NOT_KNOWN && host_event_errors(event) > 0)
		return 0;
	return gain;
}

TEST_F(alone, M83_counts_while_there_is_no_guest)
{
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;
	int err, found = counters_free(GUEST_CPU);

	/* None is free where somebody holds them all, or where none is given.
	 */
	MUST_BE(found > 0);
	NEEDS(found > 2, "counters that nobody holds");
	err = host_event_try_open(&self->event, &host_kinds[variant->kind],
				  gettid(), GUEST_CPU);
	self->open = !err;
	NEEDS(err != ENOENT, "such a PMU, or cgroup2");
	MUST(err);
	s.exclude_guest = 1;
	o.counted_before = gain_alone(&self->event);
	JUDGE("M83", &s, &o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
