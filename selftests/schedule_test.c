// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of exclude-guest events while a guest owns the counters: they
 * stop at entry, count again after exit, and never go to ERROR
 * (docs/contract/mediated.md, M21).
 *
 * The look inside is certain: it lies between two heartbeats of the guest with
 * no exit in between. What an event gained before and after the guest, on the
 * same thread, shows that it can count at all.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "beside_guest.h"
#include "perf/group.h"

#define WORK_TURNS 20000
/* More flexible events than any core PMU has counters. */
#define COMPETITORS 16

/*
 * Visits beside them. Taking all of them off and on can last until the next
 * tick; then the guest leaves before it has done anything. On the Intel machine
 * of the lab one entry in 20 gets to do a visit.
 */
#define VISITS 40

/* An event, and its value at the turning points of a run. */
struct watched {
	int fd;
	struct event_value at[4];
	struct event_value seen[2];
};

static void host_work(void)
{
	for (volatile int turn = 0; turn < WORK_TURNS; turn++)
		;
}

static void work_before(void *arg)
{
	struct watched *event = arg;

	event_read(event->fd, &event->at[0]);
	host_work();
	event_read(event->fd, &event->at[1]);
}

static void work_after(void *arg)
{
	struct watched *event = arg;

	event_read(event->fd, &event->at[2]);
	host_work();
	event_read(event->fd, &event->at[3]);
}

/* Twice from this CPU, a good while apart, while the guest does not leave. */
static void look_twice(void *arg)
{
	struct watched *event = arg;
	uint64_t from = now_ns();

	event_read(event->fd, &event->seen[0]);
	busy_until(from + 200000);
	event_read(event->fd, &event->seen[1]);
}

static int64_t gained(const struct event_value *from,
		      const struct event_value *to)
{
	return (int64_t)(to->count - from->count);
}

static bool any_eof(const struct event_value *values, int count)
{
	for (int i = 0; i < count; i++) {
		if (values[i].eof)
			return true;
	}
	return false;
}

static int open_excluding(const struct guest *guest, bool of_task, bool pinned)
{
	return event_try_open_core(EVENT_EXCLUDES_GUEST |
					   (pinned ? EVENT_PINNED : 0),
				   of_task ? guest->tid : ANY_TASK,
				   of_task ? ANY_CPU : guest->cpu, NO_GROUP);
}

/* The event must be open, and the guest not yet gone. */
static void watch(struct guest *guest, struct watched *event)
{
	guest->before = work_before;
	guest->after = work_after;
	guest->arg = event;
}

static void observe(const struct watched *event, struct observation *o)
{
	o->eof = any_eof(event->at, 4);
	o->counted_before = gained(&event->at[0], &event->at[1]);
	o->counted_after = gained(&event->at[2], &event->at[3]);
}

FIXTURE(schedule)
{
	BESIDE_GUEST;
	struct watched event;
};

/* @of_task: follow the vCPU thread, else count its CPU */
FIXTURE_VARIANT(schedule)
{
	bool of_task, pinned;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(schedule, task_flexible) { .of_task = true };
FIXTURE_VARIANT_ADD(schedule, task_pinned) { .of_task = true, .pinned = true };
FIXTURE_VARIANT_ADD(schedule, cpu_flexible) { .pinned = false };
FIXTURE_VARIANT_ADD(schedule, cpu_pinned) { .pinned = true };
/* clang-format on */

FIXTURE_SETUP(schedule)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
	self->event.fd = -1;
}

FIXTURE_TEARDOWN(schedule)
{
	if (self->event.fd >= 0)
		close(self->event.fd);
	BESIDE_GUEST_ENDS();
}

TEST_F(schedule, M21_stops_inside_and_counts_again_after)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct watched *event = &self->event;
	struct inside inside;
	bool certain;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	event->fd =
		open_excluding(&self->guest, variant->of_task, variant->pinned);
	MUST_BE(event->fd >= 0);
	watch(&self->guest, event);
	guest_go(&self->guest);
	certain = guest_inside(&self->guest, look_twice, event, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);

	observe(event, &self->o);
	if (certain) {
		self->s.guest_iterations = (int64_t)inside.heartbeat;
		self->o.counted_inside =
			gained(&event->seen[0], &event->seen[1]);
		self->o.eof |= any_eof(event->seen, 2);
	}
	JUDGE("M21", &self->s, &self->o);
}

/*
 * Put schedules in by priority: a pinned event must get its counter although
 * flexible events of the CPU want them all. One that did not would go to ERROR
 * at the first exit.
 */
TEST_F(schedule, M21_keeps_its_place_beside_competing_cpu_events)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_try_open(&competitors, COMPETITORS, ANY_TASK,
				  GUEST_CPU));
	self->event.fd =
		open_excluding(&self->guest, variant->of_task, variant->pinned);
	MUST_BE(self->event.fd >= 0);
	watch(&self->guest, &self->event);
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, VISITS,
			      &deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	self->s.pinned = variant->pinned;
	guest_destroy(&self->guest);
	competitors_close(&competitors);

	observe(&self->event, &self->o);
	JUDGE("M21.priority", &self->s, &self->o);
}

/*
 * Opened, or only enabled, while the guest is inside: on the way to its CPU the
 * event finds the guest out, and stops with the next entry.
 */
static void judge_late(FIXTURE_DATA(schedule) * self,
		       struct __test_metadata *_metadata,
		       const FIXTURE_VARIANT(schedule) * variant, bool enable)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct watched *event = &self->event;
	struct inside inside;
	bool certain;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	if (enable) {
		event->fd = open_excluding(&self->guest, variant->of_task,
					   variant->pinned);
		MUST_BE(event->fd >= 0);
		MUST_BE(!ioctl(event->fd, PERF_EVENT_IOC_DISABLE, 0));
	}
	self->guest.after = work_after;
	self->guest.arg = event;
	guest_go(&self->guest);
	MUST_BE(guest_inside(&self->guest, NULL, NULL, 0, &deadline, &inside));
	if (enable)
		self->o.err = ioctl(event->fd, PERF_EVENT_IOC_ENABLE, 0) ? errno
									 : 0;
	else
		event->fd = open_excluding(&self->guest, variant->of_task,
					   variant->pinned);
	if (!enable)
		self->o.err = event->fd < 0 ? -event->fd : 0;
	certain = guest_inside(&self->guest, look_twice, event, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);
	MUST_BE(certain);
	self->s.guest_iterations = (int64_t)inside.heartbeat;
	self->o.counted_inside = gained(&event->seen[0], &event->seen[1]);
	self->o.counted_after = gained(&event->at[2], &event->at[3]);
	self->o.eof = any_eof(event->seen, 2) || any_eof(&event->at[2], 2);
	JUDGE("M27", &self->s, &self->o);
}

TEST_F(schedule, M27_opened_while_the_guest_runs)
{
	judge_late(self, _metadata, variant, false);
}

TEST_F(schedule, M27_enabled_while_the_guest_runs)
{
	judge_late(self, _metadata, variant, true);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_CLAIMS | HOST_NEEDS_TWO_CPUS);
}
