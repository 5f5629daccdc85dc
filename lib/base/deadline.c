// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "deadline.h"
#include "delay.h"

/* Long enough for an answer that is on its way, and a moment's rest. */
#define TURNING_NS 20000
#define BRIEF_NS 20000

#define MOMENT_MS 15000
#define MOST_PATIENCE 20

unsigned int patience_ms(void)
{
	const char *given = getenv("PMU_PATIENCE");
	long times = given ? strtol(given, NULL, 10) : 1;

	if (times < 1)
		times = 1;
	else if (times > MOST_PATIENCE)
		times = MOST_PATIENCE;
	return MOMENT_MS * (unsigned int)times;
}

struct deadline deadline_after_ms(unsigned int ms)
{
	return (struct deadline){ .at_ns = now_ns() + ms * 1000000ull };
}

bool deadline_passed(const struct deadline *deadline)
{
	return now_ns() >= deadline->at_ns;
}

bool wait_at_least(const volatile uint64_t *value, uint64_t target,
		   const struct deadline *deadline)
{
	const struct timespec brief = { .tv_nsec = BRIEF_NS };
	uint64_t turning_until = now_ns() + TURNING_NS;

	while (*value < target) {
		if (deadline_passed(deadline))
			return *value >= target;
		/*
		 * Where the CPUs are threads of a busy machine, one that turns
		 * takes the time of the one it waits for.
		 */
		if (now_ns() < turning_until)
			sched_yield();
		else
			nanosleep(&brief, NULL);
	}
	delay_at_witness();
	return true;
}
