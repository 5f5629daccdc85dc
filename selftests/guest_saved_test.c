// SPDX-License-Identifier: GPL-2.0-only
/*
 * An overflow that is pending when a vCPU is saved, and a PMU that is reset
 * (docs/contract/guest.md, M61 and M62; docs/contract/defects.md, D43).
 */
#include <errno.h>

#include "guest_case.h"
#include "guest_move.h"

#define AIM_TRIES 40

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

/*
 * What the guest finds, with its overflow interrupt and all counters on in the
 * global control, after work: what has no event select counts nothing, and
 * nothing interrupts. Returns every register that it can read, or-ed.
 */
static uint64_t or_of_registers(struct guest_case *c)
{
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;
	uint64_t all = 0;
	int opened;

	script_clear(guest);
	script_write(guest, GUEST_LVTPC_MSR, GUEST_PMI_VECTOR);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), pmu_all(pmu));
	script_do(guest, GUEST_WORK, TURNS + calibration_late_turns());
	opened = script_do(guest, GUEST_OPEN, 1);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_read(guest, pmu_eventsel_msr(pmu, i));
		script_read(guest, pmu_counter_msr(pmu, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		script_read(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		script_read(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0));
	script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
	script_run(guest);
	for (int i = opened + 1; guest->script->step[i].op != GUEST_END; i++)
		all |= script_seen(guest, i);
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

/* Returns NOT_KNOWN if KVM does not give it. */
static int64_t counter_as_kvm_has_it(struct guest_case *c)
{
	uint64_t value;

	if (guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, 0), &value))
		return NOT_KNOWN;
	return (int64_t)value;
}

static int64_t taken(const struct guest *guest, uint64_t lvt)
{
	return (int64_t)(lvt & GUEST_LVT_NMI ? guest->script->nmis
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
	int64_t max = (int64_t)pmu_counter_max(&c->pmu), start = 0;

	for (int i = 0; i < AIM_TRIES; i++) {
		int64_t at_exit, after;

		script_arm(c, lvt, (uint64_t)start);
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
		if (at_exit == NOT_KNOWN || after == NOT_KNOWN)
			return false;
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
	c->o.failed = saved_restore_registers(&move->to, move->saved, false);
	saved_restore_interrupts(&move->to, move->saved);
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
 * off, so its APIC holds the interrupt. The counter runs on. Returns false if
 * it did not overflow, or nothing could be saved.
 */
static bool save_after_overflow(struct move *move)
{
	struct guest_case *c = &move->c;
	uint64_t start = pmu_counter_max(&c->pmu) - TURNS;
	int64_t counter;

	script_arm(c, GUEST_PMI_VECTOR, start);
	script_do(&c->guest, GUEST_WORK, TURNS + calibration_late_turns());
	script_do(&c->guest, GUEST_OUT, 1);
	script_take(&c->guest, &c->pmu);
	if (!guest_goes_to_port(&c->guest))
		return false;
	counter = counter_as_kvm_has_it(c);
	move->saved = saved_take(&c->guest);
	return move->saved && counter != NOT_KNOWN && (uint64_t)counter < start;
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
	judge_at_overflow(&self->m, _metadata, GUEST_LVT_NMI);
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
static void judge_reset(struct move *move, struct __test_metadata *_metadata)
{
	struct guest_case *c = &move->c;
	int64_t before;

	c->o.registers_got = saved_got(move->saved);
	c->o.failed = saved_restore_registers(&c->guest, move->reset, false);
	saved_restore_interrupts(&c->guest, move->reset);
	before = taken(&c->guest, GUEST_PMI_VECTOR);
	guest_step(&c->guest);
	c->o.mismatches = or_of_registers(c) != 0;
	c->o.vector = script_any_vector(&c->guest);
	c->o.interrupts = taken(&c->guest, GUEST_PMI_VECTOR) - before;
	JUDGE("M61", &c->s, &c->o);
}

TEST_F(saved, M61_reset_at_the_overflow)
{
	struct move *move = &self->m;

	NEEDS(move->c.pmu.version > 1, "a PMU with an overflow status");
	move->reset = state_after_reset(&move->c.guest);
	MUST_BE(move->reset != NULL);
	MUST_BE(save_at_overflow(move, GUEST_PMI_VECTOR));
	judge_reset(move, _metadata);
}

TEST_F(saved, M61_reset_after_the_overflow)
{
	struct move *move = &self->m;

	NEEDS(move->c.pmu.version > 1, "a PMU with an overflow status");
	move->reset = state_after_reset(&move->c.guest);
	MUST_BE(move->reset != NULL);
	MUST_BE(save_after_overflow(move));
	judge_reset(move, _metadata);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
