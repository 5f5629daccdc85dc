// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/file.h"
#include "guardian.h"
#include "hotplug.h"

static void online_path(char *path, size_t size, int cpu)
{
	snprintf(path, size, "/sys/devices/system/cpu/cpu%d/online", cpu);
}

bool cpu_can_go(int cpu)
{
	char path[64];

	online_path(path, sizeof(path), cpu);
	return !access(path, W_OK);
}

int cpu_set_online(int cpu, bool online)
{
	char path[64];

	online_path(path, sizeof(path), cpu);
	return file_write(path, online ? "1" : "0");
}

/* Those that were away when this program began are not ours to bring back. */
static bool was_away[CPU_SETSIZE];

static bool is_away(int cpu)
{
	char path[64];

	online_path(path, sizeof(path), cpu);
	return file_number(path, 1) == 0;
}

void cpus_bring_back(void)
{
	for (int cpu = 0; cpu <= cpu_highest(); cpu++) {
		if (is_away(cpu) && !was_away[cpu])
			cpu_set_online(cpu, true);
	}
}

static pid_t program;

/* Cases are children that inherit this; it is not for them. */
static void back_at_exit(void)
{
	if (getpid() == program)
		cpus_bring_back();
}

int cpus_back_at_exit(void)
{
	int err = guardian_start();
	char path[64];

	for (int cpu = 0; cpu <= cpu_highest(); cpu++) {
		was_away[cpu] = is_away(cpu);
		online_path(path, sizeof(path), cpu);
		if (!err && cpu_can_go(cpu))
			err = guardian_keep(path);
	}
	program = getpid();
	atexit(back_at_exit);
	return err;
}
