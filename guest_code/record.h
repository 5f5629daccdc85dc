/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one thing guest and host share: a record the guest code writes and the
 * host reads while it runs. Fixed-width types only.
 *
 * @heartbeat: the guest's progress, one more with every iteration of its loop
 * @stop:  set by the host: leave at the next turn
 * @ended: set by the guest code as its last act; without it the record is void
 */
#ifndef PMU_GUEST_RECORD_H
#define PMU_GUEST_RECORD_H

#include <stdint.h>

struct guest_record {
	volatile uint64_t heartbeat;
	volatile uint64_t stop;
	volatile uint64_t ended;
};

extern struct guest_record guest_record;

/* Turn without leaving the guest until told to stop. */
void guest_code_spin(void);

/* Leave the guest with every turn, until told to stop. */
void guest_code_exits(void);

#endif
