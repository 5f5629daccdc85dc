// SPDX-License-Identifier: GPL-2.0-only
/* Comparing what was seen with what the contract allows. */
#include <string.h>

#include "contract.h"

#define UNKNOWN(name) .name = NOT_KNOWN,
const struct scenario scenario_unknown = { SCENARIO_FIELDS(UNKNOWN) };
const struct observation observation_unknown = { OBSERVATION_FIELDS(UNKNOWN) };

struct field {
	const char *name;
	size_t offset;
};

#define SCENARIO_FIELD(name) { #name, offsetof(struct scenario, name) },
#define OBSERVATION_FIELD(name) { #name, offsetof(struct observation, name) },
static const struct field scenario_fields[] = { SCENARIO_FIELDS(
	SCENARIO_FIELD) };
static const struct field observation_fields[] = { OBSERVATION_FIELDS(
	OBSERVATION_FIELD) };

static const char *field_at(const struct field *fields, size_t count,
			    size_t index, size_t *offset)
{
	if (index >= count)
		return NULL;
	*offset = fields[index].offset;
	return fields[index].name;
}

const char *scenario_field(size_t index, size_t *offset)
{
	return field_at(scenario_fields,
			sizeof(scenario_fields) / sizeof(*scenario_fields),
			index, offset);
}

const char *observation_field(size_t index, size_t *offset)
{
	return field_at(observation_fields,
			sizeof(observation_fields) /
				sizeof(*observation_fields),
			index, offset);
}

const struct rule *contract_rule(const char *id)
{
	for (size_t i = 0; i < contract_rules_count; i++) {
		if (!strcmp(contract_rules[i].id, id))
			return &contract_rules[i];
	}
	return NULL;
}

/* A failed control outranks everything: the instrument cannot be trusted. */
static int rank(enum verdict verdict)
{
	switch (verdict) {
	case BROKEN:
		return 3;
	case VIOLATES:
		return 2;
	case UNDECIDED:
		return 1;
	default:
		return 0;
	}
}

static enum verdict weigh(const struct expectation *e, int64_t seen)
{
	if (seen == NOT_KNOWN)
		return UNDECIDED;
	if (seen >= e->lo && seen <= e->hi)
		return CONFORMS;
	return e->control ? BROKEN : VIOLATES;
}

struct finding contract_judge(const struct rule *rule, const struct scenario *s,
			      const struct observation *o)
{
	struct expectation e[EXPECTATIONS_MAX];
	struct finding finding = { .verdict = CONFORMS, .seen = NOT_KNOWN };
	int count = rule->expect(s, e);

	if (!count)
		finding.verdict = UNDECIDED;

	for (int i = 0; i < count; i++) {
		int64_t seen = contract_get(o, e[i].offset);
		enum verdict verdict = weigh(&e[i], seen);

		if (rank(verdict) > rank(finding.verdict)) {
			finding.verdict = verdict;
			finding.missed = e[i];
			finding.seen = seen;
		}
	}
	return finding;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[CONFORMS] = "conforms",
		[VIOLATES] = "violates",
		[BROKEN] = "broken",
		[UNDECIDED] = "undecided",
	};

	return names[verdict];
}
