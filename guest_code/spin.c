// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"
#include "kvm_compat.h"
#include "heartbeat.h"

struct guest_record guest_record;

void guest_code_spin(void)
{
	for (;;) {
		while (!guest_record.stop)
			guest_heartbeat();
		guest_record.ended = 1;
		GUEST_DONE();
	}
}
