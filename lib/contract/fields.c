// SPDX-License-Identifier: GPL-2.0-only
/* The members of scenarios and observations, and the words for their values. */
#include <errno.h>
#include <string.h>

#include "contract.h"

#define UNKNOWN(name, kind, gloss) .name = NOT_KNOWN,
const struct scenario scenario_unknown = { SCENARIO_FIELDS(UNKNOWN) };
const struct observation observation_unknown = { OBSERVATION_FIELDS(UNKNOWN) };

#define IN_SCENARIO(name, kind, gloss) \
	{ #name, offsetof(struct scenario, name), FIELD_##kind, gloss },
#define IN_OBSERVATION(name, kind, gloss) \
	{ #name, offsetof(struct observation, name), FIELD_##kind, gloss },
static const struct field scenario_fields[] = { SCENARIO_FIELDS(IN_SCENARIO) };
static const struct field observation_fields[] = { OBSERVATION_FIELDS(
	IN_OBSERVATION) };

#define SIZE(array) (sizeof(array) / sizeof(*(array)))

const struct field *scenario_field(size_t index)
{
	return index < SIZE(scenario_fields) ? &scenario_fields[index] : NULL;
}

const struct field *observation_field(size_t index)
{
	return index < SIZE(observation_fields) ? &observation_fields[index]
						: NULL;
}

const struct field *field_named(const struct field *(*at)(size_t index),
				const char *name)
{
	const struct field *field;

	for (size_t i = 0; (field = at(i)); i++) {
		if (!strcmp(field->name, name))
			return field;
	}
	return NULL;
}

struct word {
	const char *text;
	int64_t value;
};

#define WORD(value, text) { text, value },
#define ERRNO(name) { #name, name },
static const struct word pmus[] = { PMU_KINDS(WORD){ 0 } };
static const struct word states[] = { EVENT_STATES(WORD){ 0 } };
static const struct word registers[] = { GUEST_REGISTERS(WORD){ 0 } };
static const struct word requests[] = { REQUESTS(WORD){ 0 } };
static const struct word errnos[] = {
	ERRNO(E2BIG) ERRNO(EACCES) ERRNO(EBUSY) ERRNO(EFAULT) ERRNO(EINVAL)
		ERRNO(EMFILE) ERRNO(ENOENT) ERRNO(EOPNOTSUPP) ERRNO(EPERM){ 0 }
};

static const struct word none[] = { { 0 } };

static const struct word *words_of(enum field_kind kind)
{
	switch (kind) {
	case FIELD_PMU:
		return pmus;
	case FIELD_STATE:
		return states;
	case FIELD_REGISTER:
		return registers;
	case FIELD_REQUEST:
		return requests;
	case FIELD_ERRNO:
		return errnos;
	default:
		return none;
	}
}

const char *value_word(enum field_kind kind, int64_t value)
{
	for (const struct word *word = words_of(kind); word->text; word++) {
		if (word->value == value)
			return word->text;
	}
	return NULL;
}

int value_of_word(enum field_kind kind, const char *text, int64_t *value)
{
	for (const struct word *word = words_of(kind); word->text; word++) {
		if (!strcmp(word->text, text)) {
			*value = word->value;
			return 0;
		}
	}
	return -1;
}
