// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "stored.h"

/* A word of the member's kind, or a number, for bits in hex. */
static int parse_value(enum field_kind kind, const char *text, int64_t *value)
{
	char *end;

	if (!value_of_word(kind, text, value))
		return 0;
	*value = strtoll(text, &end, kind == FIELD_MASK ? 0 : 10);
	return *end || end == text ? -1 : 0;
}

static int set_field(void *base, const struct field *(*at)(size_t), char *pair)
{
	char *value = strchr(pair, '=');
	const struct field *field;

	if (!value)
		return -1;
	*value++ = 0;
	field = field_named(at, pair);
	if (!field)
		return -1;
	return parse_value(field->kind, value,
			   contract_value(base, field->offset));
}

static int set_fields(void *base, const struct field *(*at)(size_t), char *save)
{
	char *pair;

	while ((pair = strtok_r(NULL, " \t", &save))) {
		if (set_field(base, at, pair))
			return -1;
	}
	return 0;
}

static int take_line(struct stored *stored, char *text)
{
	char *save, *word = strtok_r(text, " \t", &save);

	if (!strcmp(word, "rule")) {
		const char *id = strtok_r(NULL, " \t", &save);

		if (!id)
			return -1;
		snprintf(stored->rule, sizeof(stored->rule), "%s", id);
		return 0;
	}
	if (!strcmp(word, "scenario"))
		return set_fields(&stored->scenario, scenario_field, save);
	if (!strcmp(word, "observed"))
		return set_fields(&stored->observation, observation_field,
				  save);
	return -1;
}

int stored_next(FILE *file, struct stored *stored, int *line)
{
	char text[1024];

	stored->rule[0] = 0;
	stored->scenario = scenario_unknown;
	stored->observation = observation_unknown;
	while (fgets(text, sizeof(text), file)) {
		(*line)++;
		text[strcspn(text, "#\n")] = 0;
		if (!text[strspn(text, " \t")]) {
			if (stored->rule[0])
				return 1;
			continue;
		}
		if (take_line(stored, text))
			return -1;
	}
	return stored->rule[0] ? 1 : 0;
}
