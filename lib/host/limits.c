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

/* In the order in which they are changed. */
static long percent_before = -1, rate_before = -1;

/* Change the setting for now, and have it back at the end of this program. */
static int change(const char *path, long value, long *before)
{
	char text[24];
	long now = file_number(path, -1);
	int err = now < 0 ? ENOENT : guardian_keep(path);

	if (err)
		return err;
	snprintf(text, sizeof(text), "%ld", value);
	err = file_write(path, text);
	if (!err)
		*before = now;
	return err;
}

static void change_back(const char *path, long *before)
{
	char text[24];

	if (*before < 0)
		return;
	snprintf(text, sizeof(text), "%ld", *before);
	file_write(path, text);
	*before = -1;
}

int limits_start(void)
{
	return guardian_started() ? 0 : guardian_start();
}

int limits_lower(unsigned int rate)
{
	int err = 0;

	if (!rate_can_change())
		err = change(PERCENT, PERCENT_DEFAULT, &percent_before);
	return err ? err : change(RATE, rate, &rate_before);
}

int limits_lift(void)
{
	long nothing;
	int err = limits_lower(RATE_DEFAULT);

	if (err)
		return err;
	return change(PERCENT, 0,
		      percent_before < 0 ? &percent_before : &nothing);
}

void limits_back(void)
{
	long limit = PERCENT_DEFAULT;

	if (rate_before >= 0 && !rate_can_change())
		change_back(PERCENT, &limit);
	change_back(RATE, &rate_before);
	change_back(PERCENT, &percent_before);
}
