// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>

#include "group.h"

static void close_all(int *fd, int *size)
{
	/* Siblings before their leader, or each becomes a leader first. */
	while (*size)
		close(fd[--*size]);
}

int group_try_open(struct group *group, pid_t task, int cpu, bool pinned)
{
	struct perf_event_attr attr;
	int wanted = group->size;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	for (group->size = 0; group->size < wanted; group->size++) {
		int i = group->size;
		int leader = i ? group->fd[0] : NO_GROUP;

		attr.pinned = pinned && !i;
		attr.exclude_guest = !(group->include & (1u << i));
		group->fd[i] = event_try_open(&attr, task, cpu, leader);
		if (group->fd[i] < 0) {
			err = -group->fd[i];
			group_close(group);
			return err;
		}
	}
	return 0;
}

void group_close(struct group *group)
{
	close_all(group->fd, &group->size);
}

int group_includes(const struct group *group)
{
	return __builtin_popcount(group->include);
}

int group_eofs(const struct group *group, int first)
{
	struct event_value value;
	int eofs = 0;

	for (int i = first; i < group->size; i++) {
		if (!event_read(group->fd[i], &value) && value.eof)
			eofs++;
	}
	return eofs;
}

int competitors_try_open(struct competitors *competitors, int size, pid_t task,
			 int cpu)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	competitors->size = 0;
	if (err)
		return err;
	attr.exclude_guest = 1;
	while (competitors->size < size) {
		int fd = event_try_open(&attr, task, cpu, NO_GROUP);

		if (fd < 0) {
			competitors_close(competitors);
			return -fd;
		}
		competitors->fd[competitors->size++] = fd;
	}
	return 0;
}

/* Pinned events @attr of @cpu, until one finds no counter. */
static int competitors_take(struct competitors *competitors,
			    struct perf_event_attr *attr, int cpu)
{
	struct event_value value;

	competitors->size = 0;
	attr->exclude_guest = 1;
	attr->pinned = 1;
	while (competitors->size < COMPETITORS_MAX) {
		int fd = event_try_open(attr, ANY_TASK, cpu, NO_GROUP);
		int err;

		err = fd < 0 ? -fd : event_read(fd, &value);
		if (err) {
			competitors_close(competitors);
			return err;
		}
		if (value.eof) {
			close(fd);
			return 0;
		}
		competitors->fd[competitors->size++] = fd;
	}
	competitors_close(competitors);
	return E2BIG;
}

int competitors_take_counters(struct competitors *competitors, int cpu)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	competitors->size = 0;
	return err ? err : competitors_take(competitors, &attr, cpu);
}

int competitors_try_outnumber(struct competitors *competitors, int size,
			      int cpu, int64_t *counters)
{
	int err = competitors_take_counters(competitors, cpu);

	if (err)
		return err;
	*counters = competitors->size;
	competitors_close(competitors);
	return competitors_try_open(competitors, size, ANY_TASK, cpu);
}

int counters_free(int cpu)
{
	struct perf_event_attr attr;
	struct competitors competitors;
	int size;

	if (event_describe(&attr, PMU_CORE))
		return -1;
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = PERF_COUNT_HW_CPU_CYCLES;
	attr.config1 = 0;
	size = competitors_take(&competitors, &attr, cpu) ? -1
							  : competitors.size;
	competitors_close(&competitors);
	return size;
}

void competitors_leave(struct competitors *competitors, int size)
{
	while (competitors->size > size)
		close(competitors->fd[--competitors->size]);
}

void competitors_close(struct competitors *competitors)
{
	close_all(competitors->fd, &competitors->size);
}
