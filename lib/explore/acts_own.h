/* SPDX-License-Identifier: GPL-2.0-only */
/* What acts.c and acts_guest.c share; nobody else includes it. */
#ifndef PMU_EXPLORE_ACTS_OWN_H
#define PMU_EXPLORE_ACTS_OWN_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define GUEST_CPU 1
#define PATIENCE_S 20

/* Exit status of a process that could not do what must work. */
#define CANNOT 3

static inline void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# cannot: %s: %s\n", what, strerror(errno));
	_exit(CANNOT);
}

static inline void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

/* Start the threads of the guests. */
void guests_begin(void);

/* The thread that enters a guest. */
pid_t guest_tid(int slot);

#endif
