/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts for other CPUs: reading an event that is on
 * interrupts its CPU (perf_event_read()), and a guest there is left for it.
 * None of the guest's instructions is emulated for such an exit, and none
 * faults.
 */
#ifndef PMU_PERF_KICKS_H
#define PMU_PERF_KICKS_H

struct kicks;

/*
 * Interrupt the online CPUs from @first to @last, in turn, fewer than 2000
 * times a second, until kicks_stop(): CPU 0 from CPU 1, all others from CPU 0.
 * Returns NULL if that cannot be done.
 */
struct kicks *kicks_start(int first, int last);
void kicks_stop(struct kicks *kicks);

#endif
