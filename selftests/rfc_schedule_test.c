// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guest entry takes off the counters, and what exit puts back
 * (docs/contract/rfc.md, R2, R5).
 */
#include "beside_guest.h"
#include "perf/group.h"

#define OTHER_CPU 2
#define WORK_TURNS 20000
#define COMPETITORS 16
#define MANY_STEPS 400

FIXTURE(rfc_schedule)
{
	BESIDE_GUEST;
	struct perf_event_mmap_page *page;
};

/* @of_task: follow the vCPU thread, else count its CPU */
FIXTURE_VARIANT(rfc_schedule)
{
	bool of_task, pinned;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(rfc_schedule, task_flexible) { .of_task = true };
FIXTURE_VARIANT_ADD(rfc_schedule, task_pinned) { .of_task = true, .pinned = true };
FIXTURE_VARIANT_ADD(rfc_schedule, cpu_flexible) { .pinned = false };
FIXTURE_VARIANT_ADD(rfc_schedule, cpu_pinned) { .pinned = true };
/* clang-format on */

FIXTURE_SETUP(rfc_schedule)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
	self->s.as_posted = host_as_posted();
}

FIXTURE_TEARDOWN(rfc_schedule)
{
	if (self->page)
		event_unmap(self->page, 0);
	BESIDE_GUEST_ENDS();
}

static int open_variant(FIXTURE_DATA(rfc_schedule) * self,
			const FIXTURE_VARIANT(rfc_schedule) * variant)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.pinned = variant->pinned;
	self->fd = event_try_open(&attr,
				  variant->of_task ? self->guest.tid : ANY_TASK,
				  variant->of_task ? ANY_CPU : GUEST_CPU,
				  NO_GROUP);
	if (self->fd < 0)
		return -self->fd;
	self->page = event_map(self->fd, 0);
	return self->page ? 0 : ENOMEM;
}

/* Two looks from outside at an event of a CPU that stays inside. */
struct look {
	int fd;
	const volatile struct perf_event_mmap_page *page;
	struct event_value seen[2];
	int64_t index;
};

/* On the vCPU thread, while the event counts it. */
static void note_index(void *arg)
{
	struct look *look = arg;

	look->index = look->page->index;
}

static void look_twice(void *arg)
{
	struct look *look = arg;
	uint64_t from = now_ns();

	event_read(look->fd, &look->seen[0]);
	look->index = look->page->index;
	busy_until(from + 200000);
	event_read(look->fd, &look->seen[1]);
}

TEST_F(rfc_schedule, R2_R5_off_at_entry_and_on_again_at_exit)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct inside inside;
	struct look look;
	bool certain;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_variant(self, variant));
	look = (struct look){ .fd = self->fd, .page = self->page };
	self->o.counted_before = guest_gain(&self->guest, self->fd, WORK_TURNS);
	guest_call(&self->guest, note_index, &look);
	self->o.index_before = look.index;
	guest_go(&self->guest);
	certain = guest_inside(&self->guest, look_twice, &look, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	if (certain) {
		self->s.guest_iterations = (int64_t)inside.heartbeat;
		self->o.page_index = look.index;
		self->o.counted_inside =
			(int64_t)(look.seen[1].count - look.seen[0].count);
		self->o.eof = look.seen[0].eof || look.seen[1].eof;
	}
	self->o.counted_after = guest_gain(&self->guest, self->fd, WORK_TURNS);
	JUDGE("R2", &self->s, &self->o);
	JUDGE("R5", &self->s, &self->o);
}

/* Many times in a row, with host work in between. */
TEST_F(rfc_schedule, R5_again_and_again)
{
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_variant(self, variant));
	self->o.counted_before = guest_gain(&self->guest, self->fd, WORK_TURNS);
	self->o.counted_after = VALUE_MAX;
	for (int i = 0; i < MANY_STEPS; i++) {
		int64_t gain;

		guest_step(&self->guest);
		gain = guest_gain(&self->guest, self->fd, WORK_TURNS);
		if (gain < self->o.counted_after)
			self->o.counted_after = gain;
	}
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	JUDGE("R5", &self->s, &self->o);
}

TEST_F(rfc_schedule, R5_keeps_its_place_beside_competing_cpu_events)
{
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_try_outnumber(&competitors, COMPETITORS, GUEST_CPU,
				       &self->s.counters));
	self->s.competitors = competitors.size;
	self->s.pinned = variant->pinned;
	self->s.per_cpu = !variant->of_task;
	MUST(open_variant(self, variant));
	MUST(count_around_entries(&self->guest, self->fd, WORK_TURNS,
				  &self->o));
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	competitors_close(&competitors);
	JUDGE("R5.priority", &self->s, &self->o);
}

FIXTURE(rfc_guests)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_guests)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
}

FIXTURE_TEARDOWN(rfc_guests)
{
	BESIDE_GUEST_ENDS();
}

/* One of two guests, and an event it is asked about. */
struct one_of_two {
	struct guest *guest;
	int fd;
	int64_t before;
};

static void judge_one(struct __test_metadata *_metadata,
		      FIXTURE_DATA(rfc_guests) * self,
		      const struct one_of_two *one)
{
	struct event_value value;

	self->o.counted_before = one->before;
	self->o.counted_after = guest_gain(one->guest, one->fd, WORK_TURNS);
	MUST(event_read(one->fd, &value));
	self->o.eof = value.eof;
	self->s.guest_iterations = (int64_t)one->guest->record->heartbeat;
	JUDGE("R5", &self->s, &self->o);
}

/* Two guests at once: an event of the first one's CPU, and of the second. */
static void judge_two_guests(struct __test_metadata *_metadata,
			     FIXTURE_DATA(rfc_guests) * self, int cpu_of_second)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	struct guest second = { .parts = NULL };
	struct one_of_two of[2] = { { .guest = &self->guest },
				    { .guest = &second } };

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	guest_create(&second, guest_code_exits, cpu_of_second);
	of[0].fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	of[1].fd = event_try_open(&attr, second.tid, ANY_CPU, NO_GROUP);
	MUST_BE(of[0].fd >= 0 && of[1].fd >= 0);
	for (int i = 0; i < 2; i++)
		of[i].before = guest_gain(of[i].guest, of[i].fd, WORK_TURNS);
	guest_go(&self->guest);
	guest_go(&second);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 50, &deadline));
	MUST_BE(wait_at_least(&second.record->heartbeat, 50, &deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	MUST_BE(guest_stop(&second, patience_ms()));
	for (int i = 0; i < 2; i++) {
		judge_one(_metadata, self, &of[i]);
		close(of[i].fd);
	}
	guest_destroy(&self->guest);
	guest_destroy(&second);
}

/* The third CPU is for whoever watches both. */
TEST_F(rfc_guests, R5_two_guests_on_two_cpus)
{
	NEEDS(cpu_count() >= 3, "three CPUs");
	judge_two_guests(_metadata, self, OTHER_CPU);
}

TEST_F(rfc_guests, R5_two_guests_on_one_cpu)
{
	judge_two_guests(_metadata, self, GUEST_CPU);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_RFC_GUESTS);
}
