/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A value of its own in every counter and event select of a guest: none of them
 * counts, so each must still be there when the guest looks again, and nowhere
 * else.
 */
#ifndef PMU_VM_PATTERN_H
#define PMU_VM_PATTERN_H

#include <linux/perf_event.h>

#include "pmu.h"
#include "script.h"

/*
 * The pattern of counter, event select or fixed counter @index, or of the
 * register that controls the fixed ones.
 */
uint64_t pattern_of(const struct pmu *pmu, enum pmu_register reg,
		    unsigned int index);

/* The VMM writes it (KVM_SET_MSRS). Returns 0 or an errno. */
int pattern_kvm_write(struct guest *guest, const struct pmu *pmu);

/* Could a guest's pattern be where this value was read? */
bool pattern_shows(uint64_t counter);

/*
 * Read every counter of this CPU, as a program of the host can that has mapped
 * an event of its own (@page), and return how many show a guest's pattern.
 * *@control is whether the event's own counter was seen to move (1 or 0).
 */
int64_t pattern_leaks(const struct pmu *host,
		      const volatile struct perf_event_mmap_page *page,
		      uint64_t moving, int64_t *control);

/*
 * The counters of this CPU that move while the host works, a bit each, the
 * fixed ones last: before any guest, those of other events of the host.
 */
uint64_t pattern_moving(const struct pmu *host,
			const volatile struct perf_event_mmap_page *page);

/* Let the guest write them all. */
void pattern_write(struct guest *guest, const struct pmu *pmu);

/* Let the guest read them all. Returns how many are not as written. */
int64_t pattern_mismatches(struct guest *guest, const struct pmu *pmu);

/* The same as KVM_GET_MSRS sees it. */
int64_t pattern_kvm_mismatches(struct guest *guest, const struct pmu *pmu);

#endif
