/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts that a CPU took, as the kernel and the processor count them. */
#ifndef PMU_HOST_INTERRUPTS_H
#define PMU_HOST_INTERRUPTS_H

#include <stdint.h>

/*
 * Interrupts of @cpu so far, from the line @name (as "NMI") of
 * /proc/interrupts, or of all lines with NULL. Returns -1 if there is no such
 * line or CPU.
 */
int64_t cpu_interrupts(const char *name, int cpu);

/*
 * System management interrupts of @cpu so far, which take time and instructions
 * from whoever runs, and say so to nobody: MSR_SMI_COUNT (Intel SDM volume 4).
 * Returns 0 where that cannot be read; on AMD one in a guest is a VM exit.
 */
int64_t cpu_smis(int cpu);

#endif
