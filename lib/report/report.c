// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sync/timeline.h"
#include "known.h"
#include "report.h"

const char *errno_name(int64_t err)
{
	static char number[24];

	switch (err) {
	case 0:
		return "0";
	case EACCES:
		return "EACCES";
	case EBUSY:
		return "EBUSY";
	case EINVAL:
		return "EINVAL";
	case EMFILE:
		return "EMFILE";
	case ENOENT:
		return "ENOENT";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	case EPERM:
		return "EPERM";
	default:
		snprintf(number, sizeof(number), "errno %lld", (long long)err);
		return number;
	}
}

static bool is_errno(const char *field)
{
	size_t length = strlen(field);

	return !strcmp(field, "err") ||
	       (length > 6 && !strcmp(field + length - 6, "_errno"));
}

static void print_value(const char *field, int64_t value)
{
	if (value == NOT_KNOWN)
		printf("not known");
	else if (is_errno(field))
		printf("%s", errno_name(value));
	else
		printf("%lld", (long long)value);
}

static void print_fields(const char *label, const void *base,
			 const char *(*field)(size_t, size_t *))
{
	const char *name;
	size_t offset;

	printf("#   %-9s", label);
	for (size_t i = 0; (name = field(i, &offset)); i++) {
		int64_t value = contract_get(base, offset);

		if (value == NOT_KNOWN)
			continue;
		printf(" %s=", name);
		print_value(name, value);
	}
	printf("\n");
}

static void print_expected(const struct expectation *e)
{
	printf("#   expected  %s ", e->field);
	if (e->lo == e->hi) {
		print_value(e->field, e->lo);
	} else if (e->hi == VALUE_MAX) {
		printf("at least %lld", (long long)e->lo);
	} else if (e->lo == VALUE_MIN) {
		printf("at most %lld", (long long)e->hi);
	} else {
		printf("from %lld to %lld", (long long)e->lo, (long long)e->hi);
	}
	printf("%s\n", e->control ? " (control)" : "");
}

/* Once in a case: times are from the oldest that was kept then. */
static void print_timeline(void)
{
	static bool printed;
	char line[128];

	if (printed)
		return;
	printed = true;
	for (size_t i = 0; !timeline_line(i, line, sizeof(line)); i++)
		printf("#   timeline  %s\n", line);
}

static void print_details(const char *test, const struct finding *finding,
			  const struct scenario *s, const struct observation *o)
{
	const char *again = getenv("PMU_AGAIN");

	print_fields("scenario", s, scenario_field);
	if (finding->missed.field)
		print_expected(&finding->missed);
	print_fields("observed", o, observation_field);
	if (again)
		printf("#   again     %s%s\n", again, test);
	else
		printf("#   again     %s -t %s\n", program_invocation_name,
		       test);
	print_timeline();
}

enum report_outcome report_judge(const char *test, const char *rule,
				 const struct scenario *s,
				 const struct observation *o, char *defect)
{
	const struct rule *asked = contract_rule(rule);
	const struct known *known;
	struct finding finding;

	if (!asked) {
		report_broken("%s is no rule of the contract", rule);
		return REPORT_FAIL;
	}
	finding = contract_judge(asked, s, o);
	known = known_find(rule);

	if (finding.verdict == CONFORMS) {
		printf("# conforms %s\n", rule);
		if (known)
			printf("# stale %s %s did not show: narrow or remove its entry in configs/known\n",
			       known->id, rule);
		return REPORT_PASS;
	}
	if (finding.verdict == VIOLATES && known) {
		printf("# known %s %s: %s\n", known->id, rule, known->words);
		snprintf(defect, 16, "%s", known->id);
	} else {
		known = NULL;
		printf("# %s %s: %s\n", verdict_name(finding.verdict), rule,
		       asked->words);
	}
	print_details(test, &finding, s, o);
	return known ? REPORT_KNOWN : REPORT_FAIL;
}

static void print_line(const char *word, const char *format, va_list args)
{
	printf("# %s ", word);
	vprintf(format, args);
	printf("\n");
}

void report_broken(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("broken", format, args);
	va_end(args);
}

void report_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("note", format, args);
	va_end(args);
}
