// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM gets from one vCPU and sets in another: the PMU is the same there,
 * the guest goes on counting, and its overflow reaches it. And what it sets to
 * zero is silent (docs/contract/guest.md, M59 to M62; docs/contract/defects.md,
 * D43).
 */
#include <errno.h>

#include "guest_case.h"
#include "vm/pattern.h"
#include "vm/guest_saved.h"

#define LVT_NMI 0x400
#define AIM_TRIES 40

/* @c: the guest that is saved; @to: the one it is restored in */
struct move {
	struct guest_case c;
	struct guest to;
	struct saved *saved;
};

static bool move_begin(struct move *move)
{
	if (!guest_case_begin(&move->c))
		return false;
	script_guest_create(&move->to, GUEST_CPU);
	move->saved = NULL;
	return true;
}

static void move_end(struct move *move, struct __test_metadata *_metadata)
{
	saved_free(move->saved);
	guest_destroy(&move->to);
	guest_case_end(&move->c, _metadata);
}

enum announced {
	ALL,
	FEWER,
	NO_GLOBAL_CONTROL,
	NONE,
};

FIXTURE(copied)
{
	struct move m;
};

FIXTURE_VARIANT(copied)
{
	enum announced announced;
	bool backwards;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(copied, all_counters) { .announced = ALL };
FIXTURE_VARIANT_ADD(copied, all_counters_backwards) { .announced = ALL, .backwards = true };
FIXTURE_VARIANT_ADD(copied, fewer_counters) { .announced = FEWER };
FIXTURE_VARIANT_ADD(copied, fewer_counters_backwards) { .announced = FEWER, .backwards = true };
FIXTURE_VARIANT_ADD(copied, no_global_control) { .announced = NO_GLOBAL_CONTROL };
FIXTURE_VARIANT_ADD(copied, no_pmu) { .announced = NONE };
/* clang-format on */

FIXTURE_SETUP(copied)
{
	MUST_BE(move_begin(&self->m));
}

FIXTURE_TEARDOWN(copied)
{
	move_end(&self->m, _metadata);
}

/* Before their first runs: announce the same to both guests. */
static void limit_both(struct move *move, unsigned int counters,
		       unsigned int version)
{
	guest_case_limit(&move->c, counters, version);
	guest_limit_pmu(&move->to, counters, version);
}

static void announce(struct move *move, enum announced announced)
{
	struct guest_case *c = &move->c;

	if (announced == FEWER)
		limit_both(move, fewer_counters(c), c->pmu.version);
	else if (announced == NO_GLOBAL_CONTROL)
		limit_both(move, c->pmu.general, 1);
	else if (announced == NONE)
		limit_both(move, 0, 0);
}

/* A value of its own in every register, and a bit in the status. */
static int fill(struct guest_case *c)
{
	if (!c->pmu.general)
		return 0;
	pattern_write(&c->guest, &c->pmu);
	if (c->pmu.version < 2)
		return 0;
	return guest_set_msr(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			     pmu_all(&c->pmu) & ~1ull)
		       ?: guest_set_msr(&c->guest,
					pmu_msr(&c->pmu, PMU_STATUS, 0), 2);
}

TEST_F(copied, M59_a_new_vcpu_takes_it)
{
	struct move *move = &self->m;
	struct guest_case *c = &move->c;
	struct saved *again;

	NEEDS(variant->announced != NONE || !c->pmu.amd,
	      "a PMU that CPUID can take away");
	NEEDS(variant->announced != FEWER ||
		      fewer_counters(c) < c->host.general,
	      "more than four counters");
	NEEDS(variant->announced != NO_GLOBAL_CONTROL || c->pmu.version > 1,
	      "a PMU with a global control");
	announce(move, variant->announced);
	MUST(fill(c));
	move->saved = saved_take(&c->guest);
	MUST_BE(move->saved != NULL);
	c->o.registers_set = saved_set_registers(move->saved);
	c->o.failed = saved_give_registers(&move->to, move->saved,
					   variant->backwards);
	again = saved_take(&move->to);
	MUST_BE(again != NULL);
	c->o.mismatches = saved_differences(move->saved, again);
	saved_free(again);
	if (c->pmu.general)
		c->o.mismatches += pattern_mismatches(&move->to, &c->pmu);
	JUDGE(c->pmu.general ? "M59" : "M59.none", &c->s, &c->o);
}

FIXTURE(saved)
{
	struct move m;
};

FIXTURE_SETUP(saved)
{
	MUST_BE(move_begin(&self->m));
}

FIXTURE_TEARDOWN(saved)
{
	move_end(&self->m, _metadata);
}

/* Read the counter, then work: what runs on after the script is the same. */
static uint64_t read_and_work(struct guest *guest, const struct pmu *pmu)
{
	int read;

	script_clear(guest);
	read = script_read(guest, pmu_counter_msr(pmu, 0));
	script_do(guest, GUEST_WORK, TURNS);
	script_run(guest);
	return script_seen(guest, read);
}

/*
 * Move the PMU as it is, its counter on, and say in @c->o what was refused or
 * is another value there. Returns false if nothing could be saved.
 */
static bool move_running(struct move *move)
{
	struct guest_case *c = &move->c;
	struct saved *again;

	saved_free(move->saved);
	move->saved = saved_take(&c->guest);
	if (!move->saved)
		return false;
	c->o.failed = saved_give_registers(&move->to, move->saved, false);
	again = saved_take(&move->to);
	if (!again)
		return false;
	c->o.mismatches = saved_differences(move->saved, again);
	saved_free(again);
	return true;
}

/* What the counter gains over one visit to the guest that is saved. */
static int64_t gain_if_it_stays(struct move *move)
{
	struct guest_case *c = &move->c;
	uint64_t from = read_and_work(&c->guest, &c->pmu);

	return (int64_t)(read_and_work(&c->guest, &c->pmu) - from);
}

/* The same on the way to the other one. */
static int64_t gain_if_it_moves(struct move *move)
{
	struct guest_case *c = &move->c;
	uint64_t from = read_and_work(&c->guest, &c->pmu);

	if (!move_running(move))
		return NOT_KNOWN;
	return (int64_t)(read_and_work(&move->to, &c->pmu) - from);
}

TEST_F(saved, M59_counts_a_guest_goes_on_counting)
{
	struct move *move = &self->m;
	struct guest_case *c = &move->c;
	struct least_of_two least = LEAST_OF_NONE;
	int64_t stays, moves, difference;

	script_write(&c->guest, pmu_eventsel_msr(&c->pmu, 0),
		     pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS));
	if (c->pmu.version > 1)
		script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			     1);
	script_run(&c->guest);
	do {
		stays = gain_if_it_stays(move);
		moves = gain_if_it_moves(move);
	} while (!c->o.failed && !c->o.mismatches &&
		 least_wants_more(&least, stays, moves));
	if (!c->o.failed && !c->o.mismatches) {
		MUST_BE(least.first.value > 0);
		difference = least_difference(&least);
		c->o.mismatches = difference == NOT_KNOWN ? NOT_KNOWN
							  : difference != 0;
	}
	JUDGE("M59.counts", &c->s, &c->o);
}

static void judge_absent(struct guest_case *c,
			 struct __test_metadata *_metadata, uint32_t msr)
{
	uint64_t value = 0;

	c->o.failed = guest_get_msr(&c->guest, msr, &value) != 0;
	c->o.mismatches = value != 0;
	c->o.failed += guest_set_msr(&c->guest, msr, 0) != 0;
	c->o.err = guest_set_msr(&c->guest, msr, 1);
	JUDGE(c->pmu.amd ? "M60.svm" : "M60", &c->s, &c->o, "MSR %#x",
	      (unsigned int)msr);
}

TEST_F(saved, M60_absent_registers)
{
	struct guest_case *c = &self->m.c;
	unsigned int listed = guest_listed(&c->pmu, PMU_EVENTSEL);

	NEEDS(!c->pmu.amd || c->pmu.version > 1, "PerfMonV2");
	NEEDS(fewer_counters(c) < listed, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	for (unsigned int i = c->pmu.general; i < listed; i++) {
		judge_absent(c, _metadata, pmu_msr(&c->pmu, PMU_EVENTSEL, i));
		judge_absent(c, _metadata,
			     pmu_msr(&c->pmu,
				     c->pmu.amd ? PMU_COUNTER
						: PMU_LEGACY_COUNTER,
				     i));
	}
}

/*
 * Every register that the guest can read, or-ed, after work with all counters
 * on in the global control: what has no event select counts nothing.
 */
static uint64_t or_of_registers(struct guest_case *c)
{
	const struct pmu *pmu = &c->pmu;
	int first;
	uint64_t all = 0;

	script_clear(&c->guest);
	script_do(&c->guest, GUEST_OPEN, 1);
	script_write(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), pmu_all(pmu));
	first = script_do(&c->guest, GUEST_WORK, TURNS);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_read(&c->guest, pmu_eventsel_msr(pmu, i));
		script_read(&c->guest, pmu_counter_msr(pmu, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		script_read(&c->guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		script_read(&c->guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0));
	script_read(&c->guest, pmu_msr(pmu, PMU_STATUS, 0));
	script_run(&c->guest);
	for (int i = first + 1; c->guest.script->step[i].op != GUEST_END; i++)
		all |= script_seen(&c->guest, i);
	return all;
}

/* Counter 0, with its interrupt, runs from @start on. */
static void script_arm(struct guest_case *c, uint64_t lvt, uint64_t start)
{
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;

	script_clear(guest);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), pmu_all(pmu));
	script_write(guest, GUEST_LVTPC_MSR, lvt);
	script_write(guest, pmu_eventsel_msr(pmu, 0),
		     pmu_select(pmu, PMU_INSTRUCTIONS,
				PMU_USER | PMU_OS | PMU_INTERRUPT));
	script_write(guest, pmu_counter_msr(pmu, 0), start);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 1);
	c->s.status = 1;
	c->s.overflows = 1;
}

/* Stop, take what is pending, look. Returns the step that reads the status. */
static int script_take(struct guest *guest, const struct pmu *pmu)
{
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_do(guest, GUEST_WORK, calibration_late_turns());
	script_do(guest, GUEST_OPEN, 1);
	return script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
}

static uint64_t counter_as_kvm_has_it(struct guest_case *c)
{
	uint64_t value = 0;

	guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, 0), &value);
	return value;
}

static int64_t taken(const struct guest *guest, uint64_t lvt)
{
	return (int64_t)(lvt & LVT_NMI ? guest->script->nmis
				       : guest->script->pmis);
}

/*
 * Save at an exit to user space for an instruction that KVM emulates, once it
 * is certain that this one made the counter overflow: it had one to go at the
 * exit, and is at zero when the instruction is completed. The guest is still on
 * the way through its script then. Returns false if that was not met.
 */
static bool save_at_overflow(struct move *move, uint64_t lvt)
{
	struct guest_case *c = &move->c;
	uint64_t max = pmu_counter_max(&c->pmu), start = 0;

	for (int i = 0; i < AIM_TRIES; i++) {
		uint64_t at_exit, after;

		script_arm(c, lvt, start);
		script_do(&c->guest, GUEST_OUT, 1);
		script_take(&c->guest, &c->pmu);
		if (!guest_goes_to_port(&c->guest))
			return false;
		at_exit = counter_as_kvm_has_it(c);
		saved_free(move->saved);
		move->saved = saved_take(&c->guest);
		if (!move->saved)
			return false;
		after = counter_as_kvm_has_it(c);
		if (at_exit == max && !after)
			return true;
		start = (start - after) & max;
		guest_step(&c->guest);
	}
	return false;
}

/*
 * Restore in the other vCPU, whose code has made its APIC ready, and let both
 * go on: the one that was saved is the control.
 */
static void restore_and_go_on(struct move *move, uint64_t lvt)
{
	struct guest_case *c = &move->c;
	int64_t here, there;
	int status;

	script_clear(&move->to);
	script_run(&move->to);
	c->o.failed = saved_give_registers(&move->to, move->saved, false);
	saved_give_interrupts(&move->to, move->saved);
	here = taken(&c->guest, lvt);
	there = taken(&move->to, lvt);
	guest_step(&c->guest);
	status = script_take(&move->to, &c->pmu);
	script_run(&move->to);
	c->o.interrupts_unsaved = taken(&c->guest, lvt) - here;
	c->o.interrupts = taken(&move->to, lvt) - there;
	c->o.status_made = (int64_t)script_seen(&move->to, status);
}

/*
 * Save at such an exit with an overflow behind it: the guest has interrupts
 * off, so its APIC holds the interrupt. The counter runs on.
 */
static bool save_after_overflow(struct move *move)
{
	struct guest_case *c = &move->c;

	script_arm(c, GUEST_PMI_VECTOR, pmu_counter_max(&c->pmu) - TURNS);
	script_do(&c->guest, GUEST_WORK, TURNS + calibration_late_turns());
	script_do(&c->guest, GUEST_OUT, 1);
	script_take(&c->guest, &c->pmu);
	if (!guest_goes_to_port(&c->guest))
		return false;
	move->saved = saved_take(&c->guest);
	return move->saved != NULL;
}

TEST_F(saved, M62_an_interrupt_that_waits)
{
	struct move *move = &self->m;
	struct guest_case *c = &move->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	MUST_BE(save_after_overflow(move));
	restore_and_go_on(move, GUEST_PMI_VECTOR);
	JUDGE("M62", &c->s, &c->o);
}

static void judge_at_overflow(struct move *move,
			      struct __test_metadata *_metadata, uint64_t lvt)
{
	struct guest_case *c = &move->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	if (save_at_overflow(move, lvt))
		restore_and_go_on(move, lvt);
	JUDGE("D43", &c->s, &c->o);
}

TEST_F(saved, D43_saved_at_the_overflow)
{
	judge_at_overflow(&self->m, _metadata, GUEST_PMI_VECTOR);
}

TEST_F(saved, D43_saved_at_the_overflow_as_nmi)
{
	judge_at_overflow(&self->m, _metadata, LVT_NMI);
}

/* Returns the state after reset, once the guest's code has made its APIC ready.
 */
static struct saved *state_after_reset(struct guest *guest)
{
	struct saved *state;

	script_clear(guest);
	script_run(guest);
	state = saved_take(guest);
	if (state)
		saved_reset(state);
	return state;
}

/* A counter runs and has overflowed: then all is set to zero. */
static void judge_reset(struct move *move, struct __test_metadata *_metadata,
			const struct saved *reset)
{
	struct guest_case *c = &move->c;
	int64_t before;

	c->o.registers_set = saved_set_registers(move->saved);
	c->o.failed = saved_give_registers(&c->guest, reset, false);
	saved_give_interrupts(&c->guest, reset);
	before = taken(&c->guest, GUEST_PMI_VECTOR);
	guest_step(&c->guest);
	c->o.mismatches = or_of_registers(c) != 0;
	c->o.interrupts = taken(&c->guest, GUEST_PMI_VECTOR) - before;
	JUDGE("M61", &c->s, &c->o);
}

TEST_F(saved, M61_reset_at_the_overflow)
{
	struct move *move = &self->m;
	struct saved *reset;

	NEEDS(move->c.pmu.version > 1, "a PMU with an overflow status");
	reset = state_after_reset(&move->c.guest);
	MUST_BE(reset != NULL);
	MUST_BE(save_at_overflow(move, GUEST_PMI_VECTOR));
	judge_reset(move, _metadata, reset);
	saved_free(reset);
}

TEST_F(saved, M61_reset_after_the_overflow)
{
	struct move *move = &self->m;
	struct saved *reset;

	NEEDS(move->c.pmu.version > 1, "a PMU with an overflow status");
	reset = state_after_reset(&move->c.guest);
	MUST_BE(reset != NULL);
	MUST_BE(save_after_overflow(move));
	judge_reset(move, _metadata, reset);
	saved_free(reset);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
