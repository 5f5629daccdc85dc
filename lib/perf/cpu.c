// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sync/guardian.h"
#include "cpu.h"

#define MSR_SMI_COUNT 0x34

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

int file_read(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int err;

	if (fd < 0)
		return errno;
	got = read(fd, buffer, size - 1);
	err = errno;
	close(fd);
	if (got < 0)
		return err;
	buffer[got] = 0;
	buffer[strcspn(buffer, "\n")] = 0;
	return 0;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t put;
	int err;

	if (fd < 0)
		return errno;
	put = write(fd, text, strlen(text));
	err = put < 0 ? errno : 0;
	close(fd);
	return err;
}

long file_number(const char *path, long otherwise)
{
	char text[32], *end;
	long value;

	if (file_read(path, text, sizeof(text)))
		return otherwise;
	if (!strcmp(text, "Y"))
		return 1;
	if (!strcmp(text, "N"))
		return 0;
	value = strtol(text, &end, 0);
	return end == text ? otherwise : value;
}

bool cpu_is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

static int64_t nth_number(const char *text, int n)
{
	char *end;

	for (;;) {
		long long value = strtoll(text, &end, 10);

		if (end == text)
			return -1;
		if (!n--)
			return value;
		text = end;
	}
}

int64_t cpu_interrupts(const char *name, int cpu)
{
	FILE *file = fopen("/proc/interrupts", "re");
	int64_t found = -1, all = 0;
	char line[8192];

	while (file && found < 0 && fgets(line, sizeof(line), file)) {
		char *label = line + strspn(line, " ");
		size_t length = strcspn(label, ":");
		int64_t count;

		if (!label[length])
			continue;
		count = nth_number(label + length + 1, cpu);
		all += count > 0 ? count : 0;
		if (name && strlen(name) == length &&
		    !strncmp(label, name, length))
			found = count;
	}
	if (file)
		fclose(file);
	return name ? found : all;
}

int64_t cpu_smis(int cpu)
{
	uint32_t count[2] = { 0 };
	char path[64];
	int fd;

	if (cpu_is_amd())
		return 0;
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, count, sizeof(count), MSR_SMI_COUNT) != sizeof(count))
		count[0] = 0;
	close(fd);
	return count[0];
}

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

/* Numbers may have gaps: what counts is the end of a list like "0-3,8-11". */
static int cpus_there_are(void)
{
	char list[256], *last;
	long highest;

	if (file_read("/sys/devices/system/cpu/possible", list, sizeof(list)))
		return (int)sysconf(_SC_NPROCESSORS_CONF);
	last = list + strlen(list);
	while (last > list && last[-1] != '-' && last[-1] != ',')
		last--;
	highest = strtol(last, NULL, 10);
	return highest < CPU_SETSIZE ? (int)highest + 1 : CPU_SETSIZE;
}

int cpu_highest(void)
{
	return cpus_there_are() - 1;
}

bool cpu_is_online(int cpu)
{
	char path[64];

	online_path(path, sizeof(path), cpu);
	/* One that cannot go has no such file. */
	if (!access(path, F_OK))
		return file_number(path, 0) == 1;
	*strrchr(path, '/') = 0;
	return !access(path, F_OK);
}

void cpus_bring_back(void)
{
	for (int cpu = 0; cpu < cpus_there_are(); cpu++) {
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

	for (int cpu = 0; cpu < cpus_there_are(); cpu++) {
		was_away[cpu] = is_away(cpu);
		online_path(path, sizeof(path), cpu);
		if (!err && cpu_can_go(cpu))
			err = guardian_keep(path);
	}
	program = getpid();
	atexit(back_at_exit);
	return err;
}
