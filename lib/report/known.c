// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../host/host.h"
#include "known.h"

#define KNOWN_MAX 64

static struct known entries[KNOWN_MAX];
static int count = -1;
/* What is wrong with the list, or "". */
static char complaint[600];

/* Copy the next field, trimmed, and step over its separator. */
static int next_field(const char **line, char *field, size_t size)
{
	const char *start = *line;
	size_t length = strcspn(start, "|\n");

	*line = start + length + (start[length] == '|');
	while (length && isspace((unsigned char)*start)) {
		start++;
		length--;
	}
	while (length && isspace((unsigned char)start[length - 1]))
		length--;
	if (!length || length >= size)
		return -1;
	memcpy(field, start, length);
	field[length] = 0;
	return 0;
}

int known_parse(const char *line, struct known *entry)
{
	const char *start = line + strspn(line, " \t\r\n");

	if (!*start || *start == '#')
		return 0;
	if (next_field(&line, entry->id, sizeof(entry->id)) ||
	    next_field(&line, entry->rule, sizeof(entry->rule)) ||
	    next_field(&line, entry->since, sizeof(entry->since)) ||
	    next_field(&line, entry->until, sizeof(entry->until)) ||
	    next_field(&line, entry->words, sizeof(entry->words)))
		return -1;
	return 1;
}

/* As far as the shorter of the two says: 7.3 covers 7.3.4. */
static int compare_release(const char *a, const char *b)
{
	for (int part = 0; part < 3; part++) {
		char *end_a, *end_b;
		long number_a = strtol(a, &end_a, 10);
		long number_b = strtol(b, &end_b, 10);

		if (end_a == a || end_b == b)
			return 0;
		if (number_a != number_b)
			return number_a < number_b ? -1 : 1;
		if (*end_a != '.' || *end_b != '.')
			return 0;
		a = end_a + 1;
		b = end_b + 1;
	}
	return 0;
}

int known_covers(const struct known *entry, const char *release)
{
	if (strcmp(entry->since, "-") &&
	    compare_release(release, entry->since) < 0)
		return 0;
	if (strcmp(entry->until, "-") &&
	    compare_release(release, entry->until) > 0)
		return 0;
	return 1;
}

static FILE *open_list(void)
{
	const char *path = getenv("PMU_KNOWN");
	char beside[4096];
	ssize_t length;
	char *slash;

	if (path)
		return fopen(path, "re");
	length = readlink("/proc/self/exe", beside, sizeof(beside) - 64);
	if (length < 0)
		return NULL;
	beside[length] = 0;
	slash = strrchr(beside, '/');
	if (!slash)
		return NULL;
	snprintf(slash + 1, (size_t)(beside + sizeof(beside) - slash - 1),
		 "known/%s.list", contract_name(host_contract()));
	return fopen(beside, "re");
}

static void load(void)
{
	const char *strict = getenv("PMU_STRICT");
	struct utsname name;
	char line[512];
	FILE *file;

	count = 0;
	if (strict && !strcmp(strict, "1"))
		return;
	file = open_list();
	if (!file)
		return;
	uname(&name);
	while (fgets(line, sizeof(line), file)) {
		struct known entry;
		int got = known_parse(line, &entry);

		line[strcspn(line, "\n")] = 0;
		if (got < 0)
			snprintf(complaint, sizeof(complaint),
				 "bad line in the list of known defects: %s",
				 line);
		if (got <= 0 || !known_covers(&entry, name.release))
			continue;
		if (count < KNOWN_MAX)
			entries[count++] = entry;
		else
			snprintf(
				complaint, sizeof(complaint),
				"the list of known defects has more than %d entries for this kernel",
				KNOWN_MAX);
	}
	fclose(file);
}

const char *known_complaint(void)
{
	return *complaint ? complaint : NULL;
}

const struct known *known_find(const char *rule)
{
	if (count < 0)
		load();
	for (int i = 0; i < count; i++) {
		if (!strcmp(entries[i].rule, rule))
			return &entries[i];
	}
	return NULL;
}
