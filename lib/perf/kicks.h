/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of CPUs by the timers of their own sampling clocks
 * (perf_swevent_hrtimer()). A guest there is left for each: none of its
 * instructions is emulated for that, and none faults.
 */
#ifndef PMU_PERF_KICKS_H
#define PMU_PERF_KICKS_H

struct kicks;

/*
 * Interrupt the online CPUs from @first to @last, each 2000 times a second,
 * until kicks_stop(). Returns NULL if the events cannot be opened.
 */
struct kicks *kicks_start(int first, int last);
void kicks_stop(struct kicks *kicks);

#endif
