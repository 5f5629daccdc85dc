// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest counts on the real PMU: exactly, on every counter, at the privilege
 * levels it selects (docs/contract/guest.md, M41, M57).
 *
 * Exact means a difference: two runs of the guest that differ in the length of
 * one step only, and in VM entries whose number is known (lib/vm/counting.h).
 */
#include "guest_case.h"
#include "perf/kicks.h"

#define KICKED_TURNS 20000

FIXTURE(count)
{
	struct guest_case c;
};

FIXTURE_SETUP(count)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(count)
{
	guest_case_end(&self->c, _metadata);
}

TEST_F(count, M41_every_general_counter_counts_exactly)
{
	struct guest_case *c = &self->c;

	for (unsigned int i = 0; i < c->pmu.general; i++) {
		MUST(count_one(c, i, PMU_INSTRUCTIONS, PMU_USER | PMU_OS,
			       GUEST_WORK, TURNS));
		JUDGE("M41", &c->s, &c->o, "counter %u", i);
	}
}

TEST_F(count, M41_branches_are_counted_exactly)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_BRANCHES, PMU_USER | PMU_OS, GUEST_WORK,
		       TURNS));
	JUDGE("M41", &c->s, &c->o);
}

/* Half of them branches, and the fixed ones beside them. */
static void judge_all_at_once(struct guest_case *c,
			      struct __test_metadata *_metadata, bool by_select)
{
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
		.by_select = by_select,
		.op = GUEST_WORK,
		.times = TURNS,
	};
	struct counted counted;

	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(
			&c->pmu, i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			PMU_USER | PMU_OS);
	MUST(counting_run(&c->guest, &counting, &counted));
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		describe_count(&c->s, &counting, &counted,
			       i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS);
		c->o.guest_counted = counted.gained[i];
		c->o.guest_control = counted.gained[0];
		JUDGE("M41", &c->s, &c->o, "counter %u", i);
	}
}

TEST_F(count, M41_all_counters_at_once)
{
	judge_all_at_once(&self->c, _metadata, false);
}

/* The event selects, and the fixed counters' control, come last. */
TEST_F(count, M41_started_by_their_selects)
{
	NEEDS(self->c.pmu.version > 1, "a PMU with a global control");
	judge_all_at_once(&self->c, _metadata, true);
}

TEST_F(count, M41_fixed_counter_of_instructions)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
		.op = GUEST_WORK,
		.times = TURNS,
	};
	struct counted counted;

	NEEDS(c->pmu.fixed > 0, "a PMU with fixed counters");
	counting.eventsel[0] =
		pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	MUST(counting_run(&c->guest, &counting, &counted));
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	c->o.guest_counted = counted.gained[c->pmu.general];
	c->o.guest_control = counted.gained[0];
	JUDGE("M41", &c->s, &c->o);
}

/* With the global control on: @control of @counter turns it on and off. */
static void judge_turned_off(struct guest_case *c,
			     struct __test_metadata *_metadata,
			     uint32_t counter, uint32_t control, uint64_t on)
{
	struct guest *guest = &c->guest;
	int first, second;

	script_write(guest, counter, 0);
	script_write(guest, control, on);
	if (c->pmu.version > 1)
		script_write(guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			     pmu_all(&c->pmu));
	script_do(guest, GUEST_WORK, TURNS);
	script_write(guest, control, 0);
	first = script_read(guest, counter);
	script_do(guest, GUEST_WORK, TURNS);
	second = script_read(guest, counter);
	script_run(guest);
	c->o.guest_control = (int64_t)script_seen(guest, first);
	c->o.guest_counted = (int64_t)(script_seen(guest, second) -
				       script_seen(guest, first));
	JUDGE("M41.off", &c->s, &c->o, "MSR %#x", (unsigned int)counter);
}

TEST_F(count, M41_nothing_once_it_is_turned_off)
{
	const struct pmu *pmu = &self->c.pmu;

	judge_turned_off(&self->c, _metadata, pmu_counter_msr(pmu, 0),
			 pmu_msr(pmu, PMU_EVENTSEL, 0),
			 pmu_select(pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS));
	if (pmu->fixed > 0)
		judge_turned_off(&self->c, _metadata,
				 pmu_msr(pmu, PMU_FIXED_COUNTER, 0),
				 pmu_msr(pmu, PMU_FIXED_CTRL, 0),
				 pmu_select_fixed(0, PMU_USER | PMU_OS));
}

FIXTURE(levels)
{
	struct guest_case c;
};

/* @levels: what the counter selects; @op: where the work is done */
FIXTURE_VARIANT(levels)
{
	unsigned int levels;
	enum guest_op op;
	bool counts;
};

#define LEVELS(name, selects, where, does)                     \
	FIXTURE_VARIANT_ADD(levels, name)                      \
	{                                                      \
		.levels = selects, .op = where, .counts = does \
	}

LEVELS(both_at_user_work, PMU_USER | PMU_OS, GUEST_USER, true);
LEVELS(user_at_user_work, PMU_USER, GUEST_USER, true);
LEVELS(os_at_user_work, PMU_OS, GUEST_USER, false);
LEVELS(user_at_os_work, PMU_USER, GUEST_WORK, false);
LEVELS(os_at_os_work, PMU_OS, GUEST_WORK, true);
LEVELS(none_at_os_work, 0, GUEST_WORK, false);

FIXTURE_SETUP(levels)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(levels)
{
	guest_case_end(&self->c, _metadata);
}

TEST_F(levels, M41_levels_are_exact)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_INSTRUCTIONS, variant->levels, variant->op,
		       TURNS));
	if (!variant->counts)
		c->s.guest_work = 0;
	JUDGE("M41", &c->s, &c->o);
}

/*
 * For neither kind of exit is an instruction of the guest emulated: what comes
 * to its own is the entries'. @op: GUEST_TOUCH faults, GUEST_WORK is
 * interrupted.
 */
static void judge_entries(struct guest_case *c,
			  struct __test_metadata *_metadata, enum guest_op op,
			  uint64_t times)
{
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
		.op = op,
		.times = times,
		.interrupted = op == GUEST_WORK,
	};
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct counted counted;

	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(
			&c->pmu, i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			PMU_USER | PMU_OS);
	do {
		MUST(counting_run_on(&c->guest, &counting, 1, NULL, NULL,
				     &counted));
		counting.times *= op == GUEST_WORK ? 2 : 1;
	} while (counted.entries <= 0 && counted.entries != NOT_KNOWN &&
		 !deadline_passed(&deadline));
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		enum pmu_event event = i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS;

		describe_count(&c->s, &counting, &counted, event);
		c->o.guest_counted = counted.gained[i];
		JUDGE("M57", &c->s, &c->o, "counter %u, %s", i,
		      event == PMU_BRANCHES ? "branches" : "instructions");
	}
}

/*
 * Says it where the machine is what does not fit: then nothing is learned about
 * its kernel. Returns false in that case.
 */
static bool machine_fits(void)
{
	struct calibration calibration = calibration_here();
	struct calibrating how;

	/* Where nothing is exact, or entries vary, the rule says what follows.
	 */
	if (calibration.exact == 0 ||
	    calibration_entry(PMU_INSTRUCTIONS) != NOT_KNOWN ||
	    (calibration_known() &&
	     !calibration_entries_alike(PMU_INSTRUCTIONS)))
		return true;
	if (calibration.entry_instructions != NOT_KNOWN) {
		report_broken(
			"about this machine, or what it does at each VM entry: %lld instructions and %lld branches, which is not what is known of the processor; nothing follows for its kernel (docs/processors.md)",
			(long long)calibration.entry_instructions,
			(long long)calibration.entry_branches);
		return false;
	}
	how = calibration_measure_entry(GUEST_CPU, &calibration);
	if (how.err == EDOM)
		report_broken(
			"the calibration contradicts itself: %lld %s over %lld VM entries, %lld over %lld",
			(long long)how.first[0],
			how.event == PMU_BRANCHES ? "branches" : "instructions",
			(long long)how.first[1], (long long)how.second[0],
			(long long)how.second[1]);
	else
		report_broken("there is no calibration of VM entries: %s",
			      how.err ? strerror(how.err) : "it works now");
	return false;
}

TEST_F(count, M57_after_interrupts_few_and_many)
{
	struct kicks *kicks;

	if (!machine_fits()) {
		_metadata->exit_code = KSFT_FAIL;
		return;
	}
	NEEDS(calibration_entries_alike(PMU_INSTRUCTIONS) &&
		      calibration_entries_alike(PMU_BRANCHES),
	      "a processor that counts all VM entries alike");
	kicks = kicks_start(GUEST_CPU, GUEST_CPU);
	MUST_BE(kicks);
	judge_entries(&self->c, _metadata, GUEST_WORK, KICKED_TURNS);
	judge_entries(&self->c, _metadata, GUEST_WORK, 4 * KICKED_TURNS);
	kicks_stop(kicks);
}

TEST_F(count, M57_after_page_faults_few_and_many)
{
	NEEDS(faults_are_alike(),
	      "a processor known to count nested page faults alike");
	judge_entries(&self->c, _metadata, GUEST_TOUCH, GUEST_PAGES / 4);
	judge_entries(&self->c, _metadata, GUEST_TOUCH, GUEST_PAGES - 1);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
