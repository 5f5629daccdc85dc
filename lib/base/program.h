/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that a process can become without a wait: it lies in memory and has
 * no loader. Its exit status is how often the process was switched out so far
 * (getrusage(), ru_nvcsw and ru_nivcsw), as far as that fits.
 */
#ifndef PMU_BASE_PROGRAM_H
#define PMU_BASE_PROGRAM_H

/* What of that number is in the exit status. */
#define PROGRAM_SWITCHES 0xff

/* Returns a file descriptor to execute, or -1 and errno. */
int program_open(void);

/* Become that program. Returns only if it cannot, with errno. */
void program_execute(int fd);

#endif
