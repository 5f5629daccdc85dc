/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest whose vCPU thread is of a cgroup, and an event of that cgroup. */
#ifndef PMU_SELFTESTS_CGROUP_GUEST_H
#define PMU_SELFTESTS_CGROUP_GUEST_H

#include <errno.h>

#include "beside_guest.h"
#include "perf/cgroup.h"

/*
 * Make both, see that the event counts @turns of work, and then what its times
 * gain as guest_between_reads() does. The cgroup is gone in the end; @guest and
 * @fd are the caller's.
 * Returns 0, ENOENT where cgroups have no events, or another errno.
 */
static inline int cgroup_guest_between_reads(struct guest *guest, int *fd,
					     bool exclude_guest,
					     unsigned int turns,
					     struct scenario *s,
					     struct observation *o)
{
	struct perf_event_attr attr;
	struct cgroup cgroup;
	int err = cgroup_try_make(&cgroup, "pmu-times");

	if (err)
		return err;
	guest_create(guest, guest_code_spin, GUEST_CPU);
	err = event_describe(&attr, PMU_CORE);
	attr.exclude_guest = exclude_guest;
	if (!err)
		err = cgroup_enter(&cgroup);
	if (!err) {
		*fd = cgroup_try_open_event(&cgroup, &attr, GUEST_CPU);
		err = *fd < 0 ? -*fd : 0;
	}
	s->exclude_guest = exclude_guest;
	if (!err) {
		o->counted_before = guest_gain(guest, *fd, turns);
		if (!guest_settle(guest, patience_ms()) ||
		    !guest_between_reads(guest, *fd, TASK_TIME, s, o))
			err = ETIMEDOUT;
	}
	cgroup_leave_and_remove(&cgroup);
	return err;
}

#endif
