// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>

#include "../base/cpu.h"
#include "pmu.h"

#define LEAF_ARCH_PERFMON 0xa
/* Leaf 7, sub-leaf 1; leaf 0x23, whose sub-leaf 1 has a bit for each counter.
 */
#define LEAF_FEATURES 7
#define ARCH_PERFMON_EXT (1u << 8)
#define LEAF_PERFMON_EXT 0x23
#define HAS_COUNTER_MASKS (1u << 1)
#define LEAF_FEATURES_AMD 0x80000001
#define LEAF_PERFMON_V2 0x80000022
#define PERFCTR_CORE (1u << 23)
#define AMD_WIDTH 48
#define AMD_LEGACY_COUNTERS 4
#define AMD_CORE_COUNTERS 6
/* IA32_FIXED_CTR0 is where GLOBAL_CTRL's fixed counters begin, too. */
#define FIXED_SHIFT 32
#define RDPMC_FIXED (1u << 30)

/*
 * EDX has the number of those that follow each other from the first on; from
 * version 5 on, ECX has a bit for each that there is, with gaps perhaps (Intel
 * SDM volume 2, "CPUID", leaf 0xA).
 */
static uint32_t fixed_mask(unsigned int version, const uint32_t perfmon[4])
{
	if (version < 2)
		return 0;
	return ((1u << (perfmon[3] & 0x1f)) - 1) |
	       (version >= 5 ? perfmon[2] : 0);
}

struct pmu pmu_from_cpuid(bool amd, const uint32_t perfmon[4], bool core)
{
	struct pmu pmu = { .amd = amd, .core = !amd || core };

	if (!amd) {
		pmu.version = perfmon[0] & 0xff;
		pmu.general = perfmon[0] >> 8 & 0xff;
		pmu.width = perfmon[0] >> 16 & 0xff;
		pmu.fixed_mask = fixed_mask(pmu.version, perfmon);
		pmu.fixed = (unsigned int)__builtin_popcount(pmu.fixed_mask);
		return pmu;
	}
	pmu.width = AMD_WIDTH;
	pmu.version = perfmon[0] & 1 ? 2 : 1;
	if (pmu.version == 2)
		pmu.general = perfmon[1] & 0xf;
	else
		pmu.general = core ? AMD_CORE_COUNTERS : AMD_LEGACY_COUNTERS;
	return pmu;
}

void pmu_take_masks(struct pmu *pmu, uint32_t general, uint32_t fixed)
{
	if (general)
		pmu->general = (unsigned int)__builtin_popcount(general);
	pmu->fixed_mask = fixed;
	pmu->fixed = (unsigned int)__builtin_popcount(fixed);
}

/* As perf reads it: update_pmu_cap_from_perfmonext(). */
static void take_extended(struct pmu *pmu)
{
	uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;

	if (!__get_cpuid_count(LEAF_FEATURES, 1, &eax, &ebx, &ecx, &edx) ||
	    !(eax & ARCH_PERFMON_EXT) ||
	    !__get_cpuid_count(LEAF_PERFMON_EXT, 0, &eax, &ebx, &ecx, &edx) ||
	    !(eax & HAS_COUNTER_MASKS))
		return;
	__get_cpuid_count(LEAF_PERFMON_EXT, 1, &eax, &ebx, &ecx, &edx);
	pmu_take_masks(pmu, eax, ebx);
}

struct pmu pmu_of_host(void)
{
	uint32_t perfmon[4] = { 0 }, features[4] = { 0 };
	bool amd = cpu_is_amd();
	struct pmu pmu;

	__get_cpuid_count(amd ? LEAF_PERFMON_V2 : LEAF_ARCH_PERFMON, 0,
			  &perfmon[0], &perfmon[1], &perfmon[2], &perfmon[3]);
	if (amd)
		__get_cpuid(LEAF_FEATURES_AMD, &features[0], &features[1],
			    &features[2], &features[3]);
	pmu = pmu_from_cpuid(amd, perfmon, features[2] & PERFCTR_CORE);
	if (!amd)
		take_extended(&pmu);
	return pmu;
}

bool pmu_can_set_status(const struct pmu *pmu)
{
	return pmu->version >= (pmu->amd ? 2 : 4);
}

/* @first and the distance to the next. */
struct place {
	uint32_t first, stride;
};

static const struct place amd_places[] = {
	[PMU_EVENTSEL] = { 0xc0010200, 2 },
	[PMU_COUNTER] = { 0xc0010201, 2 },
	[PMU_LEGACY_EVENTSEL] = { 0xc0010000, 1 },
	[PMU_LEGACY_COUNTER] = { 0xc0010004, 1 },
	[PMU_FIXED_COUNTER] = { 0, 0 },
	[PMU_FIXED_CTRL] = { 0, 0 },
	[PMU_GLOBAL_CTRL] = { 0xc0000301, 0 },
	[PMU_STATUS] = { 0xc0000300, 0 },
	[PMU_STATUS_CLEAR] = { 0xc0000302, 0 },
	[PMU_STATUS_SET] = { 0xc0000303, 0 },
};

/* The counters under the numbers that take their full width. */
static const struct place intel_places[] = {
	[PMU_EVENTSEL] = { 0x186, 1 },
	[PMU_COUNTER] = { 0x4c1, 1 },
	[PMU_LEGACY_EVENTSEL] = { 0x186, 1 },
	[PMU_LEGACY_COUNTER] = { 0xc1, 1 },
	[PMU_FIXED_COUNTER] = { 0x309, 1 },
	[PMU_FIXED_CTRL] = { 0x38d, 0 },
	[PMU_GLOBAL_CTRL] = { 0x38f, 0 },
	[PMU_STATUS] = { 0x38e, 0 },
	[PMU_STATUS_CLEAR] = { 0x390, 0 },
	[PMU_STATUS_SET] = { 0x391, 0 },
};

unsigned int pmu_fixed_number(const struct pmu *pmu, unsigned int index)
{
	unsigned int number = 0, left = index;

	/* Beyond the last of them: as if they went on without a gap. */
	if (index >= pmu->fixed)
		return index;
	while (!(pmu->fixed_mask & (1u << number)) || left--)
		number++;
	return number;
}

uint32_t pmu_msr(const struct pmu *pmu, enum pmu_register reg,
		 unsigned int index)
{
	const struct place *place = pmu->amd ? &amd_places[reg]
					     : &intel_places[reg];

	if (reg == PMU_FIXED_COUNTER)
		index = pmu_fixed_number(pmu, index);
	return place->first + place->stride * index;
}

uint32_t pmu_counter_msr(const struct pmu *pmu, unsigned int index)
{
	return pmu_msr(pmu, pmu->core ? PMU_COUNTER : PMU_LEGACY_COUNTER,
		       index);
}

uint32_t pmu_eventsel_msr(const struct pmu *pmu, unsigned int index)
{
	return pmu_msr(pmu, pmu->core ? PMU_EVENTSEL : PMU_LEGACY_EVENTSEL,
		       index);
}

uint32_t pmu_rdpmc_index(bool fixed, unsigned int index)
{
	return fixed ? RDPMC_FIXED | index : index;
}

/* The low 32 bits of an event select are laid out alike. */
uint64_t pmu_select(const struct pmu *pmu, enum pmu_event event,
		    unsigned int flags)
{
	uint64_t eventsel = 0xc0;

	if (event == PMU_BRANCHES)
		eventsel = pmu->amd ? 0xc2 : 0xc4;
	if (flags & PMU_USER)
		eventsel |= 1ull << 16;
	if (flags & PMU_OS)
		eventsel |= 1ull << 17;
	if (flags & PMU_INTERRUPT)
		eventsel |= 1ull << 20;
	if (!(flags & PMU_OFF))
		eventsel |= 1ull << 22;
	return eventsel;
}

/* AMD's bits 40 and 41 are guest-only and host-only; Intel's are reserved. */
uint64_t pmu_any_mode(uint64_t eventsel)
{
	return (eventsel | 1ull << 16 | 1ull << 17) & ~(3ull << 40);
}

uint64_t pmu_select_fixed(unsigned int index, unsigned int flags)
{
	uint64_t field = 0;

	if (flags & PMU_OS)
		field |= 1;
	if (flags & PMU_USER)
		field |= 2;
	if (flags & PMU_INTERRUPT)
		field |= 8;
	return field << (4 * index);
}

uint64_t pmu_all(const struct pmu *pmu)
{
	return ((1ull << pmu->general) - 1) | (uint64_t)pmu->fixed_mask
						      << FIXED_SHIFT;
}

uint64_t pmu_counter_max(const struct pmu *pmu)
{
	return (1ull << pmu->width) - 1;
}
