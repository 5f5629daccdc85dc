/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delays of random length where a case hands over to another thread or takes a
 * witness's word: what holds only because the next step comes soon enough does
 * not hold with them. Off unless PMU_DELAY_US is set; for scripts/soak.
 */
#ifndef PMU_BASE_DELAY_H
#define PMU_BASE_DELAY_H

/*
 * Spend up to PMU_DELAY_US microseconds, drawn from PMU_SEED: turning, or
 * giving the CPU away again and again, because the two make different races.
 */
void delay_at_witness(void);

#endif
