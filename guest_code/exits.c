// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"
#include "kvm_compat.h"

void guest_code_exits(void)
{
	for (;;) {
		while (!guest_record.stop) {
			guest_record.heartbeat++;
			GUEST_SYNC(0);
		}
		guest_record.ended = 1;
		GUEST_DONE();
	}
}
