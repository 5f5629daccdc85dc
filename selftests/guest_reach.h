/* SPDX-License-Identifier: GPL-2.0-only */
/* What it takes a guest to reach a register of its PMU. */
#ifndef PMU_SELFTESTS_GUEST_REACH_H
#define PMU_SELFTESTS_GUEST_REACH_H

#include "guest_case.h"
#include "base/work.h"

#define ACCESSES 100

/* Without those that the host's interrupts made. */
static inline int64_t exits_of_run(struct guest_case *c,
				   const struct guest_step *step,
				   uint64_t times, int64_t *vector)
{
	uint64_t interrupts = guest_interrupts_count(&c->guest);
	int added;

	script_clear(&c->guest);
	added = script_add(&c->guest, (enum guest_op)step->op, step->index,
			   step->value, times);
	c->o.exits_made = (int64_t)script_run(&c->guest);
	c->o.exits_made -=
		(int64_t)(guest_interrupts_count(&c->guest) - interrupts);
	*vector = script_vector(&c->guest, added);
	return c->o.exits_made;
}

/*
 * The exits that ACCESSES more of the step take. What KVM does not count as an
 * interrupt may still add one to either run: an NMI, a page not yet mapped. So
 * the fewest of several runs, until none or each of the accesses has made one.
 */
static inline void count_exits(struct guest_case *c,
			       const struct guest_step *step)
{
	struct deadline deadline = deadline_after_ms(patience_ms() / 3);
	int64_t few = INT64_MAX, many = INT64_MAX, extra;

	/* The first time takes exits of its own. */
	exits_of_run(c, step, 1, &c->o.vector);
	do {
		int64_t a = exits_of_run(c, step, 1, &c->o.vector);
		int64_t b = exits_of_run(c, step, 1 + ACCESSES, &c->o.vector);

		few = a < few ? a : few;
		many = b < many ? b : many;
		extra = many - few;
	} while (!c->o.vector && extra && extra != ACCESSES &&
		 !deadline_passed(&deadline));
	c->s.accesses = ACCESSES;
	c->o.access_exits = extra;
}

static inline enum guest_register register_kind(enum pmu_register reg)
{
	switch (reg) {
	case PMU_EVENTSEL:
	case PMU_FIXED_CTRL:
		return REGISTER_EVENTSEL;
	case PMU_COUNTER:
	case PMU_FIXED_COUNTER:
		return REGISTER_COUNTER;
	case PMU_LEGACY_COUNTER:
		return REGISTER_LEGACY_COUNTER;
	default:
		return REGISTER_GLOBAL;
	}
}

#endif
