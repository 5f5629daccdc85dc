// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guest entry takes off the counters, and what exit puts back
 * (docs/contract/seed.md, R1, R2, R5, R17, R18, R20, R31).
 */
#include "perf/cpu.h"
#include "perf/event.h"
#include "perf/group.h"
#include "report/cases.h"
#include "sync/work.h"
#include "vm/guest.h"

#define HOST_CPU 0
#define GUEST_CPU 1
#define PATIENCE_MS 15000
#define WORK_TURNS 200000
#define INSIDE_NS 5000000ull
#define CROWD 16
#define MANY_STEPS 100
#define RING_PAGES 8
#define SAMPLE_PERIOD 20000

FIXTURE(seed_schedule)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
	int fd;
	struct perf_event_mmap_page *page;
};

/* @of_task: follow the vCPU thread, else count its CPU */
FIXTURE_VARIANT(seed_schedule)
{
	bool of_task, pinned;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(seed_schedule, task_flexible) { .of_task = true };
FIXTURE_VARIANT_ADD(seed_schedule, task_pinned) { .of_task = true, .pinned = true };
FIXTURE_VARIANT_ADD(seed_schedule, cpu_flexible) { .pinned = false };
FIXTURE_VARIANT_ADD(seed_schedule, cpu_pinned) { .pinned = true };
/* clang-format on */

FIXTURE_SETUP(seed_schedule)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
	self->s.literal = host_literal();
	self->fd = -1;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(seed_schedule)
{
	if (self->page)
		event_unmap(self->page, 0);
	if (self->fd >= 0)
		close(self->fd);
	case_end(_metadata);
}

static void work_here(void *arg)
{
	(void)arg;
	work(WORK_TURNS);
}

/* Work on the vCPU thread, and what the event gained by it. */
static int64_t gain_by_work(struct guest *guest, int fd)
{
	struct event_value from, to;

	if (event_read(fd, &from))
		return NOT_KNOWN;
	guest_call(guest, work_here, NULL);
	if (event_read(fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

static int open_variant(FIXTURE_DATA(seed_schedule) * self,
			const FIXTURE_VARIANT(seed_schedule) * variant)
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

static void look_twice(void *arg)
{
	struct look *look = arg;
	uint64_t from = now_ns();

	event_read(look->fd, &look->seen[0]);
	look->index = look->page->index;
	while (now_ns() - from < 200000)
		;
	event_read(look->fd, &look->seen[1]);
}

TEST_F(seed_schedule, R2_R5_off_at_entry_and_on_again_at_exit)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct inside inside;
	struct look look;
	bool certain;

	guest_create(&self->guest, guest_spin, GUEST_CPU);
	MUST(open_variant(self, variant));
	look = (struct look){ .fd = self->fd, .page = self->page };
	self->o.counted_before = gain_by_work(&self->guest, self->fd);
	guest_go(&self->guest);
	certain = guest_inside(&self->guest, look_twice, &look, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	if (certain) {
		self->s.guest_beats = (int64_t)inside.beats;
		self->o.page_index = look.index;
		self->o.counted_inside =
			(int64_t)(look.seen[1].count - look.seen[0].count);
		self->o.eof = look.seen[0].eof || look.seen[1].eof;
	}
	self->o.counted_after = gain_by_work(&self->guest, self->fd);
	JUDGE("R2", &self->s, &self->o);
	JUDGE("R5", &self->s, &self->o);
	guest_destroy(&self->guest);
}

/* Many times in a row, with host work in between. */
TEST_F(seed_schedule, R5_again_and_again)
{
	struct event_value value;

	guest_create(&self->guest, guest_exits, GUEST_CPU);
	MUST(open_variant(self, variant));
	self->o.counted_before = gain_by_work(&self->guest, self->fd);
	self->o.counted_after = VALUE_MAX;
	for (int i = 0; i < MANY_STEPS; i++) {
		int64_t gain;

		guest_step(&self->guest);
		gain = gain_by_work(&self->guest, self->fd);
		if (gain < self->o.counted_after)
			self->o.counted_after = gain;
	}
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	self->s.guest_beats = (int64_t)self->guest.record->beats;
	JUDGE("R5", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(seed_schedule, R5_keeps_its_place_beside_a_crowd_of_cpu_events)
{
	struct event_value value;
	struct crowd crowd;

	guest_create(&self->guest, guest_exits, GUEST_CPU);
	MUST(crowd_take_counters(&crowd, GUEST_CPU));
	self->s.counters = crowd.size;
	crowd_close(&crowd);
	MUST(crowd_try_open(&crowd, CROWD, ANY_TASK, GUEST_CPU));
	self->s.crowd = crowd.size;
	self->s.pinned = variant->pinned;
	self->s.per_cpu = !variant->of_task;
	MUST(open_variant(self, variant));
	self->o.counted_before = gain_by_work(&self->guest, self->fd);
	for (int i = 0; i < 20; i++)
		guest_step(&self->guest);
	self->o.counted_after = gain_by_work(&self->guest, self->fd);
	MUST(event_read(self->fd, &value));
	self->o.eof = value.eof;
	self->s.guest_beats = (int64_t)self->guest.record->beats;
	crowd_close(&crowd);
	JUDGE("R5.priority", &self->s, &self->o);
	guest_destroy(&self->guest);
}

FIXTURE(seed_clock)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
	int fd;
};

FIXTURE_SETUP(seed_clock)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
	self->fd = -1;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(seed_clock)
{
	if (self->fd >= 0)
		close(self->fd);
	case_end(_metadata);
}

/* Read the event before and after a run with some time certainly inside. */
static bool run_between_reads(FIXTURE_DATA(seed_clock) * self,
			      struct event_value *from, struct event_value *to)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	uint64_t outer_from, inner_from, inner_to, outer_to, guest_ns;
	bool stopped;

	outer_from = now_ns();
	event_read(self->fd, from);
	inner_from = now_ns();
	guest_go(&self->guest);
	guest_ns = guest_time_inside(&self->guest, INSIDE_NS, &deadline);
	stopped = guest_stop(&self->guest, PATIENCE_MS);
	inner_to = now_ns();
	event_read(self->fd, to);
	outer_to = now_ns();

	self->s.guest_beats = (int64_t)self->guest.record->beats;
	self->s.guest_min_ns = (int64_t)guest_ns;
	self->s.wall_min_ns = (int64_t)(inner_to - inner_from);
	self->s.wall_max_ns = (int64_t)(outer_to - outer_from);
	self->o.eof = to->eof;
	self->o.enabled_ns = (int64_t)(to->enabled_ns - from->enabled_ns);
	self->o.running_ns = (int64_t)(to->running_ns - from->running_ns);
	self->o.not_running_ns = self->o.enabled_ns - self->o.running_ns;
	return stopped && guest_ns >= INSIDE_NS;
}

static void note_index(void *arg)
{
	struct look *look = arg;

	look->index = look->page->index;
}

/* Condemned or not, it has no counter inside. */
static void judge_index(struct __test_metadata *_metadata,
			FIXTURE_DATA(seed_clock) * self, bool of_task)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct perf_event_mmap_page *page;
	struct perf_event_attr attr;
	struct inside inside;
	struct look look;

	MUST(event_describe(&attr, PMU_CORE));
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	self->fd = event_try_open(&attr, of_task ? self->guest.tid : ANY_TASK,
				  of_task ? ANY_CPU : GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	page = event_map(self->fd, 0);
	MUST_BE(page != NULL);
	look.page = page;
	guest_go(&self->guest);
	if (guest_inside(&self->guest, note_index, &look, 0, &deadline,
			 &inside)) {
		self->s.guest_beats = (int64_t)inside.beats;
		self->o.page_index = look.index;
	}
	self->s.exclude_guest = 0;
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	event_unmap(page, 0);
	JUDGE("R2", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(seed_clock, R2_index_of_a_cpu_event_that_includes)
{
	judge_index(_metadata, self, false);
}

TEST_F(seed_clock, R2_index_of_a_task_event_that_includes)
{
	judge_index(_metadata, self, true);
}

TEST_F(seed_clock, R17_R18_the_guest_is_enabled_time_but_not_running_time)
{
	struct event_value from, to;
	struct perf_event_attr attr;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before = gain_by_work(&self->guest, self->fd);
	MUST_BE(run_between_reads(self, &from, &to));
	JUDGE("R17", &self->s, &self->o);

	/* As tools scale a multiplexed count. */
	self->o.scaled_surplus =
		(int64_t)((double)to.count * (double)to.enabled_ns /
				  (double)to.running_ns -
			  (double)to.count);
	JUDGE("R18", &self->s, &self->o);
	guest_destroy(&self->guest);
}

static void judge_other_pmu(struct __test_metadata *_metadata,
			    FIXTURE_DATA(seed_clock) * self, enum pmu_kind pmu,
			    bool of_task)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct event_value from, to;
	struct perf_event_attr attr;
	int task, cpu, err = event_describe(&attr, pmu);

	NEEDS(err != ENOENT, "this kind of event");
	MUST(err);
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	task = of_task ? self->guest.tid : ANY_TASK;
	cpu = of_task ? ANY_CPU : GUEST_CPU;
	self->fd = event_try_open(&attr, task, cpu, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->s.pmu = pmu;
	self->s.exclude_guest = 0;
	MUST_BE(run_between_reads(self, &from, &to));
	guest_destroy(&self->guest);

	/* And opened while the guest is there. */
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(guest_time_inside(&self->guest, 100000, &deadline) > 0);
	task = of_task ? self->guest.tid : ANY_TASK;
	err = event_try_open(&attr, task, cpu, NO_GROUP);
	self->o.err = err < 0 ? -err : 0;
	if (err >= 0)
		close(err);
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	JUDGE("R1", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(seed_clock, R1_software_of_a_cpu)
{
	judge_other_pmu(_metadata, self, PMU_SOFTWARE, false);
}

TEST_F(seed_clock, R1_software_of_the_vcpu)
{
	judge_other_pmu(_metadata, self, PMU_SOFTWARE, true);
}

TEST_F(seed_clock, R1_tracepoint)
{
	judge_other_pmu(_metadata, self, PMU_TRACEPOINT, false);
}

TEST_F(seed_clock, R1_breakpoint)
{
	judge_other_pmu(_metadata, self, PMU_BREAKPOINT, true);
}

TEST_F(seed_clock, R1_msr)
{
	judge_other_pmu(_metadata, self, PMU_MSR, false);
}

/* How many of these have never been on a counter? */
static int starved(const struct crowd *crowd)
{
	struct event_value value;
	int never = 0;

	for (int i = 0; i < crowd->size; i++)
		never += !event_read(crowd->fd[i], &value) && !value.running_ns;
	return never;
}

/* More events than counters, and a guest that comes and goes meanwhile. */
TEST_F(seed_clock, R20_everybody_gets_a_turn)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct crowd crowd;

	guest_create(&self->guest, guest_exits, GUEST_CPU);
	MUST(crowd_take_counters(&crowd, GUEST_CPU));
	self->s.counters = crowd.size;
	crowd_close(&crowd);
	/* The guest first: rotation must not have begun without it. */
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->beats, 10, &deadline));
	MUST(crowd_try_open(&crowd, CROWD, ANY_TASK, GUEST_CPU));
	self->s.crowd = crowd.size;
	self->s.entries = (int64_t)self->guest.record->beats;
	while (starved(&crowd) && !deadline_passed(&deadline))
		;
	self->o.starved = starved(&crowd);
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	crowd_close(&crowd);
	JUDGE("R20", &self->s, &self->o);
	guest_destroy(&self->guest);
}

static void note_head(void *arg)
{
	struct look *look = arg;
	uint64_t from = now_ns();

	look->seen[0].count = look->page->data_head;
	while (now_ns() - from < 500000)
		;
	look->seen[1].count = look->page->data_head;
}

/*
 * Samples: the ring of an exclude-guest event stands still inside. NMIs: the
 * guest lets its own counter overflow, and the host must not hear of it.
 */
TEST_F(seed_clock, R31_no_sample_and_no_nmi_from_inside)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct perf_event_mmap_page *page;
	struct perf_event_attr attr;
	struct inside inside;
	struct look look;
	int64_t nmis;
	bool certain;

	NEEDS(cpu_is_amd(), "an AMD guest payload");
	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.sample_period = SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	guest_create(&self->guest, guest_spin, GUEST_CPU);
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	page = event_map(self->fd, RING_PAGES);
	MUST_BE(page != NULL);
	guest_call(&self->guest, work_here, NULL);
	self->o.counted_before = (int64_t)page->data_head;
	look.page = page;
	guest_go(&self->guest);
	certain = guest_inside(&self->guest, note_head, &look, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	if (certain)
		self->o.samples_inside =
			(int64_t)(look.seen[1].count - look.seen[0].count);
	event_unmap(page, RING_PAGES);
	close(self->fd);
	self->fd = -1;
	guest_destroy(&self->guest);

	guest_create(&self->guest, guest_overflow, GUEST_CPU);
	nmis = cpu_interrupts("NMI", GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->beats, 20, &deadline));
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	self->o.nmis_inside = cpu_interrupts("NMI", GUEST_CPU) - nmis;
	self->s.guest_beats = (int64_t)self->guest.record->beats;
	JUDGE("R31", &self->s, &self->o);
	guest_destroy(&self->guest);
}

/* One of two guests, and an event it is asked about. */
struct one_of_two {
	struct guest *guest;
	int fd;
	int64_t before;
};

static void judge_one(struct __test_metadata *_metadata,
		      FIXTURE_DATA(seed_clock) * self,
		      const struct one_of_two *one)
{
	struct event_value value;

	self->o.counted_before = one->before;
	self->o.counted_after = gain_by_work(one->guest, one->fd);
	MUST(event_read(one->fd, &value));
	self->o.eof = value.eof;
	self->s.guest_beats = (int64_t)one->guest->record->beats;
	JUDGE("R5", &self->s, &self->o);
}

/* Two guests at once: an event of the first one's CPU, and of the second. */
static void judge_two_guests(struct __test_metadata *_metadata,
			     FIXTURE_DATA(seed_clock) * self, int cpu_of_second)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	struct perf_event_attr attr;
	struct guest second = { .parts = NULL };
	struct one_of_two of[2] = { { .guest = &self->guest },
				    { .guest = &second } };

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	guest_create(&self->guest, guest_exits, GUEST_CPU);
	guest_create(&second, guest_exits, cpu_of_second);
	of[0].fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	of[1].fd = event_try_open(&attr, second.tid, ANY_CPU, NO_GROUP);
	MUST_BE(of[0].fd >= 0 && of[1].fd >= 0);
	for (int i = 0; i < 2; i++)
		of[i].before = gain_by_work(of[i].guest, of[i].fd);
	guest_go(&self->guest);
	guest_go(&second);
	MUST_BE(wait_at_least(&self->guest.record->beats, 50, &deadline));
	MUST_BE(wait_at_least(&second.record->beats, 50, &deadline));
	MUST_BE(guest_stop(&self->guest, PATIENCE_MS));
	MUST_BE(guest_stop(&second, PATIENCE_MS));
	for (int i = 0; i < 2; i++) {
		judge_one(_metadata, self, &of[i]);
		close(of[i].fd);
	}
	guest_destroy(&self->guest);
	guest_destroy(&second);
}

TEST_F(seed_clock, R5_two_guests_on_two_cpus)
{
	judge_two_guests(_metadata, self, HOST_CPU);
}

TEST_F(seed_clock, R5_two_guests_on_one_cpu)
{
	judge_two_guests(_metadata, self, GUEST_CPU);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_SEED_GUESTS);
}
