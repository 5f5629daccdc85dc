/* SPDX-License-Identifier: GPL-2.0-only */
/* A turn of a guest that waits for the host. */
#ifndef PMU_GUEST_HEARTBEAT_H
#define PMU_GUEST_HEARTBEAT_H

#include "wait_hint.h"
#include "record.h"

/* What the host looks for in the guest's counts must be more than a few. */
#define TURNS_A_HINT 1024

static inline void guest_heartbeat(void)
{
	if (!(++guest_record.heartbeat % TURNS_A_HINT))
		wait_hint();
}

#endif
