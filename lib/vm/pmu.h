/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PMU of a CPU as a guest programs it: register numbers and bits by vendor.
 * A pure description; nothing here touches a register.
 * AMD64 APM volume 2, "Performance Monitor Counters"; Intel SDM volume 3,
 * "Architectural Performance Monitoring".
 */
#ifndef PMU_VM_PMU_H
#define PMU_VM_PMU_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @amd:     the vendor; AMD has no fixed counters
 * @version: Intel: architectural version; AMD: 2 with PerfMonV2, else 1
 * @core:    the registers with new numbers are there; not so on an AMD CPU
 *           without the core counter extension
 * @general, @fixed: counters, those in a gap not included
 * @fixed_mask: which fixed ones there are, a bit for each
 * @width:   bits of a general counter
 */
struct pmu {
	bool amd;
	bool core;
	unsigned int version;
	unsigned int general, fixed;
	uint32_t fixed_mask;
	unsigned int width;
};

/* The PMU of this CPU, from CPUID. All zero if it announces none. */
struct pmu pmu_of_host(void);

/*
 * The same from the registers of the CPUID leaves that say it: @perfmon is leaf
 * 0xA (Intel) or 0x80000022 (AMD), @core says that AMD's core counter extension
 * is there.
 */
struct pmu pmu_from_cpuid(bool amd, const uint32_t perfmon[4], bool core);

/*
 * Counters as leaf 0x23 has them, a bit for each; with no general ones it
 * leaves that to leaf 0xA.
 */
void pmu_take_masks(struct pmu *pmu, uint32_t general, uint32_t fixed);

/*
 * Can a guest set bits of the status register? AMD: PerfMonV2; Intel:
 * "Performance Monitoring Version 4".
 */
bool pmu_can_set_status(const struct pmu *pmu);

enum pmu_register {
	PMU_EVENTSEL,
	PMU_COUNTER,
	/* AMD: the first four under their old numbers. Intel: the counters
	 * that take 32 bits with a sign.
	 */
	PMU_LEGACY_EVENTSEL,
	PMU_LEGACY_COUNTER,
	PMU_FIXED_COUNTER,
	PMU_FIXED_CTRL,
	PMU_GLOBAL_CTRL,
	PMU_STATUS,
	PMU_STATUS_CLEAR,
	PMU_STATUS_SET,
};

/*
 * The MSR of register @reg, the @index-th of those that are several: a gap
 * between fixed counters has no index.
 */
uint32_t pmu_msr(const struct pmu *pmu, enum pmu_register reg,
		 unsigned int index);

/* The numbers of a general counter and its event select that this PMU has. */
uint32_t pmu_counter_msr(const struct pmu *pmu, unsigned int index);
uint32_t pmu_eventsel_msr(const struct pmu *pmu, unsigned int index);

/* The number of the @index-th fixed counter that there is. */
unsigned int pmu_fixed_number(const struct pmu *pmu, unsigned int index);

/* What RDPMC takes in ECX for a counter; fixed ones by their number. */
uint32_t pmu_rdpmc_index(bool fixed, unsigned int index);

/* Events that both vendors count exactly; AMD's branches are another number. */
enum pmu_event {
	PMU_INSTRUCTIONS,
	PMU_BRANCHES,
};

#define PMU_USER (1u << 0)
#define PMU_OS (1u << 1)
#define PMU_INTERRUPT (1u << 2)
#define PMU_OFF (1u << 3)

/* An event select that counts @event, with PMU_USER and the like; enabled. */
uint64_t pmu_select(const struct pmu *pmu, enum pmu_event event,
		    unsigned int flags);

/* The same for fixed counter @index, as its field of PMU_FIXED_CTRL. */
uint64_t pmu_select_fixed(unsigned int index, unsigned int flags);

/* @eventsel without a choice of mode: at any level, and in any guest. */
uint64_t pmu_any_mode(uint64_t eventsel);

/* The bits of PMU_GLOBAL_CTRL and PMU_STATUS for all counters there are. */
uint64_t pmu_all(const struct pmu *pmu);

/* The largest value of a general counter. */
uint64_t pmu_counter_max(const struct pmu *pmu);

#endif
