// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this processor counts beside what it retires, measured, and whether that
 * fits what is known of it (lib/perf/calibration.h). With "--facts" for
 * results.json, a name and a value a line; its line "calibration" is what
 * PMU_CALIBRATION takes. Status 0 if it fits or nothing is known, 1 if not or
 * if it contradicts itself, 2 for bad input, 4 if nothing can be measured here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "contract/contract.h"
#include "host/host.h"
#include "host/limits.h"
#include "perf/event.h"
#include "vm/guest_calibrate.h"

#define GUEST_CPU 1
#define BAD_STATUS 2
#define SKIP_STATUS 4

static void print_words(const struct calibration *calibration)
{
	const char *name, *words;
	size_t offset;

	for (size_t i = 0; (name = calibration_field(i, &words, &offset));
	     i++) {
		int64_t value = contract_get(calibration, offset);

		if (value == NOT_KNOWN)
			printf("%-24s not measured: %s\n", name, words);
		else
			printf("%-24s %lld: %s\n", name, (long long)value,
			       words);
	}
}

/* A number, or what is said where none was published. */
static const char *known_number(int64_t value, char *text, size_t size)
{
	if (value == COUNTS_TOO_MANY)
		return "at least 1";
	snprintf(text, size, "%lld", (long long)value);
	return text;
}

static void print_known(const struct processor *processor)
{
	char instructions[24], branches[24];

	if (!processor) {
		printf("nothing is known of this processor; what was measured is taken\n");
		return;
	}
	printf("known: %s; a VM entry adds %s to instructions, %s to branches\n       (%s)\n",
	       processor->words,
	       known_number(processor->entry_instructions, instructions,
			    sizeof(instructions)),
	       known_number(processor->entry_branches, branches,
			    sizeof(branches)),
	       processor->source);
}

static const char *verdict(const struct calibrating *how,
			   const struct processor *processor, bool fits)
{
	if (how->err == EDOM)
		return "contradicts itself";
	if (how->err)
		return "not measured";
	if (!processor)
		return "unknown processor";
	return fits ? "yes" : "no";
}

int main(int argc, char **argv)
{
	bool facts = argc == 2 && !strcmp(argv[1], "--facts"), fits;
	const struct processor *processor;
	struct calibration calibration;
	struct calibrating how;
	unsigned int family, model;
	const char *missing;
	char text[512];

	if (argc > 1 && !facts) {
		fprintf(stderr, "calibrate: usage: calibrate [--facts]\n");
		return BAD_STATUS;
	}
	missing = host_missing(HOST_NEEDS_GUEST_PMU);
	if (missing) {
		if (!facts)
			printf("%s\n", missing);
		return SKIP_STATUS;
	}
	event_prepare();
	/* It samples. Where that cannot be, what it lowers stays lowered. */
	limits_back_at_exit();
	how = calibration_measure(GUEST_CPU, &calibration);
	processor_here(&family, &model);
	processor = processor_find(cpu_is_amd(), family, model);
	fits = calibration_fits(&calibration, processor);
	if (calibration_write(&calibration, text, sizeof(text)))
		return BAD_STATUS;
	if (facts) {
		printf("calibration %s\n", text);
		printf("calibration_known %s\n",
		       processor ? processor->words : "nothing");
		printf("calibration_fits %s\n", verdict(&how, processor, fits));
	} else {
		print_words(&calibration);
		print_known(processor);
	}
	if (how.err == EDOM)
		printf("%sbroken: %lld %s over %lld VM entries, %lld over %lld\n",
		       facts ? "calibration_broken " : "",
		       (long long)how.first[0],
		       how.event == PMU_BRANCHES ? "branches" : "instructions",
		       (long long)how.first[1], (long long)how.second[0],
		       (long long)how.second[1]);
	else if (!fits && !facts)
		printf("a finding about this machine, or what it does at each VM entry: what was measured is not what is known\n");
	if (how.err == EIO)
		return SKIP_STATUS;
	return how.err == EDOM || !fits;
}
