/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs that go offline and come back. */
#ifndef PMU_HOST_HOTPLUG_H
#define PMU_HOST_HOTPLUG_H

#include <stdbool.h>

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

#endif
