/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts for other CPUs, as many as they take: reading an event that is on
 * interrupts its CPU (perf_event_read()), and a guest there is left for it.
 * None of the guest's instructions is emulated for such an exit, and none
 * faults.
 */
#ifndef PMU_PERF_KICKS_H
#define PMU_PERF_KICKS_H

struct kicks;

/*
 * Interrupt the online CPUs from @first to @last, in turn, from a thread on CPU
 * 0, until kicks_stop(). Returns NULL if the events cannot be opened.
 */
struct kicks *kicks_start(int first, int last);
void kicks_stop(struct kicks *kicks);

#endif
