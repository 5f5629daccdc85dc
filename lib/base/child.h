/* SPDX-License-Identifier: GPL-2.0-only */
/* A child process that does nothing but hold what it inherited. */
#ifndef PMU_BASE_CHILD_H
#define PMU_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * @pid:     the child
 * @release: closing this lets it end
 */
struct child {
	pid_t pid;
	int release;
};

/*
 * Fork one that is gone at once. It shares the memory until then, so that no
 * page table changes and no CPU is interrupted for it. Returns 0 or an errno.
 */
int child_try_brief(void);

/*
 * Fork one that goes @turns times round work() and ends, and wait for it.
 * Returns 0 or an errno.
 */
int child_try_work(unsigned int turns);

/* Fork one. Returns 0 or an errno. */
int child_start(struct child *child);

/*
 * Wait until child @pid, however it was made, sleeps (/proc/PID/stat). Returns
 * false if it did not within @ms milliseconds.
 */
bool child_falls_asleep(pid_t pid, unsigned int ms);

/* Let it end, or kill it; it is gone when these return 0, else an errno. */
int child_end(struct child *child);
int child_kill(struct child *child);

#endif
