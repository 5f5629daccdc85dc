// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM sets of a vCPU that has begun (docs/contract/guest.md, M71 to
 * M73).
 */
#include <errno.h>

#include "all_registers.h"
#include "guest_case.h"
#include "vm/pattern.h"

/* The VMM sets the counter to so many before its end. */
#define TO_GO (TURNS / 2)

FIXTURE(set)
{
	struct guest_case c;
};

FIXTURE_SETUP(set)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(set)
{
	guest_case_end(&self->c, _metadata);
}

TEST_F(set, M71_cpuid_after_the_first_run)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU that CPUID can make smaller");
	pattern_write(&c->guest, &c->pmu);
	c->o.failed = guest_set_counters(&c->guest, c->pmu.general) != 0;
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	c->o.err = guest_set_counters(&c->guest, c->pmu.general - 1);
	c->o.mismatches += pattern_mismatches(&c->guest, &c->pmu);
	JUDGE("M71", &c->s, &c->o);
}

TEST_F(set, M71_before_the_first_run)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU that CPUID can make smaller");
	c->o.failed = (guest_set_counters(&c->guest, c->pmu.general - 1) != 0) +
		      (guest_set_counters(&c->guest, c->pmu.general) != 0);
	pattern_write(&c->guest, &c->pmu);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	JUDGE("M71.before", &c->s, &c->o);
}

/* The registers that the VMM had set are those of the PMU before. */
TEST_F(set, M71_a_pmu_that_is_given_anew_is_after_reset)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;

	NEEDS(pmu->version > 1, "a PMU that CPUID can make smaller");
	c->o.failed =
		(pattern_kvm_write(guest, pmu) != 0) +
		(guest_set_msr(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 2) !=
		 0) +
		(guest_set_msr(guest, pmu_msr(pmu, PMU_STATUS, 0), 1) != 0) +
		(guest_set_counters(guest, pmu->general - 1) != 0) +
		(guest_set_counters(guest, pmu->general) != 0);
	read_all_registers(guest, pmu, &c->o);
	JUDGE("M71.reset", &c->s, &c->o);
}

/*
 * Counter 0 counts @event, is set at an exit to user space, and counts @turns
 * of work after that. Returns how far it got from there, or NOT_KNOWN.
 */
static int64_t gain_from_there(struct guest_case *c, enum pmu_event event,
			       uint64_t turns)
{
	const struct pmu *pmu = &c->pmu;
	const uint64_t from = pmu_counter_max(pmu) + 1 - TO_GO;
	struct guest *guest = &c->guest;
	uint64_t pmis = guest->script->pmis;
	int count, status;

	script_clear(guest);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), pmu_all(pmu));
	script_write(guest, GUEST_LVTPC_MSR, GUEST_PMI_VECTOR);
	script_write(guest, pmu_eventsel_msr(pmu, 0),
		     pmu_select(pmu, event, PMU_USER | PMU_OS | PMU_INTERRUPT));
	script_write(guest, pmu_counter_msr(pmu, 0), 0);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 1);
	script_do(guest, GUEST_OUT, 1);
	script_do(guest, GUEST_WORK, turns);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_do(guest, GUEST_WORK, calibration_late_turns());
	script_do(guest, GUEST_OPEN, 1);
	count = script_read(guest, pmu_counter_msr(pmu, 0));
	status = script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
	if (!guest_goes_to_port(guest))
		return NOT_KNOWN;
	c->o.failed += guest_set_msr(guest, pmu_counter_msr(pmu, 0), from) != 0;
	guest_step(guest);
	c->s.overflows++;
	c->o.interrupts += (int64_t)(guest->script->pmis - pmis);
	c->o.status_made &= (int64_t)script_seen(guest, status);
	return (int64_t)((script_seen(guest, count) - from) &
			 pmu_counter_max(pmu));
}

static void judge_set(struct guest_case *c, struct __test_metadata *_metadata,
		      enum pmu_event event)
{
	struct least_of_two least = LEAST_OF_NONE;
	int64_t shorter, longer;

	/* Of all rounds together; the status is what all of them had. */
	c->s.overflows = 0;
	c->o.failed = 0;
	c->o.interrupts = 0;
	c->o.status_made = (int64_t)pmu_all(&c->pmu);
	do {
		shorter = gain_from_there(c, event, TURNS);
		longer = gain_from_there(c, event, 2 * TURNS);
	} while (least_wants_more(&least, shorter, longer));
	c->o.guest_counted = least_difference(&least);
	c->s.guest_work = counting_work(GUEST_WORK, event, TURNS);
	c->s.status = 1;
	JUDGE("M72", &c->s, &c->o);
}

TEST_F(set, M72_a_counter_that_is_on)
{
	NEEDS(self->c.pmu.version > 1, "a PMU with a global control");
	judge_set(&self->c, _metadata, PMU_INSTRUCTIONS);
}

/* Nothing here makes KVM emulate a branch, and so set up the counter anew. */
TEST_F(set, M72_a_counter_of_branches_that_is_on)
{
	NEEDS(self->c.pmu.version > 1, "a PMU with a global control");
	judge_set(&self->c, _metadata, PMU_BRANCHES);
}

static void judge_wide(struct guest_case *c, struct __test_metadata *_metadata,
		       enum guest_register reg, uint32_t msr)
{
	uint64_t value = 0;

	c->s.reg = reg;
	GRANTED("M35.taken", guest_set_msr(&c->guest, msr, 0));
	c->o.err = guest_set_msr(&c->guest, msr, ~0ull);
	GRANTED("M35.taken", guest_get_msr(&c->guest, msr, &value));
	c->o.highest = (int64_t)value;
	JUDGE("M73", &c->s, &c->o, "MSR %#x", (unsigned int)msr);
}

TEST_F(set, M73_a_value_wider_than_the_counter)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;

	for (unsigned int i = 0; i < pmu->general; i++)
		judge_wide(c, _metadata, REGISTER_COUNTER,
			   pmu_counter_msr(pmu, i));
	for (unsigned int i = 0; i < pmu->general && (!pmu->amd || i < 4); i++)
		judge_wide(c, _metadata, REGISTER_LEGACY_COUNTER,
			   pmu_msr(pmu, PMU_LEGACY_COUNTER, i));
}

TEST_F(set, M73_status_of_a_counter_that_it_has_not)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	uint32_t msr = pmu_msr(pmu, PMU_STATUS, 0);
	uint64_t value = 0;

	NEEDS(pmu->version > 1, "a PMU with an overflow status");
	c->o.failed = guest_set_msr(&c->guest, msr, pmu_all(pmu)) != 0;
	/* For the guest that would clear them. */
	c->o.failed += guest_set_msr(&c->guest,
				     pmu_msr(pmu, PMU_STATUS_CLEAR, 0),
				     pmu_all(pmu)) != 0;
	c->o.err = guest_set_msr(&c->guest, msr, 1ull << pmu->general);
	GRANTED("M35.taken", guest_get_msr(&c->guest, msr, &value));
	c->o.status_made = (int64_t)value;
	c->s.status = (int64_t)pmu_all(pmu);
	JUDGE("M73.status", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
