// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "event.h"
#include "kicks.h"

/* Longer than an exit and an entry take: else a guest gets to no instruction.
 */
#define PERIOD_NS 500000

struct kicks {
	int count;
	int fd[];
};

void kicks_stop(struct kicks *kicks)
{
	for (int i = 0; i < kicks->count; i++)
		close(kicks->fd[i]);
	free(kicks);
}

struct kicks *kicks_start(int first, int last)
{
	struct kicks *kicks =
		calloc(1, sizeof(*kicks) + (size_t)(last - first + 1) *
						   sizeof(*kicks->fd));
	struct perf_event_attr attr = { 0 };
	bool good = kicks && !event_describe(&attr, PMU_SOFTWARE);

	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.sample_period = PERIOD_NS;
	for (int cpu = first; good && cpu <= last; cpu++) {
		int fd;

		if (!cpu_is_online(cpu))
			continue;
		fd = event_try_open(&attr, ANY_TASK, cpu, NO_GROUP);
		good = fd >= 0;
		if (good)
			kicks->fd[kicks->count++] = fd;
	}
	if (good)
		return kicks;
	if (kicks)
		kicks_stop(kicks);
	return NULL;
}
