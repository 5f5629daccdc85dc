// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest as a host: what a guest of its own reaches of the PMU, and what is
 * counted of it (docs/contract/guest.md, M37; docs/contract/defects.md, D38).
 */
#include "guest_reach.h"

#define PATTERN 0x123456780000ull
#define OTHER_PATTERN 0x45670000ull

FIXTURE(nested)
{
	struct guest_case c;
};

FIXTURE_SETUP(nested)
{
	MUST_BE(guest_case_begin(&self->c));
	NEEDS(guest_open_nested(&self->c.guest), "nested virtualisation");
}

FIXTURE_TEARDOWN(nested)
{
	guest_case_end(&self->c, _metadata);
}

static void judge_reach(struct guest_case *c, struct __test_metadata *_metadata,
			enum guest_op op, enum pmu_register reg,
			unsigned int index)
{
	struct guest_step step = {
		.op = op,
		.index = pmu_msr(&c->pmu, reg, index),
	};

	c->s.reg = register_kind(reg);
	c->s.absent = 0;
	count_exits(c, &step);
	if (!contract_has(host_contract(), contract_rule("M37")))
		return;
	JUDGE("M37", &c->s, &c->o, "%s MSR %#x",
	      op == GUEST_NESTED_READ ? "read of" : "write of",
	      (unsigned int)step.index);
}

TEST_F(nested, M37_it_reads_and_writes_counters_without_an_exit)
{
	static const enum guest_op ops[] = { GUEST_NESTED_READ,
					     GUEST_NESTED_WRITE };
	struct guest_case *c = &self->c;

	for (unsigned int op = 0; op < 2; op++) {
		for (unsigned int i = 0; i < c->pmu.general; i++)
			judge_reach(c, _metadata, ops[op], PMU_COUNTER, i);
		for (unsigned int i = 0; i < c->pmu.fixed; i++)
			judge_reach(c, _metadata, ops[op], PMU_FIXED_COUNTER,
				    i);
		if (c->pmu.version > 1)
			judge_reach(c, _metadata, ops[op], PMU_GLOBAL_CTRL, 0);
	}
}

TEST_F(nested, M37_it_reaches_eventsels_through_kvm)
{
	struct guest_case *c = &self->c;

	for (unsigned int i = 0; i < c->pmu.general; i++) {
		judge_reach(c, _metadata, GUEST_NESTED_READ, PMU_EVENTSEL, i);
		judge_reach(c, _metadata, GUEST_NESTED_WRITE, PMU_EVENTSEL, i);
	}
	if (c->pmu.fixed)
		judge_reach(c, _metadata, GUEST_NESTED_READ, PMU_FIXED_CTRL, 0);
}

static void judge_kept(struct guest_case *c, struct __test_metadata *_metadata,
		       enum guest_op op, enum pmu_register reg,
		       unsigned int index)
{
	int added;

	script_clear(&c->guest);
	added = script_add(&c->guest, op, pmu_msr(&c->pmu, reg, index), 0,
			   ACCESSES);
	script_run(&c->guest);
	c->s.accesses = ACCESSES;
	c->o.vector = script_vector(&c->guest, added);
	c->o.handed_on = (int64_t)script_seen(&c->guest, added);
	JUDGE("M37.kept", &c->s, &c->o, "%s MSR %#x",
	      op == GUEST_NESTED_READ ? "read of" : "write of",
	      (unsigned int)pmu_msr(&c->pmu, reg, index));
}

/* Between two times at which it is not kept: KVM's bitmap must follow. */
static void judge_kept_meanwhile(struct guest_case *c,
				 struct __test_metadata *_metadata,
				 enum pmu_register reg, unsigned int index)
{
	judge_reach(c, _metadata, GUEST_NESTED_READ, reg, index);
	judge_kept(c, _metadata, GUEST_NESTED_READ_KEPT, reg, index);
	judge_reach(c, _metadata, GUEST_NESTED_WRITE, reg, index);
	judge_kept(c, _metadata, GUEST_NESTED_WRITE_KEPT, reg, index);
	judge_reach(c, _metadata, GUEST_NESTED_READ, reg, index);
}

TEST_F(nested, M37_kept_it_is_kept_from_what_the_guest_keeps)
{
	struct guest_case *c = &self->c;

	for (unsigned int i = 0; i < c->pmu.general; i++)
		judge_kept_meanwhile(c, _metadata, PMU_COUNTER, i);
	for (unsigned int i = 0; i < c->pmu.fixed; i++)
		judge_kept_meanwhile(c, _metadata, PMU_FIXED_COUNTER, i);
	judge_kept_meanwhile(c, _metadata, PMU_EVENTSEL, 0);
	if (c->pmu.version > 1)
		judge_kept_meanwhile(c, _metadata, PMU_GLOBAL_CTRL, 0);
}

/* What one of the two writes, the other reads. */
static int64_t differs(struct guest_case *c, enum pmu_register reg,
		       unsigned int index, uint64_t value, uint64_t other)
{
	uint32_t msr = pmu_msr(&c->pmu, reg, index);
	int inside, outside;

	script_clear(&c->guest);
	script_write(&c->guest, msr, value);
	inside = script_add(&c->guest, GUEST_NESTED_READ, msr, 0, 1);
	script_add(&c->guest, GUEST_NESTED_WRITE, msr, other, 1);
	outside = script_read(&c->guest, msr);
	script_run(&c->guest);
	return (script_seen(&c->guest, inside) != value) +
	       (script_seen(&c->guest, outside) != other);
}

TEST_F(nested, M37_same_counters_for_both)
{
	struct guest_case *c = &self->c;

	c->o.mismatches = 0;
	for (unsigned int i = 0; i < c->pmu.general; i++)
		c->o.mismatches += differs(c, PMU_COUNTER, i, PATTERN + i,
					   OTHER_PATTERN + i);
	for (unsigned int i = 0; i < c->pmu.fixed; i++)
		c->o.mismatches += differs(c, PMU_FIXED_COUNTER, i, PATTERN + i,
					   OTHER_PATTERN + i);
	JUDGE("M37.same", &c->s, &c->o);
}

TEST_F(nested, D38_it_runs_with_the_global_control_of_the_guest)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_NESTED,
		.times = TURNS,
	};
	struct counted counted;

	NEEDS(c->pmu.version > 1, "a global control");
	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	/* The first nested guest takes the guest instructions of its own. */
	script_do(&c->guest, GUEST_NESTED, 1);
	script_run(&c->guest);
	MUST(counting_run(&c->guest, &counting, &counted));
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	c->o.mismatches = differs(c, PMU_GLOBAL_CTRL, 0, 1, 2);
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		c->o.guest_counted = counted.gained[i];
		JUDGE(c->pmu.amd ? "D38" : "D38.vmx", &c->s, &c->o,
		      "counter %u", i);
	}
}

/* AMD64 APM volume 2, "PERF_CTL Registers": Guest-Only. */
#define GUEST_ONLY (1ull << 40)

/*
 * Instructions in the first of a pair of counters, branches in the second; on
 * AMD a second pair for the nested guest alone.
 */
static unsigned int pairs_of(const struct pmu *pmu)
{
	return pmu->amd && pmu->general >= 4 ? 2 : 1;
}

static void start_pairs(struct guest_case *c)
{
	const struct pmu *pmu = &c->pmu;
	unsigned int pairs = pairs_of(pmu);

	script_clear(&c->guest);
	for (unsigned int i = 0; i < 2 * pairs; i++)
		script_write(&c->guest, pmu_eventsel_msr(pmu, i),
			     pmu_select(pmu,
					i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
					PMU_USER | PMU_OS) |
				     (i >= 2 ? GUEST_ONLY : 0));
	if (pmu->version > 1)
		script_write(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
			     (1u << 2 * pairs) - 1);
	script_run(&c->guest);
}

/* Instructions less branches of a pair, as KVM has them, or NOT_KNOWN. */
static int64_t pair_of(struct guest_case *c, unsigned int pair)
{
	uint64_t instructions, branches;

	if (guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, 2 * pair),
			  &instructions) ||
	    guest_get_msr(&c->guest, pmu_counter_msr(&c->pmu, 2 * pair + 1),
			  &branches))
		return NOT_KNOWN;
	return (int64_t)(instructions - branches);
}

/*
 * What pair @pair gains over a nested guest that leaves to user space, and is
 * @restored there or goes on: in a VM of its own, for a kernel may not be right
 * again after one of them (D38). NOT_KNOWN if that could not be done.
 */
static int64_t gain_of_pair(struct guest_case *c, unsigned int pair,
			    bool restored)
{
	int64_t from, to;

	guest_destroy(&c->guest);
	script_guest_create(&c->guest, GUEST_CPU);
	if (!guest_open_nested(&c->guest))
		return NOT_KNOWN;
	/* The first nested guest takes the guest instructions of its own. */
	script_do(&c->guest, GUEST_NESTED, 1);
	script_run(&c->guest);
	start_pairs(c);
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_NESTED_OUT, TURNS);
	from = pair_of(c, pair);
	if (!guest_goes_to_port(&c->guest))
		return NOT_KNOWN;
	if (restored)
		guest_recreate(&c->guest);
	guest_step(&c->guest);
	to = pair_of(c, pair);
	if (from == NOT_KNOWN || to == NOT_KNOWN ||
	    script_any_vector(&c->guest))
		return NOT_KNOWN;
	return to - from;
}

TEST_F(nested, M74_both_are_restored)
{
	struct guest_case *c = &self->c;

	NEEDS(calibration_entry(PMU_INSTRUCTIONS) != NOT_KNOWN &&
		      calibration_entry(PMU_INSTRUCTIONS) ==
			      calibration_entry(PMU_BRANCHES),
	      "a processor that counts a VM entry as a branch, or as nothing");
	for (unsigned int pair = 0; pair < pairs_of(&c->pmu); pair++) {
		struct least_of_two least = LEAST_OF_NONE;
		int64_t stays, moves, difference;

		do {
			stays = gain_of_pair(c, pair, false);
			moves = gain_of_pair(c, pair, true);
		} while (least_wants_more(&least, stays, moves));
		difference = least_difference(&least);
		c->o.guest_control = least.first.value;
		c->o.mismatches = difference == NOT_KNOWN ? NOT_KNOWN
							  : difference != 0;
		JUDGE(c->pmu.amd ? "M74" : "M74.vmx", &c->s, &c->o, "%s",
		      pair ? "of the nested guest alone" : "of both");
	}
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
