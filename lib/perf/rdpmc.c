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
