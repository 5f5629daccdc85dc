// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../contract/contract.h"
#include "calibration.h"

#define UNKNOWN(name, words) .name = NOT_KNOWN,
const struct calibration calibration_unknown = { CALIBRATION_FIELDS(UNKNOWN) };

static const struct fact_name {
	const char *name, *words;
	size_t offset;
} fields[] = {
#define FIELD(name, words) { #name, words, offsetof(struct calibration, name) },
	CALIBRATION_FIELDS(FIELD)
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

const char *calibration_field(size_t index, const char **words, size_t *offset)
{
	if (index >= FIELDS)
		return NULL;
	*words = fields[index].words;
	*offset = fields[index].offset;
	return fields[index].name;
}

static int read_one(const char *text, size_t length,
		    struct calibration *calibration)
{
	size_t name = strcspn(text, "=");
	long long value;
	char *end;

	if (name >= length)
		return EINVAL;
	errno = 0;
	value = strtoll(text + name + 1, &end, 10);
	if (errno || end == text + name + 1 || end != text + length)
		return EINVAL;
	for (size_t i = 0; i < FIELDS; i++) {
		if (strlen(fields[i].name) != name ||
		    strncmp(text, fields[i].name, name))
			continue;
		*contract_value(calibration, fields[i].offset) = value;
		return 0;
	}
	return EINVAL;
}

int calibration_read(const char *text, struct calibration *calibration)
{
	*calibration = calibration_unknown;
	while (*text) {
		size_t length = strcspn(text, ",");
		int err = read_one(text, length, calibration);

		if (err)
			return err;
		text += length + (text[length] == ',');
	}
	return 0;
}

int calibration_write(const struct calibration *calibration, char *text,
		      size_t size)
{
	size_t used = 0;

	if (size)
		*text = 0;
	for (size_t i = 0; i < FIELDS; i++) {
		int64_t value = contract_get(calibration, fields[i].offset);

		if (value == NOT_KNOWN)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s=%lld",
					 used ? "," : "", fields[i].name,
					 (long long)value);
		if (used >= size)
			return E2BIG;
	}
	return 0;
}

int calibration_of_entries(const int64_t added[2], const int64_t entries[2],
			   int64_t *each)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (entries[i] <= 0 || added[i] % entries[i])
			return EDOM;
	}
	if (added[0] / entries[0] != added[1] / entries[1])
		return EDOM;
	*each = added[0] / entries[0];
	return 0;
}
