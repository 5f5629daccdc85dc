/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the harness and a case. Cases are named after the rules they ask:
 * those of which the running kernel promises none are skipped before their
 * fixture does anything. And the variant is kept, for the case's name: before
 * 6.13 the harness tells it to nobody else. After kselftest_harness.h, whose
 * lists these are.
 */
#ifndef PMU_HARNESS_ENTERED_H
#define PMU_HARNESS_ENTERED_H

#include "../host/host.h"
#include "order.h"

typedef void case_function(struct __test_metadata *_metadata,
			   struct __fixture_variant_metadata *variant);

/* What the harness would have called. */
static struct case_entry {
	struct __test_metadata *test;
	case_function *function;
} case_entries[ORDER_MOST];

/* Of the case that runs in this process. */
static const struct __fixture_variant_metadata *case_variant;

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
		return "a mediated or passthrough PMU";
	}
}

static void enter_case(struct __test_metadata *_metadata,
		       struct __fixture_variant_metadata *variant)
{
	size_t i = 0;

	while (case_entries[i].test != _metadata)
		i++;
	case_variant = variant;
	case_entries[i].function(_metadata, variant);
}

static void skip_case(struct __test_metadata *_metadata,
		      struct __fixture_variant_metadata *variant)
{
	(void)variant;
	SKIP(return, "needs %s",
		   promised_where(contracts_of_case(_metadata->name)));
}

static inline void enter_all_cases(enum contract spoken)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;
	size_t count = 0;

	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		for (test = fixture->tests; test && count < ORDER_MOST;
		     test = test->next) {
			bool promised = contract_among(
				spoken, contracts_of_case(test->name));

			case_entries[count].test = test;
			case_entries[count++].function = test->fn;
			test->fn = promised ? enter_case : skip_case;
		}
	}
}

#endif
