/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a rule is written down: number, sentence, source and what it expects, in
 * one block and nowhere else. For lib/contract only.
 *
 *	RULE(M9, "the claim ends with the VM", "kvm_arch_destroy_vm()")
 *	{
 *		NEEDS(s->refs == 0);
 *		CONTROL(counted_before, 1);
 *		EXACTLY(claimed, 0);
 *	}
 *
 * A file of rules says who promises them (RULES_OF, a set of BY_*) and which
 * document has more words about them (RULES_IN) before it includes this; either
 * may change further down. The linker collects them; no list and no count is
 * kept.
 */
#ifndef PMU_CONTRACT_RULE_H
#define PMU_CONTRACT_RULE_H

#include "contract.h"

#define RULE(number, sentence, origin) \
	RULE_(__COUNTER__, #number, sentence, origin)
#define RULE_(n, number, sentence, origin) RULE__(n, number, sentence, origin)
#define RULE__(n, number, sentence, origin)                                   \
	static void expect_##n(const struct scenario *s, struct demands *d);  \
	static const struct rule rule_##n = {                                 \
		.id = (number),                                               \
		.promised = RULES_OF,                                         \
		.words = (sentence),                                          \
		.source = (origin),                                           \
		.document = RULES_IN,                                         \
		.expect = expect_##n,                                         \
	};                                                                    \
	static const struct rule *rule_entry_##n                              \
		__attribute__((section("contract_rules"), used)) = &rule_##n; \
	static void expect_##n(const struct scenario *s, struct demands *d)

/* What the case must have stated; else the rule expects nothing of it. */
#define NEEDS(condition) NEEDS_THAT(condition, #condition)

/* The same, where the condition has a name of its own. */
#define NEEDS_THAT(condition, words)               \
	do {                                       \
		if (!require(d, condition, words)) \
			return;                    \
	} while (0)

/* The same of one member, whatever its value. */
#define STATED(name)                                    \
	do {                                            \
		if (!require(d, known(s->name), #name)) \
			return;                         \
	} while (0)

/* The exception of an access to what is not there. */
#define GP_VECTOR 13

/* The values of a member of the observation that conform, both included. */
#define EXPECT(name, low, high)                                         \
	demand(d, (struct expectation){                                 \
			  .field = #name,                               \
			  .offset = offsetof(struct observation, name), \
			  .lo = (low),                                  \
			  .hi = (high) })

#define EXACTLY(name, value) EXPECT(name, value, value)
#define AT_LEAST(name, low) EXPECT(name, low, VALUE_MAX)
#define AT_MOST(name, high) EXPECT(name, VALUE_MIN, high)

/*
 * A clock that takes the guest in would show at least the time its event was
 * present, and that must be more than the rule allows: else the guest's time
 * could pass for the host's, and such a clock would conform.
 */
#define GUEST_WOULD_SHOW()                                               \
	do {                                                             \
		STATED(guest_min_ns);                                    \
		STATED(wall_max_ns);                                     \
		STATED(present_ns);                                      \
		NEEDS(s->guest_min_ns > s->wall_max_ns - s->present_ns); \
	} while (0)

/* A control: it must have counted, or "did not count" means nothing. */
#define CONTROL(name, low) CONTROL_(NULL, name, low)

/*
 * A control that another rule promises: where it fails, that one is violated,
 * and the suite is not to blame.
 */
#define CONTROL_BY(rule, name, low) CONTROL_(#rule, name, low)

#define CONTROL_(rule, name, low)                                       \
	demand(d, (struct expectation){                                 \
			  .field = #name,                               \
			  .offset = offsetof(struct observation, name), \
			  .lo = (low),                                  \
			  .hi = VALUE_MAX,                              \
			  .control = true,                              \
			  .promised_by = (rule) })

/* Keep the first need that is not met. Returns @met, or false after one was
 * not. */
static inline bool require(struct demands *d, bool met, const char *need)
{
	if (!met && !d->missing)
		d->missing = need;
	return !d->missing;
}

static inline void demand(struct demands *d, struct expectation e)
{
	if (d->count < EXPECTATIONS_MAX)
		d->of[d->count++] = e;
	else
		require(d, false, "fewer expectations: EXPECTATIONS_MAX");
}

/*
 * What a counter of the guest gains: its work, and what the processor adds for
 * each VM entry (lib/perf/calibration.h). Where that is another number after
 * one exit than after another, nobody can say more than that nothing is lost.
 */
struct guest_count {
	int64_t least, most;
};

/* Returns false, with the need kept in @d, if the scenario leaves that open. */
static inline bool guest_count(const struct scenario *s, struct demands *d,
			       struct guest_count *count)
{
	if (!require(d, known(s->guest_work), "guest_work") ||
	    !require(d, known(s->guest_entries), "guest_entries"))
		return false;
	count->least = s->guest_work;
	count->most = s->guest_work;
	/* Whether any counts, and which, is not known: also not of equally
	 * many. */
	if (s->entries_alike == 0) {
		count->most = VALUE_MAX;
		return require(d, s->guest_entries >= 0, "guest_entries >= 0");
	}
	if (!s->guest_entries)
		return true;
	if (!require(d, known(s->entry_counts), "entry_counts") ||
	    !require(d, known(s->entries_alike), "entries_alike"))
		return false;
	count->least += s->guest_entries * s->entry_counts;
	count->most = count->least;
	return true;
}

/*
 * VMRUN leads to the nested guest and belongs to it, whether the processor
 * executes it or KVM does. So it does twice: KVM enters the nested guest by one
 * of its own. Another one leads back. Returns false, with the need kept in
 * @d, if the scenario leaves that open.
 */
static inline bool nested_count(const struct scenario *s, struct demands *d,
				int64_t *count)
{
	int64_t own, nested;

	if (!require(d, known(s->host_only), "host_only") ||
	    !require(d, known(s->guest_only), "guest_only") ||
	    !require(d, known(s->guest_work), "guest_work") ||
	    !require(d, s->nested_entries > 0, "nested_entries > 0") ||
	    !require(d, known(s->entry_counts), "entry_counts") ||
	    !require(d, s->entries_alike == 1, "entries_alike == 1"))
		return false;
	own = s->guest_work + s->nested_entries * s->entry_counts;
	nested = s->nested_entries + s->nested_entries * s->entry_counts;
	*count = s->host_only == s->guest_only ? own + nested
		 : s->host_only		       ? own
					       : nested;
	return true;
}

static inline void expect_kept(const struct scenario *s, struct demands *d)
{
	if (!require(d, s->guest_counters > 0, "guest_counters > 0"))
		return;
	EXACTLY(mismatches, 0);
}

/* The vCPU that was saved goes on, too, and is the control. */
static inline void expect_restored(const struct scenario *s, struct demands *d)
{
	if (!require(d, s->overflows > 0, "overflows > 0") ||
	    !require(d, known(s->status), "status"))
		return;
	CONTROL(interrupts_unsaved, s->overflows);
	EXACTLY(failed, 0);
	EXACTLY(status_made, s->status);
	EXACTLY(interrupts, s->overflows);
}

/* A guest that counted, and an event of the host that sampled before it. */
static inline void expect_set_up_again(const struct scenario *s,
				       struct demands *d)
{
	if (!require(d, s->exits_asked > 0, "exits_asked > 0"))
		return;
	CONTROL(exits_made, s->exits_asked);
	CONTROL(guest_control, 1);
	CONTROL(counted_before, 1);
	EXACTLY(registers_left, 0);
	AT_LEAST(samples_after, 1);
}

#define COUNTS(name, count) EXPECT(name, (count).least, (count).most)

#endif
