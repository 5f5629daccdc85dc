// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

#include "clock.h"
#include "timeline.h"

#define ENTRIES 64
/* The low bits of IA32_TSC_AUX are the CPU (arch/x86, vdso_encode_cpunode()).
 */
#define CPU_BITS 0xfff

static struct entry {
	uint64_t tsc;
	uint64_t value;
	uint32_t aux;
	int id;
	enum timeline_what what;
} ring[ENTRIES];

static size_t noted;

/* One instant by both clocks, from which the rate follows. */
static struct {
	uint64_t tsc, ns;
} began;

__attribute__((constructor)) static void begin(void)
{
	began.ns = now_ns();
	began.tsc = __rdtsc();
}

uint64_t timeline_now(void)
{
	return __rdtsc();
}

void timeline_note(enum timeline_what what, int id, uint64_t value)
{
	size_t at = __atomic_fetch_add(&noted, 1, __ATOMIC_RELAXED) % ENTRIES;
	struct entry *entry = &ring[at];

	entry->tsc = __rdtscp(&entry->aux);
	entry->what = what;
	entry->id = id;
	entry->value = value;
}

static double us_between(uint64_t from, uint64_t to)
{
	uint64_t ns = now_ns() - began.ns, turns = __rdtsc() - began.tsc;

	return turns ? (double)(int64_t)(to - from) * (double)ns /
			       (double)turns / 1000
		     : 0;
}

int timeline_line(size_t index, char *line, size_t size)
{
	size_t first = noted > ENTRIES ? noted - ENTRIES : 0;
	const struct entry *oldest = &ring[first % ENTRIES];
	const struct entry *entry = &ring[(first + index) % ENTRIES];
	char words[64] = "";
	unsigned int cpu = entry->aux & CPU_BITS;

	if (first + index >= noted)
		return -1;
	switch (entry->what) {
	case TIMELINE_GUEST_IN:
		snprintf(words, sizeof(words), "guest %d in", entry->id);
		break;
	case TIMELINE_GUEST_OUT:
		snprintf(words, sizeof(words), "guest %d out", entry->id);
		break;
	case TIMELINE_INSIDE:
		cpu = (unsigned int)entry->id;
		snprintf(words, sizeof(words), "inside since %.1f",
			 us_between(oldest->tsc, entry->value));
		break;
	case TIMELINE_OPEN:
		snprintf(words, sizeof(words),
			 entry->id < 0 ? "open refused, errno %d"
				       : "open fd %d",
			 entry->id < 0 ? -entry->id : entry->id);
		break;
	case TIMELINE_READ:
		snprintf(words, sizeof(words), "read fd %d count %llu",
			 entry->id, (unsigned long long)entry->value);
		break;
	case TIMELINE_ERROR:
		snprintf(words, sizeof(words), "error fd %d", entry->id);
		break;
	}
	snprintf(line, size, "%.1f cpu%u %s",
		 us_between(oldest->tsc, entry->tsc), cpu, words);
	return 0;
}
