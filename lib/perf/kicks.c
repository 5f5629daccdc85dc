// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"
#include "event.h"
#include "kicks.h"

/* One CPU does not interrupt itself: a second one does that for the first. */
#define KICKERS 2

/* Longer than an exit and an entry take, anywhere. */
#define PAUSE_NS 500000

struct kicks {
	pthread_t thread[KICKERS];
	int threads;
	volatile bool stop;
	int count;
	struct kicked {
		int cpu, fd;
	} of[];
};

static void kick_from(const struct kicks *kicks, int cpu)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t value[3];

	cpu_pin_self(cpu);
	/* Without a pause a guest may be left before its first instruction. */
	for (; !kicks->stop; nanosleep(&pause, NULL)) {
		for (int i = 0; i < kicks->count; i++) {
			bool own = kicks->of[i].cpu == 0;

			if (own == (cpu != 0) &&
			    read(kicks->of[i].fd, value, sizeof(value)) < 0)
				return;
		}
	}
}

static void *kick_others(void *arg)
{
	kick_from(arg, 0);
	return NULL;
}

static void *kick_first(void *arg)
{
	kick_from(arg, 1);
	return NULL;
}

void kicks_stop(struct kicks *kicks)
{
	kicks->stop = true;
	for (int i = 0; i < kicks->threads; i++)
		pthread_join(kicks->thread[i], NULL);
	for (int i = 0; i < kicks->count; i++)
		close(kicks->of[i].fd);
	free(kicks);
}

struct kicks *kicks_start(int first, int last)
{
	struct kicks *kicks =
		calloc(1, sizeof(*kicks) + (size_t)(last - first + 1) *
						   sizeof(*kicks->of));
	struct perf_event_attr attr;
	bool good = kicks && !event_describe(&attr, PMU_SOFTWARE);

	for (int cpu = first; good && cpu <= last; cpu++) {
		struct kicked *of = &kicks->of[kicks->count];

		if (!cpu_is_online(cpu))
			continue;
		of->cpu = cpu;
		of->fd = event_try_open(&attr, ANY_TASK, cpu, NO_GROUP);
		good = of->fd >= 0;
		kicks->count += good;
	}
	for (int i = 0; good && i < (first ? 1 : KICKERS); i++) {
		good = !pthread_create(&kicks->thread[i], NULL,
				       i ? kick_first : kick_others, kicks);
		kicks->threads += good;
	}
	if (good)
		return kicks;
	if (kicks)
		kicks_stop(kicks);
	return NULL;
}
