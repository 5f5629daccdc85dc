/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one module that prints. Everything goes to standard output as KTAP
 * diagnostics ahead of the result line of the case, so that verdict and reason
 * travel together:
 *
 *   # conforms M11
 *   # violates M11: ...  then source, at, missed, scenario, observed, again
 *   # known D28 M23.page ...
 *   # broken ...         the suite or its environment failed
 *   # undecided M11: ... then what the case does not state, or did not see
 */
#ifndef PMU_REPORT_REPORT_H
#define PMU_REPORT_REPORT_H

#include "../contract/contract.h"

/*
 * What a case makes of a rule.
 * @REPORT_PASS:  conforms
 * @REPORT_KNOWN: violates, as configs/known says this kernel does
 * @REPORT_FAIL:  violates, undecided or broken
 */
enum report_outcome {
	REPORT_PASS,
	REPORT_KNOWN,
	REPORT_FAIL,
};

/*
 * Where a rule is asked.
 * @test: the case, with fixture and variant if it has variants
 * @file: of the source, with any folders before it
 * @step: which of several that the case makes there, with ", " before it; or ""
 */
struct report_place {
	const char *test;
	const char *file;
	int line;
	const char *step;
};

/*
 * Judge and print.
 * @rule:   rule id; an unknown one is reported as broken
 * @defect: where the id of a known defect is stored, at least 16 bytes
 */
enum report_outcome report_judge(const struct report_place *place,
				 const char *rule, const struct scenario *s,
				 const struct observation *o, char *defect);

/* The suite could not do what the case needs. */
void report_broken(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * The kernel said @line while @test ran, which M55 promises it does not.
 * Returns REPORT_KNOWN with the defect's id, or REPORT_FAIL.
 */
enum report_outcome report_complaint(const char *test, const char *line,
				     char *defect);

/*
 * How long a case took: nanoseconds of this machine's clock, and of its
 * processes' CPU time, NOT_KNOWN where another one ends it.
 * scripts/pmu_passthrough/results/ktap.py reads it.
 */
void report_took(uint64_t took_ns, int64_t computing_ns);

/* A fact worth reading beside the result. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
