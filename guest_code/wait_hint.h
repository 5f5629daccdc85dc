/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A NOP for loops that turn until another CPU has done something, in host and
 * guest. To a processor it is any NOP of seven bytes: one instruction, no VM
 * exit, whatever KVM intercepts. (PAUSE is left for by KVM where the processor
 * tells short loops, AMD64 APM volume 2, "Pause Intercept Filtering", Intel SDM
 * volume 3, "PAUSE-loop exiting".) The lab's emulators, whose CPUs take turns,
 * end the CPU's turn with it.
 */
#ifndef PMU_GUEST_WAIT_HINT_H
#define PMU_GUEST_WAIT_HINT_H

/* Its displacement, "WAIT", tells it from what compilers make. */
static inline void wait_hint(void)
{
	asm volatile("nopl 0x54494157(%rax)");
}

#endif
