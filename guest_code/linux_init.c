// SPDX-License-Identifier: GPL-2.0-only
/*
 * The init of a Linux guest: counts and samples a program of its own with
 * perf_event_open(2), and writes what it saw to the VMM's port, a line each:
 *
 *   counted N M    events of user space for WORK and for twice WORK, each
 *                  NONE_CERTAIN if no value came several times
 *   rdpmc N M      the same, read by RDPMC
 *   sampled S L    samples, and samples lost
 *   midway         while one of these counts
 *   failed WHERE ERRNO
 *   end
 */
#include <linux/perf_event.h>

#include "linux_program.h"

/* Each begins so many turns later, lest a tick hits all at the same place. */
#define LATER 5003ul
#define RING_PAGES 8
#define PAGE 4096

static int open_event(unsigned long period)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.sample_period = period,
		.sample_type = period ? PERF_SAMPLE_IP : 0,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		fail("failed perf_event_open", errno);
	return fd;
}

static struct perf_event_mmap_page *map_event(int fd, int pages)
{
	void *page = mmap(0, (1 + pages) * PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		fail("failed mmap", errno);
	return page;
}

static unsigned long value_of(int fd)
{
	unsigned long value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		fail("failed read", errno);
	return value;
}

static unsigned long count(int fd, unsigned long instructions)
{
	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	work(instructions);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return value_of(fd);
}

static inline unsigned long rdpmc(unsigned int index)
{
	unsigned int low, high;

	__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(index));
	return low | (unsigned long)high << 32;
}

/* As perf_event_open(2) says of struct perf_event_mmap_page. */
static inline unsigned long
value_here(const volatile struct perf_event_mmap_page *page)
{
	unsigned int sequence, index, unused;
	unsigned long value;

	do {
		sequence = page->lock;
		__asm__ volatile("" ::: "memory");
		index = page->index;
		if (!page->cap_user_rdpmc || !index)
			fail("failed rdpmc", 0);
		unused = 64 - page->pmc_width;
		value = page->offset +
			((long)(rdpmc(index - 1) << unused) >> unused);
		__asm__ volatile("" ::: "memory");
	} while (page->lock != sequence);
	return value;
}

static struct perf_event_mmap_page *read_here;

static unsigned long count_here(int fd, unsigned long instructions)
{
	unsigned long from = value_here(read_here);

	work(instructions);
	return value_here(read_here) - from;
}

typedef unsigned long measure_fn(int fd, unsigned long instructions);

/* The compiler does not see what it calls, so that it is one piece of code. */
static measure_fn *volatile measure;
static int measured;

static void measure_often(unsigned long instructions,
			  struct seen seen[ATTEMPTS])
{
	for (unsigned long i = 0; i < ATTEMPTS; i++) {
		turn(1 + i * LATER);
		note(seen, measure(measured, instructions));
	}
}

static unsigned long lost_at(const char *data, unsigned long at)
{
	unsigned long lost;

	/* struct { header; id; lost; } and all of it aligned to eight bytes */
	memcpy(&lost, data + (at + 16) % (RING_PAGES * PAGE), sizeof(lost));
	return lost;
}

static void sample(void)
{
	int fd = open_event(LINUX_INIT_PERIOD);
	struct perf_event_mmap_page *page = map_event(fd, RING_PAGES);
	const char *data = (const char *)page + PAGE;
	unsigned long seen[2] = { 0 };

	count(fd,
	      LINUX_INIT_SAMPLES * LINUX_INIT_PERIOD + LINUX_INIT_PERIOD / 2);
	for (unsigned long at = 0; at < page->data_head;) {
		const struct perf_event_header *header =
			(const void *)(data + at % (RING_PAGES * PAGE));

		if (header->type == PERF_RECORD_SAMPLE)
			seen[0]++;
		if (header->type == PERF_RECORD_LOST)
			seen[1] += lost_at(data, at);
		at += header->size;
	}
	say("sampled", seen, 2);
}

int main(void)
{
	if (open_ports())
		return 1;
	allow_samples();
	measured = open_event(0);
	measure = count;
	count_pieces("counted", measure_often);
	read_here = map_event(measured, 0);
	ioctl(measured, PERF_EVENT_IOC_ENABLE, 0);
	measure = count_here;
	count_pieces("rdpmc", measure_often);
	close(measured);
	sample();
	end();
}
