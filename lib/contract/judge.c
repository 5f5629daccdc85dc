// SPDX-License-Identifier: GPL-2.0-only
/* Comparing what was seen with what the contract allows. */
#include <string.h>

#include "expect.h"

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

static const struct rules *const contracts[] = {
	&mediated_rules,
	&guest_rules,
	&seed_rules,
	&defect_rules,
};

const struct rule *contract_rule_at(size_t index)
{
	for (size_t i = 0; i < sizeof(contracts) / sizeof(*contracts); i++) {
		if (index < contracts[i]->count)
			return &contracts[i]->rule[index];
		index -= contracts[i]->count;
	}
	return NULL;
}

const struct rule *contract_rule(const char *id)
{
	const struct rule *rule;

	for (size_t i = 0; (rule = contract_rule_at(i)); i++) {
		if (!strcmp(rule->id, id))
			return rule;
	}
	return NULL;
}

bool contract_has(enum contract spoken, const struct rule *rule)
{
	if (spoken == CONTRACT_NONE)
		return false;
	if (rule->contract == CONTRACT_ANY)
		return true;
	if (spoken == CONTRACT_SEED_LITERAL)
		spoken = CONTRACT_SEED;
	return rule->contract == spoken;
}

static const char *const contract_names[] = {
	[CONTRACT_NONE] = "none", [CONTRACT_MEDIATED] = "mediated",
	[CONTRACT_SEED] = "seed", [CONTRACT_SEED_LITERAL] = "seed-literal",
	[CONTRACT_ANY] = "any",
};

const char *contract_name(enum contract contract)
{
	return contract_names[contract];
}

enum contract contract_named(const char *name)
{
	for (int i = CONTRACT_MEDIATED; i <= CONTRACT_SEED_LITERAL; i++) {
		if (!strcmp(contract_names[i], name))
			return (enum contract)i;
	}
	return CONTRACT_NONE;
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
