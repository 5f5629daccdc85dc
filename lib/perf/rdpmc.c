// SPDX-License-Identifier: GPL-2.0-only
#include "rdpmc.h"

uint64_t rdpmc(uint32_t counter)
{
	uint32_t low, high;

	asm volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
	return (uint64_t)high << 32 | low;
}

bool rdpmc_allowed(const volatile struct perf_event_mmap_page *page)
{
	return page->cap_user_rdpmc && page->index;
}

/* The protocol is described beside struct perf_event_mmap_page. */
bool rdpmc_count(const volatile struct perf_event_mmap_page *page,
		 uint64_t *count)
{
	uint64_t value;
	uint32_t sequence, index;

	do {
		sequence = page->lock;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		index = page->index;
		value = (uint64_t)page->offset;
		if (!page->cap_user_rdpmc || !index)
			return false;
		value += (uint64_t)((int64_t)(rdpmc(index - 1)
					      << (64 - page->pmc_width)) >>
				    (64 - page->pmc_width));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (page->lock != sequence);
	*count = value;
	return true;
}
