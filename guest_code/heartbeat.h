/* SPDX-License-Identifier: GPL-2.0-only */
/* A turn of a guest that waits for the host. */
#ifndef PMU_GUEST_HEARTBEAT_H
#define PMU_GUEST_HEARTBEAT_H

#include "wait_hint.h"
#include "record.h"

/* So much of the guest between two looks of the host that a leak shows. */
#define TURNS_A_HINT 1024

static inline void guest_heartbeat(void)
{
	if (!(++guest_record.heartbeat % TURNS_A_HINT))
		wait_hint();
}

#endif
