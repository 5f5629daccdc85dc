/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two kinds of guardian share. For lib/host/guardian*.c and
 * put_back.c. */
#ifndef PMU_HOST_GUARDIAN_LIST_H
#define PMU_HOST_GUARDIAN_LIST_H

#include <time.h>

/* Between two looks at what no descriptor tells; each loop has a deadline. */
static inline void nap(void)
{
	const struct timespec moment = { .tv_nsec = 2000000 };

	nanosleep(&moment, NULL);
}

/* The list that guardian_keep() adds to, or -1. */
extern int guardian_list;

/*
 * Take the list @name for a guardian, after what another one left in it was put
 * back. Returns its descriptor or minus an errno.
 */
int guardian_take(const char *name);

#endif
