/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stored scenarios and observations, as text. A record is some lines up to a
 * blank one; '#' starts a comment:
 *
 *   rule     M11
 *   scenario claims=1 pmu=0 exclude_guest=0 own_errno=0
 *   observed err=EOPNOTSUPP
 */
#ifndef PMU_TESTS_STORED_H
#define PMU_TESTS_STORED_H

#include <stdio.h>

#include "../contract/contract.h"

struct stored {
	char rule[32];
	struct scenario scenario;
	struct observation observation;
};

/*
 * Read the next record.
 * Returns 1 if there is one, 0 at the end, -1 if a line makes no sense; *@line
 * counts lines.
 */
int stored_next(FILE *file, struct stored *stored, int *line);

#endif
