/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of the host as a program reads them without a system call. */
#ifndef PMU_PERF_RDPMC_H
#define PMU_PERF_RDPMC_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/perf_event.h>

/*
 * RDPMC in user space. Allowed while an event of the process is mapped
 * (/sys/bus/event_source/devices/cpu/rdpmc is 1) and for counters that exist;
 * anything else ends the program.
 */
uint64_t rdpmc(uint32_t counter);

/* Does the page say that its event may be read so, and is it on a counter? */
bool rdpmc_allowed(const volatile struct perf_event_mmap_page *page);

/*
 * The count of an event of this thread, from its page and its counter.
 * Returns false if the page does not offer that, or the event has no counter.
 */
bool rdpmc_count(const volatile struct perf_event_mmap_page *page,
		 uint64_t *count);

#endif
