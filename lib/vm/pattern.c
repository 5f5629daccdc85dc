// SPDX-License-Identifier: GPL-2.0-only
#include "../base/work.h"
#include "../perf/rdpmc.h"
#include "counting.h"
#include "pattern.h"

/* High enough that no event of the host has counted so far. */
#define MARK 0x5a5a00000000ull
#define WORK_TURNS 2000
#define MARK_BITS 0xffff00000000ull

uint64_t pattern_of(const struct pmu *pmu, enum pmu_register reg,
		    unsigned int index)
{
	if (reg == PMU_COUNTER)
		return MARK + index;
	if (reg == PMU_FIXED_COUNTER)
		return MARK + COUNTERS_MAX + index;
	/* Of all fixed counters. CPL 3 is where no pattern's guest goes. */
	if (reg == PMU_FIXED_CTRL) {
		uint64_t all = 0;

		for (unsigned int i = 0; i < pmu->fixed; i++)
			all |= pmu_select_fixed(i, PMU_USER);
		return all;
	}
	return pmu_select(pmu, index % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			  PMU_OFF | PMU_USER);
}

bool pattern_shows(uint64_t counter)
{
	return (counter & MARK_BITS) == MARK;
}

/* What RDPMC says of every counter, the fixed ones last. Returns how many. */
static unsigned int read_counters(const struct pmu *host,
				  uint64_t value[COUNTERS_MAX])
{
	unsigned int next = 0;

	for (unsigned int i = 0; i < host->general; i++)
		value[next++] = rdpmc(pmu_rdpmc_index(false, i));
	for (unsigned int i = 0; i < host->fixed; i++)
		value[next++] =
			rdpmc(pmu_rdpmc_index(true, pmu_fixed_number(host, i)));
	return next;
}

/* The bit of the counter that RDPMC knows as @index. */
static uint64_t bit_of(const struct pmu *host, uint32_t index)
{
	const uint32_t fixed = pmu_rdpmc_index(true, 0);
	uint32_t before;

	if (!(index & fixed))
		return 1ull << index;
	before = host->fixed_mask & ((1u << (index & ~fixed)) - 1);
	return 1ull << (host->general +
			(unsigned int)__builtin_popcount(before));
}

/* Work, and the counters that moved; @after is what they read as then. */
static uint64_t moved(const struct pmu *host, uint64_t after[COUNTERS_MAX])
{
	uint64_t before[COUNTERS_MAX], found = 0;
	unsigned int count = read_counters(host, before);

	work(WORK_TURNS);
	read_counters(host, after);
	for (unsigned int i = 0; i < count; i++)
		found |= (uint64_t)(after[i] != before[i]) << i;
	return found;
}

uint64_t pattern_moving(const struct pmu *host,
			const volatile struct perf_event_mmap_page *page)
{
	uint64_t after[COUNTERS_MAX];

	return rdpmc_allowed(page) ? moved(host, after) : 0;
}

int64_t pattern_leaks(const struct pmu *host,
		      const volatile struct perf_event_mmap_page *page,
		      uint64_t moving, int64_t *control)
{
	uint64_t after[COUNTERS_MAX] = { 0 }, found, own;
	int64_t leaked = 0;

	*control = 0;
	if (!rdpmc_allowed(page))
		return 0;
	own = bit_of(host, page->index - 1);
	found = moved(host, after);
	*control = (found & own) != 0;
	for (unsigned int i = 0; i < host->general + host->fixed; i++)
		leaked += pattern_shows(after[i]);
	/* A guest's event select that is left behind counts the host. */
	return leaked + __builtin_popcountll(found & ~own & ~moving);
}

void pattern_write(struct guest *guest, const struct pmu *pmu)
{
	script_clear(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_write(guest, pmu_eventsel_msr(pmu, i),
			     pattern_of(pmu, PMU_EVENTSEL, i));
		script_write(guest, pmu_counter_msr(pmu, i),
			     pattern_of(pmu, PMU_COUNTER, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i),
			     pattern_of(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
			     pattern_of(pmu, PMU_FIXED_CTRL, 0));
	script_run(guest);
}

int64_t pattern_mismatches(struct guest *guest, const struct pmu *pmu)
{
	int eventsel[COUNTERS_MAX], counter[COUNTERS_MAX];
	int fixed[COUNTERS_MAX], control = 0;
	int64_t found = 0;

	script_clear(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		eventsel[i] = script_read(guest, pmu_eventsel_msr(pmu, i));
		counter[i] = script_read(guest, pmu_counter_msr(pmu, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		fixed[i] =
			script_read(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		control = script_read(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0));
	script_run(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		found += script_seen(guest, eventsel[i]) !=
			 pattern_of(pmu, PMU_EVENTSEL, i);
		found += script_seen(guest, counter[i]) !=
			 pattern_of(pmu, PMU_COUNTER, i);
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		found += script_seen(guest, fixed[i]) !=
			 pattern_of(pmu, PMU_FIXED_COUNTER, i);
	if (pmu->fixed)
		found += script_seen(guest, control) !=
			 pattern_of(pmu, PMU_FIXED_CTRL, 0);
	return found;
}

static int64_t kvm_differs(struct guest *guest, uint32_t msr, uint64_t wrote)
{
	uint64_t value = 0;

	return guest_get_msr(guest, msr, &value) || value != wrote;
}

int64_t pattern_kvm_mismatches(struct guest *guest, const struct pmu *pmu)
{
	int64_t found = 0;

	for (unsigned int i = 0; i < pmu->general; i++) {
		found += kvm_differs(guest, pmu_eventsel_msr(pmu, i),
				     pattern_of(pmu, PMU_EVENTSEL, i));
		found += kvm_differs(guest, pmu_counter_msr(pmu, i),
				     pattern_of(pmu, PMU_COUNTER, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		found += kvm_differs(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i),
				     pattern_of(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		found += kvm_differs(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
				     pattern_of(pmu, PMU_FIXED_CTRL, 0));
	return found;
}

int pattern_kvm_write(struct guest *guest, const struct pmu *pmu)
{
	int err = 0;

	for (unsigned int i = 0; i < pmu->general && !err; i++) {
		err = guest_set_msr(guest, pmu_eventsel_msr(pmu, i),
				    pattern_of(pmu, PMU_EVENTSEL, i));
		if (!err)
			err = guest_set_msr(guest, pmu_counter_msr(pmu, i),
					    pattern_of(pmu, PMU_COUNTER, i));
	}
	for (unsigned int i = 0; i < pmu->fixed && !err; i++)
		err = guest_set_msr(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i),
				    pattern_of(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed && !err)
		err = guest_set_msr(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
				    pattern_of(pmu, PMU_FIXED_CTRL, 0));
	return err;
}
