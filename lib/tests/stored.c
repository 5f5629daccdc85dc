// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"

static const struct {
	const char *name;
	int number;
} errnos[] = {
	{ "EACCES", EACCES }, { "EBUSY", EBUSY },
	{ "EINVAL", EINVAL }, { "EOPNOTSUPP", EOPNOTSUPP },
	{ "ENOENT", ENOENT },
};

static int parse_number(const char *text, int64_t *value)
{
	char *end;

	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++) {
		if (!strcmp(errnos[i].name, text)) {
			*value = errnos[i].number;
			return 0;
		}
	}
	*value = strtoll(text, &end, 10);
	return *end || end == text ? -1 : 0;
}

static int set_field(void *base, const char *(*field)(size_t, size_t *),
		     char *pair)
{
	char *value = strchr(pair, '=');
	const char *name;
	size_t offset;

	if (!value)
		return -1;
	*value++ = 0;
	for (size_t i = 0; (name = field(i, &offset)); i++) {
		if (!strcmp(name, pair))
			return parse_number(value,
					    contract_value(base, offset));
	}
	return -1;
}

static int set_fields(void *base, const char *(*field)(size_t, size_t *),
		      char *save)
{
	char *pair;

	while ((pair = strtok_r(NULL, " \t", &save))) {
		if (set_field(base, field, pair))
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
