// SPDX-License-Identifier: GPL-2.0-only
/*
 * D48 without the suite, without KVM, and without a library but libc: two
 * events of a group overflow together, one is throttled, and the other one is
 * not heard of again.
 *
 *   gcc -O2 -o throttled throttled.c
 *   ./throttled
 *
 * Needs root, to lower kernel.perf_event_max_sample_rate for the time it runs.
 * Prints what it saw. Exit status 0: it did not show. 1: it did. 2: not tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RATE "/proc/sys/kernel/perf_event_max_sample_rate"
#define PERCENT "/proc/sys/kernel/perf_cpu_time_max_percent"
#define PERIOD 10000
#define SECONDS 1

/* As they were before: -1 while they still are. */
static long rate = -1, percent = -1;

static long get(const char *path)
{
	FILE *file = fopen(path, "r");
	long value = -1;

	if (file && fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

static int set(const char *path, long value)
{
	FILE *file = fopen(path, "w");
	int good = file && fprintf(file, "%ld\n", value) > 0;

	if (file)
		good &= !fclose(file);
	return good;
}

static void put_back(void)
{
	if (rate >= 0)
		set(RATE, rate);
	if (percent >= 0)
		set(PERCENT, percent);
}

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "throttled: %s: %s\n", what, strerror(errno));
	exit(2);
}

static volatile sig_atomic_t told;

static void leave(int signal)
{
	told = signal;
}

/* The rate can only be changed where there is a limit of time as well. */
static void allow_one_sample_a_tick(void)
{
	long limit = get(PERCENT), most = get(RATE);

	must(limit >= 0 && most >= 0, RATE);
	atexit(put_back);
	signal(SIGINT, leave);
	signal(SIGTERM, leave);
	if (limit == 0 || limit == 100) {
		percent = limit;
		must(set(PERCENT, 25), PERCENT);
	}
	rate = most;
	must(set(RATE, 1), RATE);
}

static int open_event(int leader)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.sample_period = PERIOD,
		.sample_type = PERF_SAMPLE_IP,
		.exclude_kernel = 1,
		.disabled = leader < 0,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, 0);

	must(fd >= 0, "perf_event_open()");
	return fd;
}

static struct perf_event_mmap_page *map_ring(int fd)
{
	void *map =
		mmap(NULL, 9 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	must(map != MAP_FAILED, "mmap()");
	return map;
}

/* What the ring has of them; it is empty then. */
static int take_samples(struct perf_event_mmap_page *ring)
{
	const char *data = (const char *)ring + ring->data_offset;
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = ring->data_tail;
	int samples = 0;

	while (at < head) {
		const struct perf_event_header *header =
			(const void *)(data + at % ring->data_size);

		samples += header->type == PERF_RECORD_SAMPLE;
		at += header->size;
	}
	__atomic_store_n(&ring->data_tail, at, __ATOMIC_RELEASE);
	return samples;
}

int main(void)
{
	struct perf_event_mmap_page *ring[2];
	uint64_t count[2] = { 0 };
	int fd[2], samples[2] = { 0 };
	time_t end;

	allow_one_sample_a_tick();
	fd[0] = open_event(-1);
	fd[1] = open_event(fd[0]);
	for (int i = 0; i < 2; i++)
		ring[i] = map_ring(fd[i]);
	must(!ioctl(fd[0], PERF_EVENT_IOC_ENABLE, 0), "ENABLE");
	end = time(NULL) + 1 + SECONDS;
	while (time(NULL) < end && !told) {
		for (int i = 0; i < 2; i++)
			samples[i] += take_samples(ring[i]);
	}
	must(!ioctl(fd[0], PERF_EVENT_IOC_DISABLE, 0), "DISABLE");
	for (int i = 0; i < 2; i++) {
		must(read(fd[i], &count[i], sizeof(count[i])) ==
			     sizeof(count[i]),
		     "read()");
		printf("%s: %llu instructions, %d samples\n",
		       i ? "sibling" : "leader", (unsigned long long)count[i],
		       samples[i]);
	}
	must(samples[0] + samples[1] > 1 && count[1] > 10 * PERIOD,
	     "a group that counts and samples");
	/* Being scheduled out and in helps the other one. */
	return samples[0] < samples[1] / 2 || samples[1] < samples[0] / 2;
}
