/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that look random and are the same again for the same seed. */
#ifndef PMU_BASE_RANDOM_H
#define PMU_BASE_RANDOM_H

#include <stdint.h>

/*
 * The seed of this run: PMU_SEED, or the clock. Never 0. It says what was
 * drawn, not what the scheduler made of it.
 */
uint64_t random_seed(void);

/* The next number below @below (not 0), advancing *@state, which is not 0. */
uint32_t random_below(uint64_t *state, uint32_t below);

#endif
