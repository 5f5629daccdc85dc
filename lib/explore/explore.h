/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The explorer: random histories of what users do, one process each, with the
 * model of lib/contract/world.h following.
 */
#ifndef PMU_EXPLORE_EXPLORE_H
#define PMU_EXPLORE_EXPLORE_H

#include "../contract/world.h"

#define HISTORY_MAX 40

struct history {
	int length;
	struct act act[HISTORY_MAX];
};

/* Rules that only histories ask. */
#define EXPLORED_RULES 4
#define EXPLORED_RULE_IDS                  \
	{                                  \
		"M52", "M53", "M54", "M55" \
	}

enum explored {
	EXPLORED_FINE,
	EXPLORED_VIOLATION,
	EXPLORED_CANNOT,
	EXPLORED_STUCK,
};

/*
 * @end:       EXPLORED_STUCK: the kernel does not come back from the last act,
 *             nor can its process be killed; nothing more can be tried
 * @history:   the violation's, shrunk
 * @step:      where in it the answer came
 * @slot:      the event that was looked at, or -1
 * @question:  what the contract excludes, with rule, scenario and observation
 * @complaint: the kernel's, if that is it
 * @last:      of each of these rules the question answered last
 * @histories, @steps: how much was tried
 */
struct exploration {
	enum explored end;
	struct history history;
	int step, slot;
	struct question question, last[EXPLORED_RULES];
	char complaint[160];
	uint64_t histories, steps;
};

/*
 * Explore from @seed: a few histories at least, for @ms milliseconds and until
 * each of the rules was asked, or until a violation. @alone: nothing but this
 * runs on the machine, so that the events of a CPU count no work of others.
 */
void explore(struct exploration *e, enum contract contract, bool alone,
	     uint64_t seed, unsigned int ms);

/*
 * Shrink a violation to the shortest history that still shows it, for at most
 * @ms milliseconds and one history more.
 */
void explore_shrink(struct exploration *e, enum contract contract, bool alone,
		    unsigned int ms);

/* Print a history as a program of its own, a line of C at a time after @prefix.
 */
void history_write(const struct exploration *e, const char *prefix);

#endif
