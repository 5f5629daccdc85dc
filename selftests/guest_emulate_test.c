// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM emulates for a guest, or user space finishes, in its counters: each
 * once, at its privilege level, and not where a counter is off
 * (docs/contract/guest.md, M34). Exact as in guest_count_test.c.
 */
#include "guest_case.h"
#include "perf/kicks.h"

#define EMULATED_TURNS 50
#define KICKED_TURNS 20000
/* So many that some are where the guest spends nearly all of its time. */
#define KICKS_LEAST 20

FIXTURE(emulate)
{
	struct guest_case c;
};

FIXTURE_SETUP(emulate)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(emulate)
{
	guest_case_end(&self->c, _metadata);
}

TEST_F(emulate, M34_emulated_instructions_are_counted)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_INSTRUCTIONS, PMU_USER | PMU_OS, GUEST_EMULATE,
		       EMULATED_TURNS));
	JUDGE("M34", &c->s, &c->o);
}

TEST_F(emulate, M34_an_instruction_that_user_space_finishes_is_counted)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_INSTRUCTIONS, PMU_USER | PMU_OS, GUEST_OUT,
		       EMULATED_TURNS));
	JUDGE("M34", &c->s, &c->o);
}

/* Where no memory is, each is a nested page fault. */
TEST_F(emulate, M34_emulated_branches_are_counted)
{
	struct guest_case *c = &self->c;

	NEEDS(faults_are_alike(),
	      "a processor known to count nested page faults alike");
	MUST(count_one(c, 0, PMU_BRANCHES, PMU_USER | PMU_OS, GUEST_JUMP,
		       EMULATED_TURNS));
	JUDGE("M34", &c->s, &c->o);
}

/* @levels: what the counter selects; @op: where KVM emulates; @base: the same
 * level, and nothing to emulate
 */
FIXTURE(emulated_levels)
{
	struct guest_case c;
};

FIXTURE_VARIANT(emulated_levels)
{
	unsigned int levels;
	enum guest_op op, base;
	bool counts;
};

#define EMULATED_LEVELS(name, selects, where, does)                       \
	FIXTURE_VARIANT_ADD(emulated_levels, name)                        \
	{                                                                 \
		.levels = selects, .op = where,                           \
		.base = where == GUEST_EMULATE ? GUEST_WORK : GUEST_USER, \
		.counts = does                                            \
	}

EMULATED_LEVELS(both_at_user_work, PMU_USER | PMU_OS, GUEST_USER_EMULATE, true);
EMULATED_LEVELS(user_at_user_work, PMU_USER, GUEST_USER_EMULATE, true);
EMULATED_LEVELS(os_at_user_work, PMU_OS, GUEST_USER_EMULATE, false);
EMULATED_LEVELS(user_at_os_work, PMU_USER, GUEST_EMULATE, false);
EMULATED_LEVELS(os_at_os_work, PMU_OS, GUEST_EMULATE, true);
EMULATED_LEVELS(none_at_os_work, 0, GUEST_EMULATE, false);

FIXTURE_SETUP(emulated_levels)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(emulated_levels)
{
	guest_case_end(&self->c, _metadata);
}

/*
 * What the processor adds to a counter of instructions that selects user level
 * alone, for each entry at the level of @op: over exits by interrupts. Some of
 * them are at the other level, and an entry to OS level adds nothing to such a
 * counter: it is all that the processor adds, or nothing, or NOT_KNOWN.
 */
static int64_t entry_adds_to_user(struct guest_case *c, enum guest_op op)
{
	struct counting counting = {
		.pmu = c->pmu,
		.op = op,
		.times = KICKED_TURNS,
		.interrupted = true,
		.eventsel[0] = pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER),
	};
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct kicks *kicks = kicks_start(GUEST_CPU, GUEST_CPU);
	int64_t added, all = calibration_entry(PMU_INSTRUCTIONS);
	struct counted counted;
	int err;

	if (!kicks)
		return NOT_KNOWN;
	do {
		err = counting_run_on(&c->guest, &counting, 1, NULL, NULL,
				      &counted);
		counting.times *= 2;
	} while (!err && counted.entries < KICKS_LEAST &&
		 counted.entries != NOT_KNOWN && !deadline_passed(&deadline));
	kicks_stop(kicks);
	if (err || counted.entries < KICKS_LEAST)
		return NOT_KNOWN;
	added = counted.gained[0];
	if (op == GUEST_USER)
		added -= counting_work(op, PMU_INSTRUCTIONS, counted.times);
	/* A difference of two runs, of which either has some at OS level. */
	if (added < 0)
		return NOT_KNOWN;
	return added ? all : 0;
}

/* The same of one that selects @levels: what is not user level is OS level. */
static int64_t entry_adds(struct guest_case *c, unsigned int levels,
			  enum guest_op op)
{
	int64_t all = calibration_entry(PMU_INSTRUCTIONS), user;

	if (levels == (PMU_USER | PMU_OS) || all <= 0)
		return all;
	if (!levels)
		return 0;
	user = entry_adds_to_user(c, op);
	return levels == PMU_USER || user == NOT_KNOWN ? user : all - user;
}

/* The first fixed counter, which selects @levels, and a general one beside it.
 */
static int count_fixed(struct guest_case *c, unsigned int levels,
		       enum guest_op op)
{
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = levels,
		.op = op,
		.times = EMULATED_TURNS,
		.eventsel[0] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
					  PMU_USER | PMU_OS),
	};
	struct counted counted;
	int err = counting_run(&c->guest, &counting, &counted);

	c->o.guest_counted = counted.gained[c->pmu.general];
	c->o.guest_control = counted.gained[0];
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	return err;
}

TEST_F(emulated_levels, M34_emulated_instructions_have_a_level)
{
	struct guest_case *c = &self->c;
	int64_t adds;

	NEEDS(calibration_entries_alike(PMU_INSTRUCTIONS),
	      "a processor that counts all VM entries alike");
	adds = entry_adds(c, variant->levels, variant->base);
	MUST(count_one(c, 0, PMU_INSTRUCTIONS, variant->levels, variant->op,
		       EMULATED_TURNS));
	c->s.entry_counts = adds;
	if (!variant->counts)
		c->s.guest_work = 0;
	JUDGE("M34.levels", &c->s, &c->o);
	if (!c->pmu.fixed)
		return;
	MUST(count_fixed(c, variant->levels, variant->op));
	c->s.entry_counts = adds;
	if (!variant->counts)
		c->s.guest_work = 0;
	JUDGE("M34.levels", &c->s, &c->o, "the first fixed counter");
}

/* What KVM_SET_CPUID2 takes from a PMU it gives to the next one again. */
TEST_F(emulate, M34_by_a_fixed_counter_of_a_pmu_given_anew)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.fixed > 0, "a PMU with fixed counters");
	MUST(guest_set_counters(&c->guest, c->pmu.general - 1));
	MUST(guest_set_counters(&c->guest, c->pmu.general));
	MUST(count_fixed(c, PMU_USER | PMU_OS, GUEST_EMULATE));
	JUDGE("M34", &c->s, &c->o);
}

/*
 * Two counters of @event over instructions that KVM emulates, which are
 * branches then; the first one was on, and is off.
 */
static int count_one_that_is_off(struct guest_case *c, enum pmu_event event,
				 uint32_t msr, uint64_t value)
{
	const uint64_t eventsel = pmu_select(&c->pmu, event, PMU_USER | PMU_OS);
	uint64_t before[2], after[2];
	int err = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < 2; i++) {
		script_write(&c->guest, pmu_counter_msr(&c->pmu, i), 0);
		script_write(&c->guest, pmu_eventsel_msr(&c->pmu, i), eventsel);
	}
	script_write(&c->guest, msr, value);
	script_run(&c->guest);
	for (unsigned int i = 0; i < 2; i++)
		err |= guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, i),
				     &before[i]);
	script_clear(&c->guest);
	script_do(&c->guest, event == PMU_BRANCHES ? GUEST_JUMP : GUEST_EMULATE,
		  EMULATED_TURNS);
	script_run(&c->guest);
	for (unsigned int i = 0; i < 2; i++)
		err |= guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, i),
				     &after[i]);
	/* However many there are: none of them is counted. */
	c->s.guest_work = 0;
	c->s.guest_entries = 0;
	c->o.guest_counted = (int64_t)(after[0] - before[0]);
	c->o.guest_control = (int64_t)(after[1] - before[1]);
	return err;
}

TEST_F(emulate, M34_not_by_a_counter_that_is_off)
{
	struct guest_case *c = &self->c;

	const unsigned int off = PMU_USER | PMU_OS | PMU_OFF;

	for (enum pmu_event event = PMU_INSTRUCTIONS; event <= PMU_BRANCHES;
	     event++) {
		MUST(count_one_that_is_off(c, event,
					   pmu_eventsel_msr(&c->pmu, 0),
					   pmu_select(&c->pmu, event, off)));
		JUDGE("M34.off", &c->s, &c->o, "by its event select, of %s",
		      event == PMU_BRANCHES ? "branches" : "instructions");
	}
	if (c->pmu.version < 2)
		return;
	MUST(count_one_that_is_off(c, PMU_INSTRUCTIONS,
				   pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
				   pmu_all(&c->pmu) & ~1ull));
	JUDGE("M34.off", &c->s, &c->o, "by the global control");
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
