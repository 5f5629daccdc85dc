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
 * each VM entry (lib/perf/calibration.h). Where that is another number after
 * one exit than after another, nobody can say more than that nothing is lost.
 */
struct guest_count {
	int64_t least, most;
};

/* Returns false if the scenario leaves that open. */
static inline bool guest_count(const struct scenario *s,
			       struct guest_count *count)
{
	if (!known(s->guest_work) || !known(s->guest_entries))
		return false;
	count->least = s->guest_work;
	count->most = s->guest_work;
	/* Whether any counts, and which, is not known: also not of equally
	 * many. */
	if (s->entries_alike == 0) {
		count->most = VALUE_MAX;
		return s->guest_entries >= 0;
	}
	if (!s->guest_entries)
		return true;
	if (!known(s->entry_counts) || !known(s->entries_alike))
		return false;
	count->least += s->guest_entries * s->entry_counts;
	count->most = count->least;
	return true;
}

/*
 * VMRUN leads to the nested guest and belongs to it, whether the processor
 * executes it or KVM does. So it does twice: KVM enters the nested guest by one
 * of its own. Another one leads back. Returns false if the scenario leaves that
 * open.
 */
static inline bool nested_count(const struct scenario *s, int64_t *count)
{
	int64_t own, nested;

	if (!known(s->host_only) || !known(s->guest_only) ||
	    !known(s->guest_work) || !(s->nested_entries > 0) ||
	    !known(s->entry_counts) || s->entries_alike != 1)
		return false;
	own = s->guest_work + s->nested_entries * s->entry_counts;
	nested = s->nested_entries + s->nested_entries * s->entry_counts;
	*count = s->host_only == s->guest_only ? own + nested
		 : s->host_only		       ? own
					       : nested;
	return true;
}

#define COUNTS(name, count) EXPECT(name, (count).least, (count).most)

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
