// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "file.h"

int cpu_pin_self(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? errno : 0;
}

int cpu_count(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

bool cpu_is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

/* Numbers may have gaps: what counts is the end of a list like "0-3,8-11". */
int cpu_highest(void)
{
	char list[256], *last;
	long highest;

	if (file_read("/sys/devices/system/cpu/possible", list, sizeof(list)))
		return (int)sysconf(_SC_NPROCESSORS_CONF) - 1;
	last = list + strlen(list);
	while (last > list && last[-1] != '-' && last[-1] != ',')
		last--;
	highest = strtol(last, NULL, 10);
	return highest < CPU_SETSIZE ? (int)highest : CPU_SETSIZE - 1;
}

bool cpu_is_online(int cpu)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online",
		 cpu);
	/* One that cannot go has no such file. */
	if (!access(path, F_OK))
		return file_number(path, 0) == 1;
	*strrchr(path, '/') = 0;
	return !access(path, F_OK);
}
