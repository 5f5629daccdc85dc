/* SPDX-License-Identifier: GPL-2.0-only */
/* The time, for all of the suite but guardians. */
#ifndef PMU_BASE_CLOCK_H
#define PMU_BASE_CLOCK_H

#include <stdint.h>
#include <sys/types.h>

/* CLOCK_MONOTONIC_RAW in nanoseconds: like the event clock, never slewed. */
uint64_t now_ns(void);

/* Turn until it is so late, without leaving the CPU to another task. */
void busy_until(uint64_t at_ns);

/* CPU time of this process and of its children that are gone, in nanoseconds.
 */
uint64_t cpu_time_ns(void);

/* CPU time of the thread @tid of this process, in nanoseconds; 0 if it is gone.
 */
uint64_t thread_time_ns(pid_t tid);

#endif
