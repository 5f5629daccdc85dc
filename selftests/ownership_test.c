// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two owners of one PMU: what the guest wrote stays through every kind of exit,
 * while the host uses the same counters in between; neither finds the other's
 * values; neither's counts depend on the other (docs/contract/guest.md, M20,
 * M42, M43; D16, D17, D24).
 */
#include <signal.h>
#include <sys/syscall.h>

#include "guest_case.h"
#include "perf/group.h"
#include "perf/noise.h"
#include "sync/work.h"
#include "vm/pattern.h"

#define EXITS 100
/* Each takes until the other thread has had its share of the CPU. */
#define EXITS_FROM_OUTSIDE 20
#define WORK_TURNS 2000
#define LONG_TURNS 2000000
#define MSR_OF_KVM 0x1b /* IA32_APIC_BASE, which KVM keeps */

enum exit_kind {
	EXIT_IN_THE_GUEST,
	EXIT_PAGE_FAULT,
	EXIT_SIGNAL,
	EXIT_BY_ITSELF,
};

FIXTURE(own)
{
	struct guest_case c;
	struct noise *noise;
};

/* @kind: who makes the exits; @op and @index: how the guest makes them */
FIXTURE_VARIANT(own)
{
	enum exit_kind kind;
	enum guest_op op;
	uint32_t index;
};

#define EXITS_BY(name, ...)            \
	FIXTURE_VARIANT_ADD(own, name) \
	{                              \
		__VA_ARGS__            \
	}

EXITS_BY(hlt, .op = GUEST_HALT);
EXITS_BY(io, .op = GUEST_OUT);
EXITS_BY(cpuid, .op = GUEST_EMULATE);
EXITS_BY(msr, .op = GUEST_READ, .index = MSR_OF_KVM);
EXITS_BY(fast_path, .op = GUEST_IPI);
EXITS_BY(page_fault, .kind = EXIT_PAGE_FAULT, .op = GUEST_TOUCH);
EXITS_BY(signals, .kind = EXIT_SIGNAL, .op = GUEST_PAUSE);
/* The host's tick, and the other thread on this CPU that wants its share. */
EXITS_BY(tick_and_preemption, .kind = EXIT_BY_ITSELF, .op = GUEST_PAUSE);

static void take_signal(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(own)
{
	struct sigaction action = { .sa_handler = take_signal };

	MUST_BE(!sigaction(SIGUSR1, &action, NULL));
	MUST_BE(guest_case_begin(&self->c));
	self->noise = noise_start(GUEST_CPU);
	MUST_BE(self->noise);
}

FIXTURE_TEARDOWN(own)
{
	if (self->noise)
		noise_stop(self->noise);
	guest_case_end(&self->c, _metadata);
}

/* Until there were enough exits while the guest was in its loop. */
static bool exits_from_outside(struct guest_case *c, enum exit_kind kind)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from;

	if (!script_goes(&c->guest, patience_ms()))
		return false;
	from = guest_exits_count(&c->guest);
	while (guest_exits_count(&c->guest) < from + EXITS_FROM_OUTSIDE) {
		if (deadline_passed(&deadline))
			break;
		if (kind == EXIT_SIGNAL)
			syscall(SYS_tgkill, getpid(), c->guest.tid, SIGUSR1);
	}
	return script_ends(&c->guest, patience_ms());
}

static bool make_exits(struct guest_case *c,
		       const FIXTURE_VARIANT(own) * variant)
{
	script_clear(&c->guest);
	script_add(&c->guest, variant->op, variant->index, 0,
		   variant->kind == EXIT_IN_THE_GUEST ? EXITS : 1);
	if (variant->kind == EXIT_IN_THE_GUEST) {
		script_run(&c->guest);
		return true;
	}
	if (variant->kind != EXIT_PAGE_FAULT)
		return exits_from_outside(c, variant->kind);
	for (int i = 0; i < EXITS; i++) {
		guest_drop_page(&c->guest);
		script_run(&c->guest);
	}
	return true;
}

/*
 * At least one whole round of the noise must lie between the first exit and the
 * last: else nothing disturbed.
 */
TEST_F(own, M42_patterns_survive)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest_case *c = &self->c;
	uint64_t exits, rounds;

	pattern_write(&c->guest, &c->pmu);
	rounds = noise_rounds(self->noise);
	exits = guest_exits_count(&c->guest);
	do {
		MUST_BE(make_exits(c, variant));
	} while (noise_rounds(self->noise) < rounds + 2 &&
		 !deadline_passed(&deadline));
	c->s.exits_asked = variant->kind == EXIT_SIGNAL ||
					   variant->kind == EXIT_BY_ITSELF
				   ? EXITS_FROM_OUTSIDE
				   : EXITS;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	MUST_BE(noise_rounds(self->noise) >= rounds + 2);
	c->o.counted_before = noise_stop(self->noise);
	self->noise = NULL;
	JUDGE("M42", &c->s, &c->o);
}

FIXTURE(share)
{
	struct guest_case c;
	struct crowd crowd;
	int fd;
	bool of_cpu;
	struct perf_event_mmap_page *page;
	uint64_t moving;
};

FIXTURE_SETUP(share)
{
	self->fd = -1;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(share)
{
	crowd_close(&self->crowd);
	if (self->fd >= 0)
		close(self->fd);
	guest_case_end(&self->c, _metadata);
}

/* The host keeps all counters busy up to the guest's first look. */
TEST_F(share, M20_the_guest_finds_nothing_of_the_host)
{
	struct guest_case *c = &self->c;
	int counter[COUNTERS_MAX], selector[COUNTERS_MAX];
	struct event_value value;

	MUST(crowd_take_counters(&self->crowd, GUEST_CPU));
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		counter[i] =
			script_read(&c->guest, pmu_counter_msr(&c->pmu, i));
		selector[i] =
			script_read(&c->guest, pmu_selector_msr(&c->pmu, i));
	}
	script_run(&c->guest);
	c->o.leaked = 0;
	c->o.leak_control = 0;
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		c->o.leaked += script_seen(&c->guest, counter[i]) != 0;
		c->o.leaked += script_seen(&c->guest, selector[i]) != 0;
	}
	for (int i = 0; i < self->crowd.size; i++)
		c->o.leak_control += !event_read(self->crowd.fd[i], &value) &&
				     value.count;
	JUDGE("M20", &c->s, &c->o);
}

/*
 * A program's own event, mapped, so that it may use RDPMC. Of branches, which
 * no fixed counter counts: enabling one writes the control of all fixed ones.
 */
static int open_mapped(FIXTURE_DATA(share) * self)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = PERF_COUNT_HW_BRANCH_INSTRUCTIONS;
	attr.exclude_guest = 1;
	self->fd = event_try_open(&attr, self->c.guest.tid, ANY_CPU, NO_GROUP);
	if (self->fd < 0)
		return -self->fd;
	self->page = event_map(self->fd, 0);
	return self->page ? 0 : errno;
}

/* On the vCPU thread, right after the guest, read everything there is. */
static void look_for_patterns(void *arg)
{
	FIXTURE_DATA(share) *self = arg;
	struct guest_case *c = &self->c;

	c->o.leaked = pattern_leaks(&c->host, self->page, self->moving,
				    &c->o.leak_control);
}

/* On the vCPU thread, before the guest was ever inside. */
static void look_who_moves(void *arg)
{
	FIXTURE_DATA(share) *self = arg;

	self->moving = pattern_moving(&self->c.host, self->page);
}

TEST_F(share, M20_the_host_finds_nothing_of_the_guest)
{
	struct guest_case *c = &self->c;

	MUST(open_mapped(self));
	NEEDS(self->page->cap_user_rdpmc, "RDPMC in user space");
	guest_call(&c->guest, look_who_moves, self);
	pattern_write(&c->guest, &c->pmu);
	guest_call(&c->guest, look_for_patterns, self);
	JUDGE("M20", &c->s, &c->o);
	JUDGE("D16", &c->s, &c->o);
}

/* After the VM is gone as well. */
TEST_F(share, D16_nothing_is_left_of_a_guest_that_is_gone)
{
	struct guest_case *c = &self->c;

	MUST(open_mapped(self));
	NEEDS(self->page->cap_user_rdpmc, "RDPMC in user space");
	guest_call(&c->guest, look_who_moves, self);
	pattern_write(&c->guest, &c->pmu);
	guest_free_vm(&c->guest);
	guest_call(&c->guest, look_for_patterns, self);
	JUDGE("D16", &c->s, &c->o);
}

/*
 * What an event of the host gains over one entry of the guest and some work.
 * It counts user space only: that is the same every time. Unless it is the
 * CPU's and somebody else runs there: that is known from the context switches
 * of the CPU, which an event of the task need not ask for.
 */
struct entry {
	struct guest *guest;
	int fd, switches;
	int64_t gained;
};

static void enter_and_work(void *arg)
{
	struct entry *entry = arg;
	struct event_value from, to;
	struct event_value switches_from = { 0 }, switches_to = { 0 };

	if (entry->switches >= 0)
		event_read(entry->switches, &switches_from);
	event_read(entry->fd, &from);
	guest_enter(entry->guest);
	work(WORK_TURNS);
	event_read(entry->fd, &to);
	if (entry->switches >= 0)
		event_read(entry->switches, &switches_to);
	entry->gained = switches_from.count == switches_to.count
				? (int64_t)(to.count - from.count)
				: NOT_KNOWN;
}

static int open_switches(void)
{
	struct perf_event_attr attr;

	if (event_describe(&attr, PMU_SOFTWARE))
		return -1;
	attr.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
	return event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
}

static int64_t gain_beside(FIXTURE_DATA(share) * self, enum guest_op op,
			   uint64_t times)
{
	struct guest_case *c = &self->c;
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct entry entry = {
		.guest = &c->guest,
		.fd = self->fd,
		.switches = self->of_cpu ? open_switches() : -1,
		.gained = NOT_KNOWN,
	};

	script_clear(&c->guest);
	script_do(&c->guest, op, times);
	if (self->of_cpu && entry.switches < 0)
		return NOT_KNOWN;
	while (entry.gained == NOT_KNOWN && !deadline_passed(&deadline))
		guest_call(&c->guest, enter_and_work, &entry);
	if (self->of_cpu)
		close(entry.switches);
	return entry.gained;
}

static int open_user_only(FIXTURE_DATA(share) * self, bool of_cpu)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.exclude_kernel = 1;
	self->of_cpu = of_cpu;
	self->fd = event_try_open(&attr, of_cpu ? ANY_TASK : self->c.guest.tid,
				  of_cpu ? GUEST_CPU : ANY_CPU, NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

static void judge_surplus(FIXTURE_DATA(share) * self,
			  struct __test_metadata *_metadata, enum guest_op op,
			  uint64_t few, uint64_t many)
{
	struct guest_case *c = &self->c;
	int64_t brief, longer;

	/* The first pass through the code is longer: pages are faulted in. */
	gain_beside(self, op, few);
	brief = gain_beside(self, op, few);
	c->s.exclude_guest = 1;
	c->o.counted_before = brief;
	longer = gain_beside(self, op, many);
	if (brief != NOT_KNOWN && longer != NOT_KNOWN)
		c->o.host_surplus = longer - brief;
	c->s.guest_beats = (int64_t)c->guest.record->beats;
	JUDGE("M43", &c->s, &c->o);
}

TEST_F(share, M43_of_a_task_beside_a_longer_guest)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_WORK, TURNS, LONG_TURNS);
}

TEST_F(share, M43_of_a_cpu_beside_a_longer_guest)
{
	MUST(open_user_only(self, true));
	judge_surplus(self, _metadata, GUEST_WORK, TURNS, LONG_TURNS);
}

TEST_F(share, M43_of_a_task_beside_many_exits)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_EMULATE, 1, 2000);
}

TEST_F(share, M43_of_a_task_beside_a_guest_in_user_mode)
{
	MUST(open_user_only(self, false));
	judge_surplus(self, _metadata, GUEST_USER, TURNS, LONG_TURNS);
}

/*
 * The guest counts over many exits, and the host samples at each: not one
 * instruction of either may be lost at the border, nor counted twice.
 */
TEST_F(share, D24_nothing_strays_at_the_border)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_EMULATE,
		.times = 10 * EXITS,
	};
	int64_t gained[COUNTERS_MAX];
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct noise *noise = noise_start(GUEST_CPU);
	uint64_t rounds;
	int err;

	MUST_BE(noise);
	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.selector[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	/* Until the host was at it while the guest counted. */
	do {
		rounds = noise_rounds(noise);
		err = counting_run(&c->guest, &counting, gained);
	} while (!err && noise_rounds(noise) < rounds + 2 &&
		 !deadline_passed(&deadline));
	rounds = noise_rounds(noise) - rounds;
	c->o.counted_before = noise_stop(noise);
	MUST(err);
	MUST_BE(rounds >= 2);
	c->s.guest_work =
		counting_work(counting.op, PMU_INSTRUCTIONS, counting.times);
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		c->o.guest_counted = gained[i];
		c->o.guest_control = gained[0];
		JUDGE("D24", &c->s, &c->o);
	}
}

/* Between two exits the host is there, and can be profiled. */
TEST_F(share, D17_the_host_between_exits_is_counted)
{
	struct guest_case *c = &self->c;
	struct perf_event_attr attr;
	struct event_value from, to;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.exclude_user = 1;
	self->fd = event_try_open(&attr, c->guest.tid, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	script_do(&c->guest, GUEST_EMULATE, 1);
	script_run(&c->guest);
	MUST(event_read(self->fd, &from));
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_EMULATE, EXITS);
	c->o.exits_made = (int64_t)script_run(&c->guest);
	MUST(event_read(self->fd, &to));
	c->s.exits_asked = EXITS;
	c->o.counted_after = (int64_t)(to.count - from.count);
	JUDGE("D17", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
