// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "guardian.h"
#include "../base/file.h"
#include "limits.h"

#define RATE "/proc/sys/kernel/perf_event_max_sample_rate"
#define PERCENT "/proc/sys/kernel/perf_cpu_time_max_percent"

int limits_back_at_exit(void)
{
	long percent = file_number(PERCENT, -1);
	int err;

	/*
	 * Without a limit, or with all of the time, nothing is lowered, and the
	 * rate cannot be written (perf_event_max_sample_rate_handler()).
	 */
	if (percent <= 0 || percent >= 100 || access(RATE, W_OK))
		return 0;
	err = guardian_started() ? 0 : guardian_start();
	return err ? err : guardian_keep(RATE);
}
