// SPDX-License-Identifier: GPL-2.0-only
/*
 * What entry and exit of a guest cost perf with so many host events on the CPU:
 * a line for each number, with the least and the most of some pairs of calls.
 * For "scripts/measure cost", which runs it where time is instructions.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../host/calls.h"
#include "../perf/event.h"

#define ROUNDS 32
#define EVENTS_MAX 64

static int open_events(int *fd, int count)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	attr.exclude_guest = 1;
	for (int i = 0; i < count && !err; i++) {
		fd[i] = event_try_open(&attr, ANY_TASK, 0, NO_GROUP);
		err = fd[i] < 0 ? -fd[i] : 0;
	}
	return err;
}

int main(void)
{
	static const int counts[] = { 0, 1, 4, 16, EVENTS_MAX };
	int fd[EVENTS_MAX];
	int err = cpu_pin_self(0);

	if (!err)
		err = calls_load();
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && !err; i++) {
		uint64_t least, most;

		err = open_events(fd, counts[i]);
		if (!err)
			err = calls_cost(ROUNDS, &least, &most);
		if (!err)
			printf("%d %llu %llu\n", counts[i],
			       (unsigned long long)least,
			       (unsigned long long)most);
		for (int j = 0; j < counts[i]; j++)
			close(fd[j]);
	}
	calls_unload();
	if (err)
		fprintf(stderr, "cost: %s\n", strerror(err));
	return !!err;
}
