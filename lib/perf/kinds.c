// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "../base/file.h"
#include "../base/work.h"
#include "kinds.h"
#include "rdpmc.h"

#define WORK_TURNS 20000
#define RING_PAGES 4

const struct host_kind host_kinds[] = {
#define KIND_DATA(id, text, ...) { .name = #id, .words = text, __VA_ARGS__ },
	HOST_KINDS(KIND_DATA)
#undef KIND_DATA
};

/* Above its limit, which it lowers if interrupts take long, perf refuses. */
static unsigned int allowed(unsigned int frequency)
{
	long limit = file_number("/proc/sys/kernel/perf_event_max_sample_rate",
				 frequency);

	return limit < frequency ? (unsigned int)limit : frequency;
}

static int describe(const struct host_kind *kind, struct perf_event_attr *attr)
{
	int err = event_describe(attr, PMU_CORE);

	attr->exclude_guest = 1;
	attr->exclude_kernel = 1;
	attr->inherit = kind->inherit;
	attr->disabled = kind->on_exec;
	attr->enable_on_exec = kind->on_exec;
	attr->pinned = kind->pinned;
	attr->exclusive = kind->exclusive;
	attr->freq = kind->frequency;
	attr->sample_period = kind->frequency ? allowed(kind->period)
					      : kind->period;
	attr->sample_type = kind->period ? PERF_SAMPLE_READ : 0;
	return err;
}

static int open_bound(struct host_event *event,
		      const struct perf_event_attr *attr, pid_t task, int cpu,
		      int group)
{
	switch (event->kind->bound) {
	case BOUND_CPU:
		return event_try_open(attr, ANY_TASK, cpu, group);
	case BOUND_BOTH:
		return event_try_open(attr, task, cpu, group);
	case BOUND_CGROUP:
		return cgroup_try_open_event(&event->cgroup, attr, cpu);
	default:
		return event_try_open(attr, task, ANY_CPU, group);
	}
}

static int add_beside(struct host_event *event, enum pmu_kind pmu, pid_t task,
		      int cpu, int group)
{
	struct perf_event_attr attr;
	int fd, err = event_describe(&attr, pmu);

	/* A machine without one of the other PMUs has the rest. */
	if (err)
		return event->kind->other_pmus ? 0 : err;
	/* One that includes it would speak for the whole group (R3). */
	attr.exclude_guest = !event->kind->other_pmus;
	attr.exclude_kernel = pmu == PMU_CORE;
	if (group == NO_GROUP && event->kind->read == READ_GROUP)
		attr.read_format |= PERF_FORMAT_GROUP;
	fd = open_bound(event, &attr, task, cpu, group);
	if (fd < 0)
		return -fd;
	event->beside[event->besides++] = fd;
	return 0;
}

static int open_beside(struct host_event *event, pid_t task, int cpu)
{
	static const enum pmu_kind others[] = { PMU_SOFTWARE, PMU_MSR,
						PMU_TRACEPOINT };
	int err = 0;

	for (int i = 0; i < event->kind->siblings && !err; i++)
		err = add_beside(event, PMU_CORE, task, cpu, event->leader);
	for (int i = 0; event->kind->other_pmus && i < 3 && !err; i++)
		err = add_beside(event, others[i], task, cpu, NO_GROUP);
	/*
	 * One that is not inherited, or perf_event_context_sched_out() swaps
	 * the parent's context with the child's, exec() there enables the event
	 * itself, once and for all, and no later child's is enabled.
	 */
	if (event->kind->on_exec && !err)
		err = add_beside(event, PMU_SOFTWARE, task, cpu, NO_GROUP);
	if (!err && event->kind->competitors)
		err = competitors_try_open(&event->competitors,
					   event->kind->competitors, task,
					   ANY_CPU);
	return err;
}

static bool wants_page(const struct host_kind *kind)
{
	return kind->read == READ_PAGE || kind->read == READ_RING;
}

int host_event_try_open(struct host_event *event, const struct host_kind *kind,
			pid_t task, int cpu)
{
	struct perf_event_attr attr;
	int err = describe(kind, &attr);

	*event = (struct host_event){ .kind = kind, .fd = -1, .leader = -1 };
	event->cgroup.fd = -1;
	if (!err && kind->bound == BOUND_CGROUP)
		err = cgroup_try_make(&event->cgroup, "pmu-kinds");
	if (!err && kind->bound == BOUND_CGROUP)
		err = cgroup_enter(&event->cgroup);
	if (!err && kind->software)
		err = add_beside(event, PMU_SOFTWARE, task, cpu, NO_GROUP);
	if (err)
		goto failed;
	if (!kind->software && kind->read == READ_GROUP)
		attr.read_format |= PERF_FORMAT_GROUP;
	event->fd = open_bound(event, &attr, task, cpu,
			       kind->software ? event->beside[0] : NO_GROUP);
	err = event->fd < 0 ? -event->fd : 0;
	event->leader = kind->software ? event->beside[0] : event->fd;
	if (!err)
		err = open_beside(event, task, cpu);
	if (!err && wants_page(kind)) {
		event->page = event_map(
			event->fd, kind->read == READ_RING ? RING_PAGES : 0);
		err = event->page ? 0 : errno;
	}
	if (!err)
		return 0;
failed:
	host_event_close(event);
	return err;
}

void host_event_close(struct host_event *event)
{
	if (event->page)
		event_unmap(event->page,
			    event->kind->read == READ_RING ? RING_PAGES : 0);
	if (event->fd >= 0)
		close(event->fd);
	for (int i = 0; i < event->besides; i++)
		close(event->beside[i]);
	competitors_close(&event->competitors);
	cgroup_leave_and_remove(&event->cgroup);
	event->page = NULL;
	event->fd = -1;
	event->besides = 0;
}

static void *work_of_thread(void *arg)
{
	(void)arg;
	work(WORK_TURNS);
	return NULL;
}

static bool reaped(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && !status;
}

/* Any program will do. The lab has but one. */
static void exec_something(void)
{
	execl("/bin/true", "true", NULL);
	execl("/bin/busybox", "true", NULL);
	_exit(1);
}

static bool do_work(enum kind_work how)
{
	pthread_t thread;
	pid_t child;

	switch (how) {
	case WORK_SELF:
		work(WORK_TURNS);
		return true;
	case WORK_THREAD:
		return !pthread_create(&thread, NULL, work_of_thread, NULL) &&
		       !pthread_join(thread, NULL);
	default:
		child = fork();
		if (!child && how == WORK_EXEC)
			exec_something();
		if (!child) {
			work(WORK_TURNS);
			_exit(0);
		}
		return child > 0 && reaped(child);
	}
}

/*
 * All members at once, through the leader, which was opened for that. Their
 * sum, the software leader's nanoseconds left out.
 */
static int64_t count_of_group(const struct host_event *event)
{
	/* Members, both times, and a count each. */
	uint64_t words[3 + 4];
	ssize_t got = read(event->leader, words, sizeof(words));
	int64_t sum = 0;

	if (got < (ssize_t)(4 * sizeof(*words)) ||
	    (size_t)got != (3 + words[0]) * sizeof(*words))
		return NOT_KNOWN;
	for (uint64_t i = event->kind->software; i < words[0]; i++)
		sum += (int64_t)words[3 + i];
	return sum;
}

int64_t host_event_count(const struct host_event *event)
{
	struct event_value value;

	if (event->kind->read == READ_GROUP)
		return count_of_group(event);
	if (event_read(event->fd, &value) || value.eof)
		return NOT_KNOWN;
	return (int64_t)value.count;
}

/* The child's own work is not counted: the event is not inherited. */
static int64_t count_by_child(const struct host_event *event)
{
	int64_t count = NOT_KNOWN;
	int ends[2];
	pid_t child;

	if (pipe(ends))
		return NOT_KNOWN;
	child = fork();
	if (!child) {
		count = host_event_count(event);
		_exit(write(ends[1], &count, sizeof(count)) != sizeof(count));
	}
	if (child < 0 || !reaped(child) ||
	    read(ends[0], &count, sizeof(count)) != sizeof(count))
		count = NOT_KNOWN;
	close(ends[0]);
	close(ends[1]);
	return count;
}

static int64_t samples(struct host_event *event)
{
	struct event_value value;
	int64_t found = 0;

	while (event_ring_next(event->page, RING_PAGES, &value))
		found++;
	return found;
}

static int64_t count_now(struct host_event *event)
{
	uint64_t count;

	switch (event->kind->read) {
	case READ_PAGE:
		return rdpmc_count(event->page, &count) ? (int64_t)count
							: NOT_KNOWN;
	case READ_GROUP:
		return count_of_group(event);
	case READ_CHILD:
		return count_by_child(event);
	default:
		return host_event_count(event);
	}
}

static int64_t gain_once(struct host_event *event)
{
	int64_t from, to;

	if (event->kind->read == READ_RING) {
		samples(event);
		return do_work(event->kind->work) ? samples(event) : NOT_KNOWN;
	}
	from = count_now(event);
	if (from == NOT_KNOWN || !do_work(event->kind->work))
		return NOT_KNOWN;
	to = count_now(event);
	return to == NOT_KNOWN ? NOT_KNOWN : to - from;
}

int64_t host_event_gain(struct host_event *event, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	int64_t gain;

	do {
		gain = gain_once(event);
	} while (!gain && !deadline_passed(&deadline));
	return gain;
}

static int64_t in_error(int fd)
{
	struct event_value value;

	return !event_read(fd, &value) && value.eof;
}

int64_t host_event_errors(const struct host_event *event)
{
	int64_t errors = in_error(event->fd);

	for (int i = 0; i < event->besides; i++)
		errors += in_error(event->beside[i]);
	for (int i = 0; i < event->competitors.size; i++)
		errors += in_error(event->competitors.fd[i]);
	return errors;
}
