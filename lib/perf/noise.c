// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/work.h"
#include "group.h"
#include "noise.h"

#define COMPETITORS 8
#define RING_PAGES 1
#define SAMPLE_PERIOD 20000
#define WORK_TURNS 20000

struct noise {
	pthread_t thread;
	int cpu;
	volatile bool stop;
	volatile uint64_t rounds;
	int64_t counted;
};

static int open_sampling(int cpu)
{
	struct perf_event_attr attr;

	if (event_describe(&attr, PMU_CORE))
		return -1;
	attr.exclude_guest = 1;
	attr.sample_period = SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_READ;
	return event_try_open(&attr, ANY_TASK, cpu, NO_GROUP);
}

static int64_t count_of(int fd)
{
	struct event_value value;

	if (event_read(fd, &value) || value.eof)
		return -1;
	return (int64_t)value.count;
}

static bool add(int64_t *sum, int64_t count)
{
	if (count >= 0)
		*sum += count;
	return count >= 0;
}

static bool one_round(struct noise *noise)
{
	struct perf_event_mmap_page *page;
	struct competitors competitors;
	bool good = true;
	int sampling = open_sampling(noise->cpu);

	if (sampling < 0)
		return false;
	page = event_map(sampling, RING_PAGES);
	if (competitors_try_open(&competitors, COMPETITORS, ANY_TASK,
				 noise->cpu)) {
		close(sampling);
		return false;
	}
	work(WORK_TURNS);
	for (int i = 0; i < competitors.size; i++)
		good = add(&noise->counted, count_of(competitors.fd[i])) &&
		       good;
	good = add(&noise->counted, count_of(sampling)) && good;
	competitors_close(&competitors);
	if (page)
		event_unmap(page, RING_PAGES);
	close(sampling);
	return good && page;
}

static void *make_noise(void *arg)
{
	struct noise *noise = arg;
	bool good = !cpu_pin_self(noise->cpu);

	while (!noise->stop && good) {
		good = one_round(noise);
		noise->rounds++;
	}
	if (!good)
		noise->counted = -1;
	return NULL;
}

struct noise *noise_start(int cpu)
{
	struct noise *noise = calloc(1, sizeof(*noise));

	if (!noise)
		return NULL;
	noise->cpu = cpu;
	if (pthread_create(&noise->thread, NULL, make_noise, noise)) {
		free(noise);
		return NULL;
	}
	return noise;
}

uint64_t noise_rounds(const struct noise *noise)
{
	return noise->rounds;
}

int64_t noise_stop(struct noise *noise)
{
	int64_t counted;

	noise->stop = true;
	pthread_join(noise->thread, NULL);
	counted = noise->counted;
	free(noise);
	return counted;
}
