// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "clock.h"
#include "delay.h"
#include "random.h"

#define MOST_US 1000000

/* Two threads that draw at once may draw the same; no harm in that. */
static uint64_t state;
static long most_us = -1;

void delay_at_witness(void)
{
	const char *given;
	uint64_t until;
	bool yields;

	if (most_us < 0) {
		given = getenv("PMU_DELAY_US");
		state = random_seed();
		most_us = given ? strtol(given, NULL, 10) : 0;
		if (most_us > MOST_US)
			most_us = MOST_US;
	}
	if (most_us <= 0)
		return;
	yields = random_below(&state, 2);
	until = now_ns() + random_below(&state, (uint32_t)most_us) * 1000ull;
	while (now_ns() < until) {
		if (yields)
			sched_yield();
	}
}
