// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <time.h>

#include "deadline.h"
#include "delay.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
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
	while (*value < target) {
		if (deadline_passed(deadline))
			return *value >= target;
		sched_yield();
	}
	delay_at_witness();
	return true;
}
