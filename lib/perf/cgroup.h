/* SPDX-License-Identifier: GPL-2.0-only */
/* A cgroup of one's own, for events that count what runs in it. */
#ifndef PMU_PERF_CGROUP_H
#define PMU_PERF_CGROUP_H

#include "event.h"

/*
 * @path: the folder
 * @fd:   the same, as perf_event_open() wants it
 */
struct cgroup {
	char path[256];
	int fd;
};

/*
 * Make one below the cgroup2 mount; @name must be unused.
 * Returns 0, ENOENT where that has no events (no cgroup2 mount to write to,
 * events of a cgroup1, no CONFIG_CGROUP_PERF), or another errno.
 */
int cgroup_try_make(struct cgroup *cgroup, const char *name);

/* Move this process, with all its threads, into it. Returns 0 or an errno. */
int cgroup_enter(const struct cgroup *cgroup);

/* The same into the root of the mount. */
int cgroup_enter_root(void);

/* Back to the root of the mount, and remove the folder. */
void cgroup_leave_and_remove(struct cgroup *cgroup);

/* Open an event of what runs in the cgroup on @cpu. fd, or minus an errno. */
int cgroup_try_open_event(const struct cgroup *cgroup,
			  const struct perf_event_attr *attr, int cpu);

#endif
