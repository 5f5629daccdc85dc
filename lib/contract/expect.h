/* SPDX-License-Identifier: GPL-2.0-only */
/* How the rules of a contract are written down. For lib/contract only. */
#ifndef PMU_CONTRACT_EXPECT_H
#define PMU_CONTRACT_EXPECT_H

#include "contract.h"

#define EXPECT(name, low, high)                                              \
	((struct expectation){ .field = #name,                               \
			       .offset = offsetof(struct observation, name), \
			       .lo = (low),                                  \
			       .hi = (high) })

#define EXACTLY(name, value) EXPECT(name, value, value)
#define AT_LEAST(name, low) EXPECT(name, low, VALUE_MAX)
#define AT_MOST(name, high) EXPECT(name, VALUE_MIN, high)

/* A control: it must have counted, or "did not count" means nothing. */
#define CONTROL(name, low)                                                   \
	((struct expectation){ .field = #name,                               \
			       .offset = offsetof(struct observation, name), \
			       .lo = (low),                                  \
			       .hi = VALUE_MAX,                              \
			       .control = true })

static inline bool known(int64_t value)
{
	return value != NOT_KNOWN;
}

/*
 * What a counter of the guest gains: its work, and what the processor adds for
 * each VM entry (lib/perf/calibration.h). Returns false if the scenario leaves
 * that open.
 */
static inline bool guest_count(const struct scenario *s, int64_t *count)
{
	if (!known(s->guest_work) || !known(s->guest_entries))
		return false;
	*count = s->guest_work;
	if (!s->guest_entries)
		return true;
	if (!known(s->entry_counts))
		return false;
	*count += s->guest_entries * s->entry_counts;
	return true;
}

#define RULE(whose, rule_id, function, sentence)                           \
	{                                                                  \
		.id = (rule_id), .contract = (whose), .words = (sentence), \
		.expect = (function)                                       \
	}

struct rules {
	const struct rule *rule;
	size_t count;
};

#define RULES(array)                                                       \
	{                                                                  \
		.rule = (array), .count = sizeof(array) / sizeof(*(array)) \
	}

extern const struct rules mediated_rules;
extern const struct rules guest_rules;
extern const struct rules seed_rules;
extern const struct rules defect_rules;

#endif
