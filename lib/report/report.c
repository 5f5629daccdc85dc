// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/timeline.h"
#include "known.h"
#include "report.h"

static void print_value(const struct field *field, int64_t value)
{
	const char *word = value_word(field->kind, value);

	if (value == NOT_KNOWN)
		printf("not known");
	else if (word)
		printf("%s", word);
	else if (field->kind == FIELD_ERRNO && value)
		printf("errno %lld", (long long)value);
	else if (field->kind == FIELD_MASK)
		printf("%#llx", (unsigned long long)value);
	else
		printf("%lld", (long long)value);
}

/* All that are known, but for @but, each with what it means. */
static void print_fields(const char *label, const void *base,
			 const struct field *(*at)(size_t), const char *but)
{
	const struct field *field;

	for (size_t i = 0; (field = at(i)); i++) {
		int64_t value = contract_get(base, field->offset);

		if (value == NOT_KNOWN || (but && !strcmp(field->name, but)))
			continue;
		printf("#   %-9s %s=", label, field->name);
		print_value(field, value);
		printf(" (%s)\n", field->gloss);
	}
}

static void print_bounds(const struct field *field, const struct expectation *e)
{
	if (e->lo == e->hi) {
		print_value(field, e->lo);
	} else if (e->hi == VALUE_MAX) {
		printf("at least %lld", (long long)e->lo);
	} else if (e->lo == VALUE_MIN) {
		printf("at most %lld", (long long)e->hi);
	} else {
		printf("from %lld to %lld", (long long)e->lo, (long long)e->hi);
	}
}

static void print_missed(const char *asked, const struct expectation *e,
			 int64_t seen)
{
	const struct field *field = field_named(observation_field, e->field);

	printf("#   missed    %s (%s): expected ", field->name, field->gloss);
	print_bounds(field, e);
	if (e->control)
		printf(" as a control of %s", asked);
	printf(", was ");
	print_value(field, seen);
	printf("\n");
}

/* A need as the rule has it, "s->guest_iterations > 0", without the pointer. */
static void print_missing(const char *need)
{
	char name[64];
	const struct field *field;

	printf("#   missing   the case does not state ");
	while (*need) {
		if (!strncmp(need, "s->", 3))
			need += 3;
		size_t length =
			strspn(need, "abcdefghijklmnopqrstuvwxyz_0123456789");

		if (!length) {
			putchar(*need++);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)length, need);
		field = field_named(scenario_field, name);
		printf("%s", name);
		if (field)
			printf(" (%s)", field->gloss);
		need += length;
	}
	printf("\n");
}

/* Of the folders only the suite's own: others are those of who built it. */
static void print_place(const struct report_place *place)
{
	const char *file = strstr(place->file, "/selftests/");

	if (!file)
		file = strrchr(place->file, '/');
	printf("#   at        %s:%d%s\n", file ? file + 1 : place->file,
	       place->line, place->step);
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

/* The command that repeats it. */
static void print_again(const char *test)
{
	const char *again = getenv("PMU_AGAIN");

	if (again)
		printf("#   again     %s%s\n", again, test);
	else
		printf("#   again     %s %s %s\n", program_invocation_name,
		       strchr(test, '.') ? "-r" : "-t", test);
}

/* The line that says it; @defect is filled in if it is @known. */
static void print_verdict(const struct finding *finding,
			  const struct known *known, char *defect)
{
	if (known) {
		printf("# known %s %s: %s\n", known->id, finding->about->id,
		       known->words);
		snprintf(defect, 16, "%s", known->id);
		return;
	}
	printf("# %s %s: %s\n", verdict_name(finding->verdict),
	       finding->about->id, finding->about->words);
}

static void print_details(const struct report_place *place, const char *asked,
			  const struct finding *finding,
			  const struct scenario *s, const struct observation *o)
{
	printf("#   source    %s; %s\n", finding->about->source,
	       finding->about->document);
	print_place(place);
	if (finding->missing)
		print_missing(finding->missing);
	if (finding->missed.field)
		print_missed(asked, &finding->missed, finding->seen);
	print_fields("scenario", s, scenario_field, NULL);
	print_fields("observed", o, observation_field, finding->missed.field);
	print_again(place->test);
	print_timeline();
}

enum report_outcome report_judge(const struct report_place *place,
				 const char *rule, const struct scenario *s,
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
	known = known_find(finding.about->id);
	if (known_complaint())
		report_broken("%s", known_complaint());

	if (finding.verdict == CONFORMS) {
		printf("# conforms %s\n", rule);
		if (known)
			printf("# stale %s %s did not show: narrow or remove its entry in configs/known\n",
			       known->id, rule);
		return REPORT_PASS;
	}
	if (finding.verdict != VIOLATES)
		known = NULL;
	print_verdict(&finding, known, defect);
	print_details(place, rule, &finding, s, o);
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

enum report_outcome report_complaint(const char *test, const char *line,
				     char *defect)
{
	const struct finding finding = {
		.verdict = VIOLATES,
		.about = contract_rule("M55"),
	};
	const struct known *known = known_find(finding.about->id);

	print_verdict(&finding, known, defect);
	printf("#   source    %s; %s\n", finding.about->source,
	       finding.about->document);
	printf("#   log       %s\n", line);
	print_again(test);
	return known ? REPORT_KNOWN : REPORT_FAIL;
}

void report_took(uint64_t took_ns, int64_t computing_ns)
{
	printf("# took %.3f ms", (double)took_ns / 1e6);
	if (computing_ns != NOT_KNOWN)
		printf(", %.3f ms of it computing", (double)computing_ns / 1e6);
	printf("\n");
}
