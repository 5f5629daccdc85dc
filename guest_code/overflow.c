// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD64 APM volume 2, "Performance Monitor Counters" and "Core PMC Overflow".
 * Interrupts stay off in the guest: what is pending is enough.
 */
#include "record.h"
#include "kvm_compat.h"

#include "apic.h"

#ifndef APIC_LVTPC
#define APIC_LVTPC 0x340
#endif
#define PERF_CTL0 0xc0010200
#define PERF_CTR0 0xc0010201
#define PERF_CNTR_GLOBAL_CTL 0xc0000301
#define PERF_CNTR_GLOBAL_STATUS_CLR 0xc0000302
#define RETIRED_INSTRUCTIONS 0xc0
#define COUNT_USER_AND_OS (3ull << 16)
#define INTERRUPT (1ull << 20)
#define ENABLE (1ull << 22)
#define PMI_VECTOR 0x40
#define BEFORE_OVERFLOW 5000

void guest_code_overflow(void)
{
	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, PMI_VECTOR);
	wrmsr(PERF_CTL0,
	      RETIRED_INSTRUCTIONS | COUNT_USER_AND_OS | INTERRUPT | ENABLE);
	wrmsr(PERF_CNTR_GLOBAL_CTL, 1);
	while (!guest_record.stop) {
		guest_record.beats++;
		wrmsr(PERF_CNTR_GLOBAL_STATUS_CLR, 1);
		wrmsr(PERF_CTR0, -(uint64_t)BEFORE_OVERFLOW);
		for (volatile int turn = 0; turn < BEFORE_OVERFLOW; turn++)
			;
	}
	wrmsr(PERF_CNTR_GLOBAL_CTL, 0);
	guest_record.ended = 1;
	GUEST_DONE();
}
