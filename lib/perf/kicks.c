// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cpu.h"
#include "event.h"
#include "kicks.h"

struct kicks {
	pthread_t thread;
	volatile bool stop;
	int count;
	int fd[];
};

static void *kick(void *arg)
{
	struct kicks *kicks = arg;
	struct event_value value;

	cpu_pin_self(0);
	while (!kicks->stop) {
		for (int i = 0; i < kicks->count; i++)
			event_read(kicks->fd[i], &value);
	}
	return NULL;
}

static void close_all(struct kicks *kicks)
{
	for (int i = 0; i < kicks->count; i++)
		close(kicks->fd[i]);
	free(kicks);
}

struct kicks *kicks_start(int first, int last)
{
	struct kicks *kicks = calloc(
		1, sizeof(*kicks) + (size_t)(last - first + 1) * sizeof(int));
	struct perf_event_attr attr;
	bool good = kicks && !event_describe(&attr, PMU_SOFTWARE);

	for (int cpu = first; good && cpu <= last; cpu++) {
		int fd;

		if (!cpu_is_online(cpu))
			continue;
		fd = event_try_open(&attr, ANY_TASK, cpu, NO_GROUP);
		good = fd >= 0;
		if (good)
			kicks->fd[kicks->count++] = fd;
	}
	if (good && !pthread_create(&kicks->thread, NULL, kick, kicks))
		return kicks;
	if (kicks)
		close_all(kicks);
	return NULL;
}

void kicks_stop(struct kicks *kicks)
{
	kicks->stop = true;
	pthread_join(kicks->thread, NULL);
	close_all(kicks);
}
