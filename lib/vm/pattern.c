// SPDX-License-Identifier: GPL-2.0-only
#include "../perf/rdpmc.h"
#include "../sync/work.h"
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
	return pmu_select(pmu, index % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			  PMU_OFF | PMU_USER);
}

bool pattern_shows(uint64_t counter)
{
	return (counter & MARK_BITS) == MARK;
}

int64_t pattern_leaks(const struct pmu *host,
		      const volatile struct perf_event_mmap_page *page,
		      int64_t *control)
{
	int64_t leaked = 0;
	uint64_t before;

	*control = 0;
	if (!rdpmc_allowed(page))
		return 0;
	before = rdpmc(page->index - 1);
	work(WORK_TURNS);
	*control = rdpmc(page->index - 1) != before;
	for (unsigned int i = 0; i < host->general; i++)
		leaked += pattern_shows(rdpmc(i));
	return leaked;
}

void pattern_write(struct guest *guest, const struct pmu *pmu)
{
	script_clear(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_write(guest, pmu_selector_msr(pmu, i),
			     pattern_of(pmu, PMU_SELECTOR, i));
		script_write(guest, pmu_counter_msr(pmu, i),
			     pattern_of(pmu, PMU_COUNTER, i));
	}
	script_run(guest);
}

int64_t pattern_mismatches(struct guest *guest, const struct pmu *pmu)
{
	int selector[COUNTERS_MAX], counter[COUNTERS_MAX];
	int64_t found = 0;

	script_clear(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		selector[i] = script_read(guest, pmu_selector_msr(pmu, i));
		counter[i] = script_read(guest, pmu_counter_msr(pmu, i));
	}
	script_run(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		found += script_seen(guest, selector[i]) !=
			 pattern_of(pmu, PMU_SELECTOR, i);
		found += script_seen(guest, counter[i]) !=
			 pattern_of(pmu, PMU_COUNTER, i);
	}
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
		found += kvm_differs(guest, pmu_selector_msr(pmu, i),
				     pattern_of(pmu, PMU_SELECTOR, i));
		found += kvm_differs(guest, pmu_counter_msr(pmu, i),
				     pattern_of(pmu, PMU_COUNTER, i));
	}
	return found;
}
