// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/deadline.h"
#include "../base/work.h"
#include "../host/interrupts.h"
#include "../perf/event.h"
#include "../perf/kicks.h"
#include "calibrated.h"
#include "counting.h"
#include "guest_calibrate.h"

#define EVENTS 2
#define TRIES 3
#define GUEST_CPU 1
/* Pages touched in the one measurement, and in the other. */
#define FEW_PAGES 10
#define MANY_PAGES (GUEST_PAGES - 1)
/* A guest that is interrupted at least so often, and how long it works for
 * that. */
#define FEW_KICKS 10
#define MANY_KICKS 31
#define KICKED_TURNS 20000

#define WORK_TURNS 2000
#define QUIET_TRIES 20
#define FAULT_PAGES 32
#define TICKS 8
#define TICKS_MOST 64
#define STRETCHES_MOST 1000
#define SAMPLE_PERIOD 20011
#define SAMPLES 20
#define RING_PAGES 8

/*
 * What the entries after so many exits of one kind added to both events;
 * *@entries takes how many there were. Returns 0 or EIO.
 */
static int entries_added(struct guest *guest, struct counting *counting,
			 int64_t least, int64_t added[EVENTS], int64_t *entries)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct counted counted;

	for (unsigned int i = 0; i < EVENTS; i++)
		counting->eventsel[i] = pmu_select(
			&counting->pmu, (enum pmu_event)i, PMU_USER | PMU_OS);
	/* Those of the shorter run are taken off, too. */
	do {
		if (counting_run_on(guest, counting, 1, NULL, NULL, &counted) ||
		    counted.entries == NOT_KNOWN || deadline_passed(&deadline))
			return EIO;
		if (counting->op == GUEST_WORK && counted.entries < least)
			counting->times *= 2;
	} while (counted.entries < least);
	*entries = counted.entries;
	for (unsigned int i = 0; i < EVENTS; i++)
		added[i] = counted.gained[i] - counting_work(counting->op,
							     (enum pmu_event)i,
							     counted.times);
	return 0;
}

/* Twice, with a different number of entries: each must add the same. */
static struct calibrating measure_twice(struct guest *guest,
					const struct pmu *pmu, enum guest_op op,
					int64_t *each[EVENTS])
{
	const bool faults = op == GUEST_TOUCH;
	struct counting few = {
		.pmu = *pmu,
		.op = op,
		.times = faults ? FEW_PAGES : KICKED_TURNS,
		.interrupted = true,
	};
	struct counting many = {
		.pmu = *pmu,
		.op = op,
		.times = faults ? MANY_PAGES : 2 * KICKED_TURNS,
		.interrupted = true,
	};
	struct calibrating result = { 0 };
	int64_t added[2][EVENTS], entries[2];

	if (entries_added(guest, &few, faults ? FEW_PAGES / 2 : FEW_KICKS,
			  added[0], &entries[0]) ||
	    entries_added(guest, &many, faults ? MANY_PAGES / 2 : MANY_KICKS,
			  added[1], &entries[1]))
		result.err = EIO;
	for (unsigned int i = 0; i < EVENTS && !result.err; i++) {
		const int64_t both[2] = { added[0][i], added[1][i] };

		result.event = (enum pmu_event)i;
		result.first[0] = both[0];
		result.first[1] = entries[0];
		result.second[0] = both[1];
		result.second[1] = entries[1];
		result.err = calibration_of_entries(both, entries, each[i]);
		if (!result.err)
			continue;
		*each[i] = NOT_KNOWN;
		/* Of some processors it is known that they do. */
		if (calibration_known() &&
		    !calibration_entries_alike((enum pmu_event)i))
			result.err = 0;
	}
	return result;
}

/*
 * Of two kinds of exit for which no instruction of the guest is emulated:
 * interrupts of the host, and nested page faults. What comes to the guest's own
 * work is what the entries after them add.
 */
struct calibrating calibration_measure_entry(int cpu,
					     struct calibration *calibration)
{
	struct calibrating result = { .err = EIO };
	const struct pmu pmu = guest_pmu_offered();
	int64_t *after_interrupt[EVENTS], *after_fault[EVENTS];
	struct kicks *kicks;
	struct guest guest;

	after_interrupt[PMU_INSTRUCTIONS] = &calibration->entry_instructions;
	after_interrupt[PMU_BRANCHES] = &calibration->entry_branches;
	after_fault[PMU_INSTRUCTIONS] = &calibration->fault_entry_instructions;
	after_fault[PMU_BRANCHES] = &calibration->fault_entry_branches;
	if (pmu.general < EVENTS)
		return result;
	script_guest_create(&guest, cpu);
	/* By chance an exit of another kind may come between: not each time. */
	for (int tries = 0; result.err && tries < TRIES; tries++) {
		kicks = kicks_start(cpu, cpu);
		if (!kicks)
			break;
		result = measure_twice(&guest, &pmu, GUEST_WORK,
				       after_interrupt);
		kicks_stop(kicks);
	}
	for (int tries = 0; tries < TRIES; tries++) {
		if (!measure_twice(&guest, &pmu, GUEST_TOUCH, after_fault).err)
			break;
	}
	guest_destroy(&guest);
	return result;
}

/* Of this thread, in user space only, @period 0 for one that only counts. */
static int open_user(uint64_t period)
{
	struct perf_event_attr attr;

	if (event_describe(&attr, PMU_CORE))
		return -1;
	attr.exclude_kernel = 1;
	attr.exclude_guest = 1;
	attr.sample_period = period;
	attr.sample_type = period ? PERF_SAMPLE_READ : 0;
	return event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
}

static int64_t count_of(int fd)
{
	struct event_value value;

	return event_read(fd, &value) || value.eof ? NOT_KNOWN
						   : (int64_t)value.count;
}

static int64_t gain_of_work(int fd, unsigned int turns)
{
	int64_t from = count_of(fd);

	work(turns);
	return count_of(fd) - from;
}

/* The least of several is what nothing disturbed, if there are two of it. */
static int64_t quiet_gain(int fd, unsigned int turns, bool *again)
{
	int64_t least = INT64_MAX;

	*again = false;
	for (int i = 0; i < QUIET_TRIES; i++) {
		int64_t gain = gain_of_work(fd, turns);

		if (gain <= least)
			*again = gain == least;
		if (gain < least)
			least = gain;
	}
	return least;
}

/* All lines of /proc/interrupts. */
static int64_t interrupts_of(int cpu)
{
	return cpu_interrupts(NULL, cpu);
}

/*
 * A stretch in which there was one interrupt, somewhere: if it was in user
 * space, then what it adds is in the count.
 */
static void measure_interrupt(int fd, int cpu, struct calibration *calibration)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	unsigned int turns = WORK_TURNS;
	int64_t most = 0;
	int seen = 0;

	/* In most of them it was in user space. */
	for (int i = 0; i < STRETCHES_MOST &&
			(seen < TICKS || (!most && seen < TICKS_MOST));
	     i++) {
		bool again;
		int64_t before, gain, quiet;

		if (deadline_passed(&deadline))
			return;
		before = interrupts_of(cpu);
		gain = gain_of_work(fd, turns);
		before = interrupts_of(cpu) - before;
		if (!before) {
			turns *= 2;
			continue;
		}
		if (before > 1) {
			turns = turns > WORK_TURNS ? turns / 2 : turns;
			continue;
		}
		quiet = quiet_gain(fd, WORK_TURNS, &again);
		if (!again)
			continue;
		/* The loop's own length, from two short ones. */
		quiet += (quiet_gain(fd, 2 * WORK_TURNS, &again) - quiet) /
			 (int64_t)WORK_TURNS * (int64_t)(turns - WORK_TURNS);
		if (again && gain - quiet > most)
			most = gain - quiet;
		seen++;
	}
	if (seen >= TICKS)
		calibration->interrupt_instructions = most;
}

static int64_t gain_of_touching(int fd, volatile char *page, long size)
{
	int64_t from = count_of(fd);

	for (int i = 0; i < FAULT_PAGES; i++)
		page[i * size] = 1;
	return count_of(fd) - from;
}

static void measure_fault(int fd, struct calibration *calibration)
{
	const long size = sysconf(_SC_PAGESIZE);
	const size_t length = (size_t)(FAULT_PAGES * size);
	char *page = mmap(NULL, length, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t first = INT64_MAX, later = INT64_MAX;

	if (page == MAP_FAILED)
		return;
	madvise(page, length, MADV_NOHUGEPAGE);
	for (int i = 0; i < QUIET_TRIES; i++) {
		int64_t gain;

		madvise(page, length, MADV_DONTNEED);
		gain = gain_of_touching(fd, page, size);
		first = gain < first ? gain : first;
		gain = gain_of_touching(fd, page, size);
		later = gain < later ? gain : later;
	}
	munmap(page, length);
	calibration->fault_instructions = (first - later) / FAULT_PAGES;
}

/* A sample's own reading says how much was counted when it was taken. */
static void measure_overflow(struct calibration *calibration)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int fd = open_user(SAMPLE_PERIOD);
	struct perf_event_mmap_page *page;
	struct event_value value;
	int64_t most = NOT_KNOWN;

	if (fd < 0)
		return;
	page = event_map(fd, RING_PAGES);
	for (int seen = 0; page && seen < SAMPLES;) {
		work(WORK_TURNS);
		while (event_ring_next(page, RING_PAGES, &value)) {
			int64_t late = (int64_t)(value.count % SAMPLE_PERIOD);

			most = late > most ? late : most;
			seen++;
		}
		if (deadline_passed(&deadline))
			break;
	}
	calibration->overflow_late = most;
	if (page)
		event_unmap(page, RING_PAGES);
	close(fd);
}

/* A thread that measures is bound to CPU 0, and not longer. */
static bool bind_here(cpu_set_t *before)
{
	return !sched_getaffinity(0, sizeof(*before), before) &&
	       !cpu_pin_self(0);
}

static void measure_exact(int fd, struct calibration *calibration)
{
	bool again = false;

	quiet_gain(fd, WORK_TURNS, &again);
	calibration->exact = again;
}

struct calibrating calibration_measure(int cpu, struct calibration *calibration)
{
	struct calibrating result = { .err = EIO };
	cpu_set_t before;
	int fd;

	*calibration = calibration_unknown;
	if (!bind_here(&before))
		return result;
	result = calibration_measure_entry(cpu, calibration);
	fd = open_user(0);
	if (fd >= 0) {
		measure_exact(fd, calibration);
		measure_interrupt(fd, 0, calibration);
		measure_fault(fd, calibration);
		close(fd);
		measure_overflow(calibration);
	}
	sched_setaffinity(0, sizeof(before), &before);
	return result;
}

int calibration_prepare(void)
{
	const char *told = getenv("PMU_CALIBRATION");
	struct calibration here = calibration_unknown;
	cpu_set_t before;
	int fd;

	if (told && !calibration_read(told, &here)) {
		calibration_use(&here);
		return 0;
	}
	here = calibration_unknown;
	if (bind_here(&before)) {
		calibration_measure_entry(GUEST_CPU, &here);
		fd = open_user(0);
		if (fd >= 0) {
			measure_exact(fd, &here);
			close(fd);
		}
		measure_overflow(&here);
		sched_setaffinity(0, sizeof(before), &before);
	}
	calibration_use(&here);
	return 0;
}
