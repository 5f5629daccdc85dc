/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test module selftests/test_modules/perf_guest_calls.c: perf's guest
 * interface called without a guest. Each call is made on the CPU of the caller,
 * who must be bound to it.
 */
#ifndef PMU_HOST_CALLS_H
#define PMU_HOST_CALLS_H

#include <stdint.h>

/*
 * Load the module that lies beside the program.
 * Returns 0, ENOENT if there is none, ENOEXEC if it is another kernel's, or
 * another errno.
 */
int calls_load(void);

/* Remove it; CPUs left after "enter" are left. Returns 0 or an errno. */
int calls_unload(void);

/* @call: "enter", "exit", "enter-on", "exit-on". Returns 0 or an errno. */
int calls_make(const char *call);

/*
 * Make @rounds pairs of enter and exit on this CPU.
 * Stores in *@least and *@most what one pair took beyond measuring nothing, in
 * counts of the time stamp counter. Returns 0 or an errno.
 */
int calls_cost(unsigned int rounds, uint64_t *least, uint64_t *most);

#endif
