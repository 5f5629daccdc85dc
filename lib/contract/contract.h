/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The executable contract: what a kernel that hands its PMU to guests must do.
 *
 * A test describes what it set up (struct scenario) and what it then saw
 * (struct observation). The model answers with what a conforming kernel may
 * show (struct expectation), and contract_judge() compares. Everything here is
 * a pure function of its arguments: no system call, no clock, no allocation,
 * no output. The words behind each rule are in docs/contract/.
 */
#ifndef PMU_CONTRACT_H
#define PMU_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"

/* A value nobody measured or stated. Never equal to a measured one. */
#define NOT_KNOWN INT64_MIN

static inline bool known(int64_t value)
{
	return value != NOT_KNOWN;
}

#define VALUE_MIN (INT64_MIN + 1)
#define VALUE_MAX INT64_MAX

/*
 * What a kernel speaks. CONTRACT_RFC_AS_POSTED is the RFC with the bugs it was
 * posted with; its rules are those of CONTRACT_RFC.
 */
enum contract {
	CONTRACT_NONE,
	CONTRACT_MEDIATED,
	CONTRACT_RFC,
	CONTRACT_RFC_AS_POSTED,
	CONTRACT_EMULATED,
};

/* Sets of contracts that promise a rule. */
#define BY_MEDIATED (1u << CONTRACT_MEDIATED)
#define BY_RFC (1u << CONTRACT_RFC)
#define BY_EMULATED (1u << CONTRACT_EMULATED)
/* Those that hand the PMU over. */
#define BY_PASSTHROUGH (BY_MEDIATED | BY_RFC)
#define BY_ALL (BY_PASSTHROUGH | BY_EMULATED)

#define CONTRACT_ENUMERATOR(name, word) name,
enum pmu_kind { PMU_KINDS(CONTRACT_ENUMERATOR) };
enum event_state { EVENT_STATES(CONTRACT_ENUMERATOR) };
enum guest_register { GUEST_REGISTERS(CONTRACT_ENUMERATOR) };
enum request { REQUESTS(CONTRACT_ENUMERATOR) };
#undef CONTRACT_ENUMERATOR

/*
 * How a value is written: a number, nanoseconds, an errno by its name, bits in
 * hex, or the word of an enumerator.
 */
enum field_kind {
	FIELD_NUMBER,
	FIELD_NS,
	FIELD_ERRNO,
	FIELD_MASK,
	FIELD_PMU,
	FIELD_STATE,
	FIELD_REGISTER,
	FIELD_REQUEST,
};

#define CONTRACT_MEMBER(name, kind, gloss) int64_t name;
struct scenario {
	SCENARIO_FIELDS(CONTRACT_MEMBER)
};

struct observation {
	OBSERVATION_FIELDS(CONTRACT_MEMBER)
};
#undef CONTRACT_MEMBER

/* Start from these: every field not named afterwards is NOT_KNOWN. */
extern const struct scenario scenario_unknown;
extern const struct observation observation_unknown;

/*
 * One observable and the values a conforming kernel may show.
 * @field:   name of a member of struct observation
 * @offset:  where that member is
 * @lo, @hi: bounds, both included
 * @control: proves that the instrument works; if it fails, nothing was learned
 * @promised_by: of a control, the rule that promises it, NULL if none does
 */
struct expectation {
	const char *field;
	size_t offset;
	int64_t lo;
	int64_t hi;
	bool control;
	const char *promised_by;
};

#define EXPECTATIONS_MAX 8

/*
 * What a rule demands of a scenario.
 * @of:      the expectations, all to be met
 * @count:   how many
 * @missing: what the scenario would have to state, NULL if nothing
 */
struct demands {
	struct expectation of[EXPECTATIONS_MAX];
	int count;
	const char *missing;
};

enum verdict {
	CONFORMS,
	VIOLATES,
	BROKEN,
	UNDECIDED,
};

/*
 * @verdict: what the observation says about the rule
 * @about:   that rule: the one that was asked about, or the one that promises
 *           the control that failed
 * @missed:  the expectation that decided it, NULL if it conforms
 * @seen:    what was observed in its place
 * @missing: what the scenario would have to state, NULL if nothing
 */
struct finding {
	enum verdict verdict;
	const struct rule *about;
	struct expectation missed;
	int64_t seen;
	const char *missing;
};

/*
 * @id:       permanent number, as in docs/contract/
 * @promised: by which contracts, a set of BY_*
 * @words:    the rule in one sentence
 * @source:   the kernel functions it was read in, or the manual's section
 * @document: where more is said about it, from the top of the tree
 * @expect:   fills in what it demands of the scenario
 */
struct rule {
	const char *id;
	unsigned int promised;
	const char *words;
	const char *source;
	const char *document;
	void (*expect)(const struct scenario *s, struct demands *d);
};

/*
 * All rules of all contracts in the order of their numbers, by @index from 0;
 * NULL after the last.
 */
const struct rule *contract_rule_at(size_t index);

/* The rule called @id, or NULL. */
const struct rule *contract_rule(const char *id);

/* Does a kernel that speaks @spoken promise this rule? */
bool contract_has(enum contract spoken, const struct rule *rule);

/*
 * Which contracts promise any of the rules that a case is named after, as
 * M6_M7_words is: a set of BY_*. Of a name without a rule, all.
 */
unsigned int contracts_of_case(const char *name);

/* Is this one of them? */
bool contract_among(enum contract spoken, unsigned int promised);

/* The name by which a contract is asked for, e.g. "rfc-as-posted". */
const char *contract_name(enum contract contract);

/* The contract of that name, or CONTRACT_NONE. */
enum contract contract_named(const char *name);

/*
 * Compare an observation with what the rule demands of the scenario.
 * Returns a finding: BROKEN if a control failed that no rule promises,
 * UNDECIDED if the scenario or the observation leaves a demanded value open,
 * else VIOLATES or CONFORMS.
 */
struct finding contract_judge(const struct rule *rule, const struct scenario *s,
			      const struct observation *o);

const char *verdict_name(enum verdict verdict);

/*
 * A member of a scenario or an observation.
 * @name:   as in C
 * @offset: where it is, in bytes
 * @kind:   how its values are written
 * @gloss:  what it means, in a few words
 */
struct field {
	const char *name;
	size_t offset;
	enum field_kind kind;
	const char *gloss;
};

/* All of them, by @index from 0; NULL after the last. */
const struct field *scenario_field(size_t index);
const struct field *observation_field(size_t index);

/* The member of that name of what @at lists, or NULL. */
const struct field *field_named(const struct field *(*at)(size_t index),
				const char *name);

/* The word for a value of that kind, or NULL if it is written as a number. */
const char *value_word(enum field_kind kind, int64_t value);

/* The value of that kind that @word stands for. Returns 0, or -1 if none. */
int value_of_word(enum field_kind kind, const char *word, int64_t *value);

static inline int64_t *contract_value(void *base, size_t offset)
{
	return (int64_t *)((char *)base + offset);
}

static inline int64_t contract_get(const void *base, size_t offset)
{
	return *(const int64_t *)((const char *)base + offset);
}

#endif
