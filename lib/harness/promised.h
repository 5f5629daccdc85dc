/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases are named after the rules they ask. Those of which the running kernel
 * promises none are skipped before their fixture does anything. After
 * kselftest_harness.h, whose lists these are.
 */
#ifndef PMU_HARNESS_PROMISED_H
#define PMU_HARNESS_PROMISED_H

#include "../host/host.h"

static const char *promised_where(unsigned int contracts)
{
	switch (contracts) {
	case BY_MEDIATED:
		return "the mediated contract";
	case BY_RFC:
		return "the RFC's contract";
	case BY_EMULATED:
		return "the emulated contract";
	default:
		return "a PMU that is handed over";
	}
}

static void skip_unpromised(struct __test_metadata *_metadata,
			    struct __fixture_variant_metadata *variant)
{
	(void)variant;
	SKIP(return, "needs %s",
		   promised_where(contracts_of_case(_metadata->name)));
}

static inline void skip_all_unpromised(enum contract spoken)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		for (test = fixture->tests; test; test = test->next) {
			if (!contract_among(spoken,
					    contracts_of_case(test->name)))
				test->fn = skip_unpromised;
		}
	}
}

#endif
