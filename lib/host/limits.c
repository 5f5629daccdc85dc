// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "guardian.h"
#include "../base/file.h"
#include "limits.h"

#define RATE "/proc/sys/kernel/perf_event_max_sample_rate"
#define PERCENT "/proc/sys/kernel/perf_cpu_time_max_percent"
/* DEFAULT_MAX_SAMPLE_RATE, DEFAULT_CPU_TIME_MAX_PERCENT of kernel/events/core.c
 */
#define RATE_DEFAULT 100000
#define PERCENT_DEFAULT 25

/*
 * Without a limit, or with all of the time, nothing is lowered, and the rate
 * cannot be written (perf_event_max_sample_rate_handler()).
 */
static bool rate_can_change(void)
{
	long percent = file_number(PERCENT, -1);

	return percent > 0 && percent < 100 && !access(RATE, W_OK);
}

int limits_back_at_exit(void)
{
	int err;

	if (!rate_can_change())
		return 0;
	err = guardian_started() ? 0 : guardian_start();
	return err ? err : guardian_keep(RATE);
}

static long percent_before = -1, rate_before = -1;

static int write_number(const char *path, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	return file_write(path, text);
}

/* The rate is written between two percentages, for only some of those let it.
 */
static int write_limits(long rate, long percent)
{
	return write_number(PERCENT, PERCENT_DEFAULT) ?:
	       write_number(RATE, rate)		      ?:
	       write_number(PERCENT, percent);
}

/* The last one kept is put back first: the order is that of write_limits(). */
static int keep_limits(void)
{
	percent_before = file_number(PERCENT, -1);
	rate_before = file_number(RATE, -1);
	if (percent_before < 0 || rate_before < 0)
		return ENOENT;
	return guardian_keep(PERCENT)				 ?:
	       write_number(PERCENT, PERCENT_DEFAULT)		 ?:
	       guardian_keep(RATE)				 ?:
	       guardian_keep(PERCENT);
}

int limits_start(void)
{
	return guardian_started() ? 0 : guardian_start();
}

int limits_lower(unsigned int rate)
{
	return keep_limits() ?: write_limits(rate, PERCENT_DEFAULT);
}

int limits_lift(void)
{
	return keep_limits() ?: write_limits(RATE_DEFAULT, 0);
}

void limits_back(void)
{
	if (percent_before >= 0 && rate_before >= 0)
		write_limits(rate_before, percent_before);
	percent_before = -1;
	rate_before = -1;
}
