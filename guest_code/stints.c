// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"
#include "vm/kvm_compat.h"

/* Long enough to be caught inside by a reader, short enough to come often. */
#define BEATS_A_STINT 4096

void guest_stints(void)
{
	while (!guest_record.stop) {
		for (int beat = 0; beat < BEATS_A_STINT; beat++)
			guest_record.beats++;
		GUEST_SYNC(0);
	}
	guest_record.ended = 1;
	GUEST_DONE();
}
