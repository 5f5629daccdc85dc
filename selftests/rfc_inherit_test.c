// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that children inherit: being born beside a guest, and to an ERROR
 * parent (docs/contract/rfc.md, R27 and R28).
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "beside_guest.h"
#include "base/child.h"
#include "base/work.h"

#define WORK_TURNS 20000

FIXTURE(rfc_inherit)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_inherit)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 0;
	self->s.group_includes = 1;
	self->s.state_at_entry = STATE_ACTIVE;
}

FIXTURE_TEARDOWN(rfc_inherit)
{
	BESIDE_GUEST_ENDS();
}

static void attempt_fork(void *arg)
{
	*(int *)arg = child_try_brief();
}

static int64_t is_eof(int fd)
{
	struct event_value value;

	return event_read(fd, &value) ? NOT_KNOWN : value.eof;
}

static int request(int fd, unsigned long what)
{
	return ioctl(fd, what, 0) ? errno : 0;
}

static void judge_fork(struct __test_metadata *_metadata,
		       FIXTURE_DATA(rfc_inherit) * self, int cpu)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int fd, err = 0;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	fd = event_try_open_core(EVENT_INHERITED, SELF, cpu, NO_GROUP);
	MUST_BE(fd >= 0);
	guest_go(&self->guest);
	self->o.err = guest_errno_inside(&self->guest, attempt_fork, &err, &err,
					 &deadline);
	self->s.inherited = 1;
	self->s.per_cpu = cpu != ANY_CPU;
	self->s.cpu_in_guest = 1;
	self->s.task_in_guest = 0;
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	close(fd);
	JUDGE("R27", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(rfc_inherit, R27_fork_with_an_event_of_the_guests_cpu)
{
	judge_fork(_metadata, self, GUEST_CPU);
}

TEST_F(rfc_inherit, R27_fork_with_an_event_of_any_cpu)
{
	judge_fork(_metadata, self, ANY_CPU);
}

static void *child_thread(void *arg)
{
	work(*(unsigned int *)arg);
	return NULL;
}

/* On the vCPU thread: a child that inherits its event, works and is gone. */
static void run_child(void *arg)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, child_thread, arg))
		pthread_join(thread, NULL);
}

/*
 * What a child with @turns of work adds to the sum of @fd, which is enabled for
 * reading while nobody counts.
 */
static int64_t sum_with_child(struct guest *guest, int fd, unsigned int turns)
{
	struct event_value from, to;

	if (request(fd, PERF_EVENT_IOC_ENABLE) || event_read(fd, &from))
		return NOT_KNOWN;
	guest_call(guest, run_child, &turns);
	if (event_read(fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

/*
 * Before the entry a child's work is counted, whatever its parent's is. After
 * it the parent is in ERROR, so only the sum can tell: reset, let a child work,
 * revive the parent while its thread waits, and read.
 */
TEST_F(rfc_inherit, R28_the_child_of_an_event_in_error)
{
	unsigned int turns = WORK_TURNS;
	struct perf_event_attr attr;
	int64_t idle, busy;
	struct event_value value;

	MUST(event_describe(&attr, PMU_CORE));
	attr.inherit = 1;
	/* What the kernel does for a thread varies by more than its work. */
	attr.exclude_kernel = 1;
	/* Keeps the contexts of parent and child apart (nr_no_switch_fast). */
	attr.sample_type = PERF_SAMPLE_READ | PERF_SAMPLE_TID;
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	self->fd = event_try_open(&attr, self->guest.tid, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	/* The first thread of a process takes longer: it is not compared. */
	sum_with_child(&self->guest, self->fd, 0);
	idle = sum_with_child(&self->guest, self->fd, 0);
	busy = sum_with_child(&self->guest, self->fd, WORK_TURNS);
	MUST_BE(idle != NOT_KNOWN && busy != NOT_KNOWN);
	self->o.counted_before = busy - idle;
	self->s.entries = (int64_t)guest_step(&self->guest);
	MUST_BE(is_eof(self->fd) == 1);

	MUST_BE(guest_settle(&self->guest, patience_ms()));
	MUST(request(self->fd, PERF_EVENT_IOC_RESET));
	MUST(request(self->fd, PERF_EVENT_IOC_ENABLE));
	MUST(event_read(self->fd, &value));
	self->o.counted_after = -(int64_t)value.count;
	self->s.entries = (int64_t)guest_step(&self->guest);
	MUST_BE(is_eof(self->fd) == 1);
	MUST(request(self->fd, PERF_EVENT_IOC_RESET));
	guest_call(&self->guest, run_child, &turns);
	MUST_BE(guest_settle(&self->guest, patience_ms()));
	MUST(request(self->fd, PERF_EVENT_IOC_ENABLE));
	MUST(event_read(self->fd, &value));
	self->o.counted_after += (int64_t)value.count;
	self->s.inherited = 1;
	JUDGE("R28", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_RFC_GUESTS);
}
