/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounded waiting, for all of the suite but guardians. */
#ifndef PMU_BASE_DEADLINE_H
#define PMU_BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

struct deadline {
	uint64_t at_ns;
};

/*
 * How long anything may take that takes a moment, in milliseconds: 15 s, or
 * PMU_PATIENCE times that, where CPUs are slow or shared. Only what hangs, and
 * the case that says so, ever takes as long.
 */
unsigned int patience_ms(void);

/* A point @ms milliseconds from now. */
struct deadline deadline_after_ms(unsigned int ms);

bool deadline_passed(const struct deadline *deadline);

/*
 * Wait until *@value is at least @target, giving up at the deadline.
 * Returns false if it gave up.
 */
bool wait_at_least(const volatile uint64_t *value, uint64_t target,
		   const struct deadline *deadline);

#endif
