// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers a guest programs, for both vendors: the lab runs an AMD guest
 * only, so this is what there is of Intel's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../vm/pmu.h"

/* CPUID leaf 0x80000022 of a Zen 4: PerfMonV2, six core counters. */
static const uint32_t zen4[4] = { 0x1, 0x6, 0, 0 };
static const uint32_t no_v2[4] = { 0, 0, 0, 0 };
/* CPUID leaf 0xA: version 5, eight counters of 48 bits; four fixed ones. */
static const uint32_t version5[4] = { 0x08300805, 0, 0xf, 0x8604 };
/* Version 1 has no fixed counters, whatever EDX says. */
static const uint32_t version1[4] = { 0x07280201, 0, 0, 0x8604 };

/* Version 5, eight counters; fixed ones 0 to 2 by EDX, 4 to 6 by ECX. */
static const uint32_t sparse[4] = { 0x08300805, 0, 0x77, 0x8603 };
/* Before version 5 ECX is reserved. */
static const uint32_t before_ecx[4] = { 0x08300804, 0, 0x77, 0x603 };

static void amd_is_read_from_cpuid(void **state)
{
	struct pmu pmu = pmu_from_cpuid(true, zen4, true);

	(void)state;
	assert_true(pmu.amd && pmu.core);
	assert_int_equal(pmu.version, 2);
	assert_int_equal(pmu.general, 6);
	assert_int_equal(pmu.fixed, 0);
	assert_int_equal(pmu.width, 48);
	assert_int_equal(pmu_from_cpuid(true, no_v2, true).general, 6);
	assert_int_equal(pmu_from_cpuid(true, no_v2, false).general, 4);
	assert_int_equal(pmu_from_cpuid(true, no_v2, false).version, 1);
}

static void intel_is_read_from_cpuid(void **state)
{
	struct pmu pmu = pmu_from_cpuid(false, version5, false);

	(void)state;
	assert_false(pmu.amd);
	assert_true(pmu.core);
	assert_int_equal(pmu.version, 5);
	assert_int_equal(pmu.general, 8);
	assert_int_equal(pmu.fixed, 4);
	assert_int_equal(pmu.width, 48);
	assert_int_equal(pmu_from_cpuid(false, version1, false).fixed, 0);
	/* Clearwater Forest: three in a row, and three behind a gap. */
	assert_int_equal(pmu_from_cpuid(false, sparse, false).fixed, 6);
	assert_int_equal(pmu_from_cpuid(false, before_ecx, false).fixed, 3);
	pmu = pmu_from_cpuid(false, sparse, false);
	assert_int_equal(pmu_msr(&pmu, PMU_FIXED_COUNTER, 2), 0x30b);
	assert_int_equal(pmu_msr(&pmu, PMU_FIXED_COUNTER, 3), 0x30d);
	assert_int_equal(pmu_all(&pmu), 0x77000000ffull);
	pmu_take_masks(&pmu, 0x3f, 0x177);
	assert_int_equal(pmu.general, 6);
	assert_int_equal(pmu.fixed, 7);
	pmu_take_masks(&pmu, 0, 0x77);
	assert_int_equal(pmu.general, 6);
	assert_int_equal(pmu.fixed, 6);
	assert_int_equal(pmu_from_cpuid(false, version1, false).width, 40);
}

static void registers_have_their_numbers(void **state)
{
	struct pmu amd = pmu_from_cpuid(true, zen4, true);
	struct pmu old = pmu_from_cpuid(true, no_v2, false);
	struct pmu intel = pmu_from_cpuid(false, version5, false);

	(void)state;
	assert_int_equal(pmu_msr(&amd, PMU_EVENTSEL, 5), 0xc001020a);
	assert_int_equal(pmu_msr(&amd, PMU_COUNTER, 5), 0xc001020b);
	assert_int_equal(pmu_msr(&amd, PMU_LEGACY_COUNTER, 3), 0xc0010007);
	assert_int_equal(pmu_msr(&amd, PMU_STATUS_SET, 0), 0xc0000303);
	assert_int_equal(pmu_eventsel_msr(&amd, 1), 0xc0010202);
	assert_int_equal(pmu_eventsel_msr(&old, 1), 0xc0010001);
	assert_int_equal(pmu_counter_msr(&old, 1), 0xc0010005);
	assert_int_equal(pmu_msr(&intel, PMU_EVENTSEL, 7), 0x18d);
	assert_int_equal(pmu_counter_msr(&intel, 7), 0x4c8);
	assert_int_equal(pmu_msr(&intel, PMU_FIXED_COUNTER, 2), 0x30b);
	assert_int_equal(pmu_msr(&intel, PMU_FIXED_CTRL, 0), 0x38d);
	assert_int_equal(pmu_msr(&intel, PMU_GLOBAL_CTRL, 0), 0x38f);
	assert_int_equal(pmu_msr(&intel, PMU_STATUS_CLEAR, 0), 0x390);
	assert_int_equal(pmu_rdpmc_index(false, 3), 3);
	assert_int_equal(pmu_rdpmc_index(true, 1), 0x40000001);
}

static void eventsels_say_what_is_counted(void **state)
{
	struct pmu amd = pmu_from_cpuid(true, zen4, true);
	struct pmu intel = pmu_from_cpuid(false, version5, false);

	(void)state;
	assert_int_equal(pmu_select(&amd, PMU_INSTRUCTIONS, PMU_USER | PMU_OS),
			 0x4300c0);
	assert_int_equal(pmu_select(&amd, PMU_BRANCHES, PMU_OFF), 0xc2);
	assert_int_equal(pmu_select(&intel, PMU_BRANCHES,
				    PMU_OS | PMU_INTERRUPT),
			 0x5200c4);
	assert_int_equal(pmu_select_fixed(1, PMU_USER | PMU_OS | PMU_INTERRUPT),
			 0xb0);
	assert_int_equal(pmu_all(&amd), 0x3f);
	assert_int_equal(pmu_all(&intel), 0xf000000ffull);
	assert_int_equal(pmu_counter_max(&amd), 0xffffffffffffull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amd_is_read_from_cpuid),
		cmocka_unit_test(intel_is_read_from_cpuid),
		cmocka_unit_test(registers_have_their_numbers),
		cmocka_unit_test(eventsels_say_what_is_counted),
	};

	return cmocka_run_group_tests_name("pmu", tests, NULL, NULL);
}
