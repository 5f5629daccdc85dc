// SPDX-License-Identifier: GPL-2.0-only
/* Comparing what was seen with what the contract allows. */
#include <string.h>

#include "contract.h"

/* What RULE() leaves to the linker to collect. */
extern const struct rule *__start_contract_rules[];
extern const struct rule *__stop_contract_rules[];

/* M before R, E and D; then by number, and what is asked beside it after it. */
static int by_number(const struct rule *first, const struct rule *second)
{
	static const char letters[] = "MRED";
	long order = strchr(letters, *first->id) - strchr(letters, *second->id);

	return order ? (int)order : strverscmp(first->id, second->id);
}

/*
 * The compiler and the linker put them in any order they like. Not qsort():
 * <stdlib.h> has getenv() as well, and what a rule expects depends on nothing.
 */
__attribute__((constructor)) static void sort_rules(void)
{
	const struct rule **rule = __start_contract_rules;
	size_t count = (size_t)(__stop_contract_rules - rule);

	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j && by_number(rule[j - 1], rule[j]) > 0;
		     j--) {
			const struct rule *later = rule[j - 1];

			rule[j - 1] = rule[j];
			rule[j] = later;
		}
	}
}

const struct rule *contract_rule_at(size_t index)
{
	if (index >= (size_t)(__stop_contract_rules - __start_contract_rules))
		return NULL;
	return __start_contract_rules[index];
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

bool contract_among(enum contract spoken, unsigned int promised)
{
	if (spoken == CONTRACT_RFC_AS_POSTED)
		spoken = CONTRACT_RFC;
	return spoken != CONTRACT_NONE && (promised & (1u << spoken));
}

bool contract_has(enum contract spoken, const struct rule *rule)
{
	return contract_among(spoken, rule->promised);
}

/* The rule whose id @name begins with, up to a '_' or the end, or NULL. */
static const struct rule *rule_of_words(const char *name, size_t length)
{
	char id[32];

	if (!length || length >= sizeof(id))
		return NULL;
	memcpy(id, name, length);
	id[length] = 0;
	/* What is asked beside a rule is written M23.page, a case M23_page_x.
	 */
	id[strcspn(id, "_")] = strchr(id, '_') ? '.' : 0;
	return contract_rule(id);
}

/* The same with the longer id first, and how long it is. */
static const struct rule *rule_in(const char *name, size_t *length)
{
	size_t first = strcspn(name, "_"), second = 0;
	const struct rule *rule = NULL;

	if (name[first])
		second = strcspn(name + first + 1, "_");
	*length = first + 1 + second;
	if (second)
		rule = rule_of_words(name, *length);
	if (rule)
		return rule;
	*length = first;
	return rule_of_words(name, first);
}

unsigned int contracts_of_case(const char *name)
{
	unsigned int promised = 0;
	size_t length;

	for (; *name; name += length + (name[length] == '_')) {
		const struct rule *rule = rule_in(name, &length);

		if (!rule)
			break;
		promised |= rule->promised;
	}
	return promised ? promised : BY_ALL;
}

static const char *const contract_names[] = {
	[CONTRACT_NONE] = "none",
	[CONTRACT_MEDIATED] = "mediated",
	[CONTRACT_RFC] = "rfc",
	[CONTRACT_RFC_AS_POSTED] = "rfc-as-posted",
	[CONTRACT_EMULATED] = "emulated",
};

const char *contract_name(enum contract contract)
{
	return contract_names[contract];
}

enum contract contract_named(const char *name)
{
	for (int i = CONTRACT_MEDIATED; i <= CONTRACT_EMULATED; i++) {
		if (!strcmp(contract_names[i], name))
			return (enum contract)i;
	}
	return CONTRACT_NONE;
}

/*
 * A failed control outranks everything: the instrument cannot be trusted. Above
 * all one that no rule promises: then nobody says who is to blame.
 */
static int rank(const struct expectation *e, enum verdict verdict)
{
	switch (verdict) {
	case BROKEN:
		return 4;
	case VIOLATES:
		return e->control ? 3 : 2;
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
	return e->control && !e->promised_by ? BROKEN : VIOLATES;
}

struct finding contract_judge(const struct rule *rule, const struct scenario *s,
			      const struct observation *o)
{
	struct demands d = { .count = 0 };
	struct finding finding = {
		.verdict = CONFORMS,
		.about = rule,
		.seen = NOT_KNOWN,
	};
	int worst = 0;

	rule->expect(s, &d);
	if (d.missing || !d.count) {
		finding.verdict = UNDECIDED;
		finding.missing = d.missing;
		return finding;
	}
	for (int i = 0; i < d.count; i++) {
		int64_t seen = contract_get(o, d.of[i].offset);
		enum verdict verdict = weigh(&d.of[i], seen);

		if (rank(&d.of[i], verdict) <= worst)
			continue;
		worst = rank(&d.of[i], verdict);
		finding.verdict = verdict;
		finding.missed = d.of[i];
		finding.seen = seen;
	}
	if (finding.verdict == VIOLATES && finding.missed.promised_by)
		finding.about = contract_rule(finding.missed.promised_by);
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
