// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's time is to an event, who keeps counting, who gets a turn,
 * and what comes from inside (docs/contract/rfc.md, R1, R2, R17, R18, R20,
 * R31).
 */
#include "beside_guest.h"
#include "host/interrupts.h"
#include "perf/group.h"
#include "vm/script.h"

#define WORK_TURNS 20000
#define COMPETITORS 16
#define OPENS 20
#define RING_PAGES 8
#define SAMPLE_PERIOD 20000
#define NMI_TRIES 10
#define OVERFLOWS 20
#define BEFORE_OVERFLOW 5000

FIXTURE(rfc_clock)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_clock)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 1;
}

FIXTURE_TEARDOWN(rfc_clock)
{
	BESIDE_GUEST_ENDS();
}

/* A look at a mapped page while the guest is certainly inside. */
struct look {
	const volatile struct perf_event_mmap_page *page;
	int64_t index;
	uint64_t head[2];
};

static void note_index(void *arg)
{
	struct look *look = arg;

	look->index = look->page->index;
}

/* In ERROR or not, it has no counter inside. */
static void judge_index(struct __test_metadata *_metadata,
			FIXTURE_DATA(rfc_clock) * self, bool of_task)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_mmap_page *page;
	struct inside inside;
	struct look look;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->fd = event_try_open_core(0, of_task ? self->guest.tid : ANY_TASK,
				       of_task ? ANY_CPU : GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	page = event_map(self->fd, 0);
	MUST_BE(page != NULL);
	look.page = page;
	guest_call(&self->guest, note_index, &look);
	self->o.index_before = look.index;
	guest_go(&self->guest);
	if (guest_inside(&self->guest, note_index, &look, 0, &deadline,
			 &inside)) {
		self->s.guest_iterations = (int64_t)inside.heartbeat;
		self->o.page_index = look.index;
	}
	self->s.exclude_guest = 0;
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	event_unmap(page, 0);
	JUDGE("R2", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(rfc_clock, R2_index_of_a_cpu_event_that_includes)
{
	judge_index(_metadata, self, false);
}

TEST_F(rfc_clock, R2_index_of_a_task_event_that_includes)
{
	judge_index(_metadata, self, true);
}

TEST_F(rfc_clock, R17_R18_the_guest_is_enabled_time_but_not_running_time)
{
	struct event_value value;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
				       GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before = guest_gain(&self->guest, self->fd, WORK_TURNS);
	MUST_BE(guest_between_reads(&self->guest, self->fd, CPU_TIME, &self->s,
				    &self->o));
	JUDGE("R17", &self->s, &self->o);

	/* As tools scale a multiplexed count. */
	MUST(event_read(self->fd, &value));
	self->o.scaled_surplus =
		(int64_t)((double)value.count * (double)value.enabled_ns /
				  (double)value.running_ns -
			  (double)value.count);
	JUDGE("R18", &self->s, &self->o);
}

static void judge_other_pmu(struct __test_metadata *_metadata,
			    FIXTURE_DATA(rfc_clock) * self, enum pmu_kind pmu,
			    bool of_task)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	int task, cpu, err = event_describe(&attr, pmu);

	NEEDS(err != ENOENT, "this kind of event");
	MUST(err);
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	task = of_task ? self->guest.tid : ANY_TASK;
	cpu = of_task ? ANY_CPU : GUEST_CPU;
	self->fd = event_try_open(&attr, task, cpu, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->s.pmu = pmu;
	self->s.exclude_guest = 0;
	MUST_BE(guest_between_reads(&self->guest, self->fd, ANY_TIME, &self->s,
				    &self->o));
	guest_destroy(&self->guest);

	/* And opened while the guest is there. */
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(guest_time_inside(&self->guest, 100000, &deadline) > 0);
	task = of_task ? self->guest.tid : ANY_TASK;
	self->o.err = 0;
	for (int i = 0; i < OPENS && !self->o.err; i++) {
		err = event_try_open(&attr, task, cpu, NO_GROUP);
		self->o.err = err < 0 ? -err : 0;
		if (err >= 0)
			close(err);
	}
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("R1", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(rfc_clock, R1_software_of_a_cpu)
{
	judge_other_pmu(_metadata, self, PMU_SOFTWARE, false);
}

TEST_F(rfc_clock, R1_software_of_the_vcpu)
{
	judge_other_pmu(_metadata, self, PMU_SOFTWARE, true);
}

TEST_F(rfc_clock, R1_tracepoint)
{
	judge_other_pmu(_metadata, self, PMU_TRACEPOINT, false);
}

TEST_F(rfc_clock, R1_breakpoint)
{
	judge_other_pmu(_metadata, self, PMU_BREAKPOINT, true);
}

TEST_F(rfc_clock, R1_msr)
{
	judge_other_pmu(_metadata, self, PMU_MSR, false);
}

/* How many have not been on a counter since they had run for @from. */
static int starved(const struct competitors *competitors, const uint64_t *from)
{
	struct event_value value;
	int never = 0;

	for (int i = 0; i < competitors->size; i++)
		never += !event_read(competitors->fd[i], &value) &&
			 value.running_ns == from[i];
	return never;
}

/* More events than counters, and a guest that comes and goes meanwhile. */
TEST_F(rfc_clock, R20_everybody_gets_a_turn)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value value;
	uint64_t from[COMPETITORS];
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_take_counters(&competitors, GUEST_CPU));
	self->s.counters = competitors.size;
	competitors_close(&competitors);
	/* The guest first: rotation must not have begun without it. */
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 10, &deadline));
	MUST(competitors_try_open(&competitors, COMPETITORS, ANY_TASK,
				  GUEST_CPU));
	/* Each that was opened made all look for a counter, and for a next one.
	 */
	MUST_BE(wait_at_least(&self->guest.record->heartbeat,
			      self->guest.record->heartbeat + 10, &deadline));
	for (int i = 0; i < competitors.size; i++) {
		MUST(event_read(competitors.fd[i], &value));
		from[i] = value.running_ns;
	}
	self->s.competitors = competitors.size;
	self->s.entries = (int64_t)self->guest.record->heartbeat;
	while (starved(&competitors, from) && !deadline_passed(&deadline))
		;
	self->o.starved = starved(&competitors, from);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	competitors_close(&competitors);
	JUDGE("R20", &self->s, &self->o);
}

static void note_head(void *arg)
{
	struct look *look = arg;
	uint64_t from = now_ns();

	look->head[0] = look->page->data_head;
	busy_until(from + 500000);
	look->head[1] = look->page->data_head;
}

/* Write down a counter that overflows again and again, with its interrupt. */
static void script_overflows(struct guest *guest, const struct pmu *pmu)
{
	uint64_t start = pmu_counter_max(pmu) - BEFORE_OVERFLOW;

	script_write(guest, GUEST_LVTPC_MSR, GUEST_PMI_VECTOR);
	script_write(guest, pmu_msr(pmu, PMU_EVENTSEL, 0),
		     pmu_select(pmu, PMU_INSTRUCTIONS,
				PMU_USER | PMU_OS | PMU_INTERRUPT));
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 1);
	for (int i = 0; i < OVERFLOWS; i++) {
		script_write(guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), 1);
		script_write(guest, pmu_msr(pmu, PMU_COUNTER, 0), start);
		script_do(guest, GUEST_WORK, BEFORE_OVERFLOW);
	}
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
}

/* Its interrupts stay off: what is pending in its APIC is enough. */
static bool overflow_beside(FIXTURE_DATA(rfc_clock) * self)
{
	const struct pmu pmu = guest_pmu_offered();
	int64_t nmis, pmis;

	script_guest_create(&self->guest, GUEST_CPU);
	script_overflows(&self->guest, &pmu);
	nmis = cpu_interrupts("NMI", GUEST_CPU);
	pmis = cpu_interrupts("VPMI", GUEST_CPU);
	if (nmis < 0 || pmis < 0)
		return false;
	script_run(&self->guest);
	self->o.nmis_inside = cpu_interrupts("NMI", GUEST_CPU) - nmis;
	self->o.guest_pmis = cpu_interrupts("VPMI", GUEST_CPU) - pmis;
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	guest_destroy(&self->guest);
	return true;
}

/*
 * Samples: the ring of an exclude-guest event stands still inside. NMIs: the
 * guest lets its own counter overflow, and the host must not hear of it.
 */
TEST_F(rfc_clock, R31_no_sample_and_no_nmi_from_inside)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_mmap_page *page;
	struct perf_event_attr attr;
	struct inside inside;
	struct look look;
	bool certain;
	int tries = 0;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.sample_period = SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	page = event_map(self->fd, RING_PAGES);
	MUST_BE(page != NULL);
	MUST_BE(guest_gain(&self->guest, self->fd, WORK_TURNS) > 0);
	self->o.counted_before = (int64_t)page->data_head;
	look.page = page;
	guest_go(&self->guest);
	certain = guest_inside(&self->guest, note_head, &look, 0, &deadline,
			       &inside);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	if (certain)
		self->o.samples_inside = (int64_t)(look.head[1] - look.head[0]);
	event_unmap(page, RING_PAGES);
	close(self->fd);
	self->fd = -1;
	guest_destroy(&self->guest);

	/* An NMI may be anybody's; one for each overflow comes every time. */
	do {
		MUST_BE(overflow_beside(self));
	} while (self->o.nmis_inside > 0 && ++tries < NMI_TRIES);
	JUDGE("R31", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_RFC_GUESTS | HOST_NEEDS_STEADY_CLOCK);
}
