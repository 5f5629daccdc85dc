// SPDX-License-Identifier: GPL-2.0-only
/*
 * D42 without the suite, without KVM, and without a library but libc: what is
 * lost of an event with the child that inherited it.
 *
 *   gcc -O2 -o children children.c
 *   ./children ended|own
 *
 * Needs two CPUs. Prints what it saw. Exit status 0: it did not show. 1: it
 * did. 2: not tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_CPU 1

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "children: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

static struct perf_event_attr instructions(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_guest = 1,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};

	return attr;
}

/* Of this task, on @cpu only, or on any (-1). */
static int open_event(const struct perf_event_attr *attr, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, 0, cpu, -1, 0);

	must(fd >= 0, "perf_event_open()");
	return fd;
}

struct value {
	uint64_t count, enabled, running;
};

static struct value value_of(int fd)
{
	struct value value;

	must(read(fd, &value, sizeof(value)) == sizeof(value), "read()");
	return value;
}

static void wait_for(pid_t child)
{
	int status;

	must(child > 0 && waitpid(child, &status, 0) == child && !status,
	     "the child");
}

/* What a child was enabled for goes with it. */
static int ended(void)
{
	struct perf_event_attr attr = instructions();
	struct value before, after;
	pid_t child;
	int fd;

	/* Not inherited: so that parent and child never swap their contexts. */
	open_event(&attr, -1);
	attr.inherit = 1;
	/* In the child, on another CPU, it is inactive. */
	fd = open_event(&attr, 0);
	before = value_of(fd);
	child = fork();
	if (!child) {
		run_on(CHILD_CPU);
		while (clock() < 3 * CLOCKS_PER_SEC / 10)
			;
		_exit(0);
	}
	wait_for(child);
	after = value_of(fd);
	printf("a child that ran for 300 ms left %.3f ms of time_enabled\n",
	       (double)(after.enabled - before.enabled) / 1e6);
	return after.enabled - before.enabled < 295000000;
}

/*
 * A program that calls exit(0), for x86-64: an ELF header, one segment, and
 * "mov $60, %eax; xor %edi, %edi; syscall". From memory: who waits for a disk
 * is switched out, and what it counted is brought up to date.
 */
static const unsigned char exits[] = {
	0x7f, 0x45, 0x4c, 0x46, 2,    1,    1,	  0, 0,	   0,	 0,   0,    0,
	0,    0,    0,	  2,	0,    0x3e, 0,	  1, 0,	   0,	 0,   0x78, 0,
	0,    0x10, 0,	  0,	0,    0,    0x40, 0, 0,	   0,	 0,   0,    0,
	0,    0,    0,	  0,	0,    0,    0,	  0, 0,	   0,	 0,   0,    0,
	0x40, 0,    0x38, 0,	1,    0,    0,	  0, 0,	   0,	 0,   0,    1,
	0,    0,    0,	  5,	0,    0,    0,	  0, 0,	   0,	 0,   0,    0,
	0,    0,    0,	  0,	0,    0x10, 0,	  0, 0,	   0,	 0,   0,    0,
	0x10, 0,    0,	  0,	0,    0x81, 0,	  0, 0,	   0,	 0,   0,    0,
	0x81, 0,    0,	  0,	0,    0,    0,	  0, 0,	   0x10, 0,   0,    0,
	0,    0,    0,	  0xb8, 0x3c, 0,    0,	  0, 0x31, 0xff, 0xf, 5,
};

static int program_in_memory(void)
{
	int fd = (int)syscall(SYS_memfd_create, "exits", 0);

	must(fd >= 0 && write(fd, exits, sizeof(exits)) == sizeof(exits),
	     "memfd_create()");
	return fd;
}

/* So does what the parent counted, if its context is the child's then. */
static int own(void)
{
	const int turns = 100000, program = program_in_memory();
	struct perf_event_attr attr = instructions();
	char *words[] = { "exits", NULL };
	uint64_t least = UINT64_MAX;
	int fd;

	attr.inherit = 1;
	attr.remove_on_exec = 1;
	fd = open_event(&attr, -1);
	for (int i = 0; i < 20; i++) {
		uint64_t before = value_of(fd).count, gained;
		pid_t child;

		for (volatile int turn = 0; turn < turns; turn++)
			;
		child = fork();
		if (!child) {
			fexecve(program, words, words + 1);
			_exit(1);
		}
		wait_for(child);
		gained = value_of(fd).count - before;
		if (gained < least)
			least = gained;
	}
	printf("of %d turns of a loop, as few as %llu instructions are counted\n",
	       turns, (unsigned long long)least);
	return least < (uint64_t)turns;
}

int main(int argc, char **argv)
{
	run_on(0);
	if (argc == 2 && !strcmp(argv[1], "ended"))
		return ended();
	if (argc == 2 && !strcmp(argv[1], "own"))
		return own();
	fprintf(stderr, "usage: children ended|own\n");
	return 2;
}
