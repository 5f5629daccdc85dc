/* SPDX-License-Identifier: GPL-2.0-only */
/* Several events at once: groups, and events that compete for fewer counters.
 */
#ifndef PMU_PERF_GROUP_H
#define PMU_PERF_GROUP_H

#include "event.h"

#define GROUP_MAX 4
/* More than any core PMU has counters. */
#define COMPETITORS_MAX 32

/*
 * A group of core events.
 * @fd:      the leader first
 * @size:    members
 * @include: bit i: member i counts in the guest, too
 */
struct group {
	int fd[GROUP_MAX];
	int size;
	unsigned int include;
};

/*
 * Open @group->size events of the core PMU, all or none; @pinned is the
 * leader's. Returns 0 or an errno.
 */
int group_try_open(struct group *group, pid_t task, int cpu, bool pinned);
void group_close(struct group *group);

/* How many members include the guest. */
int group_includes(const struct group *group);

/* How many members from @first on are at the end of file (ERROR). */
int group_eofs(const struct group *group, int first);

/* Events of the core PMU that exclude the guest, on one CPU or of one task. */
struct competitors {
	int fd[COMPETITORS_MAX];
	int size;
};

/* Open @size flexible ones. Returns 0 or an errno, and then none is open. */
int competitors_try_open(struct competitors *competitors, int size, pid_t task,
			 int cpu);

/*
 * Open pinned ones of @cpu until one finds no counter, and close that one: all
 * counters are taken. @competitors->size is their number. Returns 0 or an
 * errno.
 */
int competitors_take_counters(struct competitors *competitors, int cpu);
void competitors_close(struct competitors *competitors);

/* Close the last ones, until @size are left. */
void competitors_leave(struct competitors *competitors, int size);

/*
 * Open @size flexible ones of @cpu, more than it has counters for; *@counters
 * takes how many it has. Returns 0 or an errno, and then none is open.
 */
int competitors_try_outnumber(struct competitors *competitors, int size,
			      int cpu, int64_t *counters);

/*
 * How many counters of @cpu are free for what the hard-lockup watchdog counts,
 * cycles: on a CPU with a fixed counter for them, others cannot tell that it
 * has one (watchdog_perf.c). Returns -1 if that cannot be found out.
 */
int counters_free(int cpu);

#endif
