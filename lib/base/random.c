// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "clock.h"
#include "random.h"

uint64_t random_seed(void)
{
	const char *given = getenv("PMU_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : now_ns();

	return seed ? seed : 1;
}

/* Marsaglia's xorshift: enough to spread delays and choices. */
uint32_t random_below(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32) % below;
}
