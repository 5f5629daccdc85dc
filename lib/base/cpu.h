/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs. */
#ifndef PMU_BASE_CPU_H
#define PMU_BASE_CPU_H

#include <stdbool.h>

/* Bind the calling thread to @cpu. Returns 0 or an errno. */
int cpu_pin_self(int cpu);

/* Is this an AMD CPU? */
bool cpu_is_amd(void);

/* Number of CPUs online, and the highest number that a CPU can have. */
int cpu_count(void);
int cpu_highest(void);

/* Is @cpu there, and online? */
bool cpu_is_online(int cpu);

#endif
