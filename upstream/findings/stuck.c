// SPDX-License-Identifier: GPL-2.0-only
/*
 * D47 without the suite, without KVM, and without a library but libc: the last
 * event of a cgroup goes to ERROR on a CPU, which counts nothing any more until
 * it is booted again.
 *
 *   gcc -O2 -o stuck stuck.c
 *   ./stuck
 *
 * Needs root, cgroup2 and two CPUs; CPU 1 is the one that it breaks.
 * Prints what it saw. Exit status 0: it did not show. 1: it did. 2: not tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BROKEN_CPU 1
/* More than any CPU has counters. */
#define EVENTS 32

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stuck: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

static void work(void)
{
	for (volatile int i = 0; i < 100000; i++)
		;
}

/* Of everything on the CPU, or of the cgroup whose folder it is. */
static int open_event(int cgroup, int pinned)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.pinned = (unsigned int)pinned,
		.exclude_guest = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, cgroup, BROKEN_CPU,
			      -1, cgroup < 0 ? 0 : PERF_FLAG_PID_CGROUP);

	must(fd >= 0, "perf_event_open()");
	return fd;
}

/* Returns 0 if the event is in ERROR. */
static int can_read(int fd, uint64_t *count)
{
	return read(fd, count, sizeof(*count)) == sizeof(*count);
}

static uint64_t instructions_of_work(void)
{
	uint64_t count = 0;
	int fd;

	run_on(BROKEN_CPU);
	fd = open_event(-1, 0);
	work();
	must(can_read(fd, &count), "read()");
	close(fd);
	run_on(0);
	return count;
}

static void enter(const char *root, const char *name)
{
	char path[192];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", root, name);
	fd = open(path, O_WRONLY);
	must(fd >= 0 && write(fd, "0", 1) == 1, path);
	close(fd);
}

int main(void)
{
	const char *root = access("/sys/fs/cgroup/cgroup.procs", F_OK)
				   ? "/sys/fs/cgroup/unified"
				   : "/sys/fs/cgroup";
	uint64_t before, after, count;
	int all[EVENTS], size = 0, folder, last, starved;
	char path[128];

	run_on(0);
	before = instructions_of_work();
	must(before > 0, "a CPU that counts");
	/* Until one finds no counter. */
	do {
		all[size] = open_event(-1, 1);
	} while (can_read(all[size++], &count) && size < EVENTS);
	snprintf(path, sizeof(path), "%s/stuck-%d", root, (int)getpid());
	must(!mkdir(path, 0700), path);
	folder = open(path, O_RDONLY | O_DIRECTORY);
	must(folder >= 0, path);
	enter(root, path + strlen(root) + 1);
	last = open_event(folder, 1);
	/* Its cgroup comes to the CPU. */
	run_on(BROKEN_CPU);
	work();
	run_on(0);
	starved = !can_read(last, &count);
	close(last);
	close(folder);
	while (size)
		close(all[--size]);
	enter(root, "");
	rmdir(path);
	must(starved, "a pinned event without a counter");
	after = instructions_of_work();
	printf("the same work: %llu instructions before, %llu after\n",
	       (unsigned long long)before, (unsigned long long)after);
	return !after;
}
