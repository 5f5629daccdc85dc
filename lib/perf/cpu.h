/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs, and small files that say how the machine is set. */
#ifndef PMU_PERF_CPU_H
#define PMU_PERF_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bind the calling thread to @cpu. Returns 0 or an errno. */
int cpu_pin_self(int cpu);

/* Is this an AMD CPU? */
bool cpu_is_amd(void);

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

/* Can @cpu be taken offline? */
bool cpu_can_go(int cpu);

/* Take @cpu offline, or back. Returns 0 or an errno. */
int cpu_set_online(int cpu, bool online);

/* Bring back the CPUs that were there when cpus_back_at_exit() was called. */
void cpus_bring_back(void);

/*
 * Have them back at the end of this program, however that ends. Returns 0 or an
 * errno.
 */
int cpus_back_at_exit(void);

/* Number of CPUs online, and the highest number that a CPU can have. */
int cpu_count(void);
int cpu_highest(void);

/* Is @cpu there, and online? */
bool cpu_is_online(int cpu);

/*
 * Read a small text file into @buffer of @size bytes, without the newline.
 * Returns 0 or an errno.
 */
int file_read(const char *path, char *buffer, size_t size);

/* Write @text to an existing file. Returns 0 or an errno. */
int file_write(const char *path, const char *text);

/* Read a number, or a Y or N as 1 or 0. Returns @otherwise if unreadable. */
long file_number(const char *path, long otherwise);

#endif
