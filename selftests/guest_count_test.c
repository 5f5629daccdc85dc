// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest counts on the real PMU: exactly, on every counter, at the privilege
 * levels it selects (docs/contract/guest.md, M34, M38, M41, M44 to M46).
 *
 * Exact means a difference: two runs of the guest that differ in the length of
 * one step only, and in VM entries whose number is known (lib/vm/counting.h).
 */
#include "guest_case.h"
#include "perf/kicks.h"

#define EMULATED_TURNS 50
#define KICKED_TURNS 20000

/* Where a script reads what it does not read. */
#define NOT_READ -1

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

/*
 * Let counter @counter count @event during @op, at the levels in @levels, and
 * another one beside it at all levels: the control.
 */
static int count_one(struct guest_case *c, unsigned int counter,
		     enum pmu_event event, unsigned int levels,
		     enum guest_op op, uint64_t times)
{
	struct counting counting = { .pmu = c->pmu, .op = op, .times = times };
	unsigned int other = counter ? 0 : 1;
	struct counted counted;
	int err;

	counting.eventsel[counter] = pmu_select(&c->pmu, event, levels);
	counting.eventsel[other] =
		pmu_select(&c->pmu, event, PMU_USER | PMU_OS);
	err = counting_run(&c->guest, &counting, &counted);
	c->o.guest_counted = counted.gained[counter];
	c->o.guest_control = counted.gained[other];
	describe_count(&c->s, &counting, &counted, event);
	return err;
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

TEST_F(count, M41_all_counters_at_once)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
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
	const struct calibration now = calibration_here();

	NEEDS(!calibration_faults_vary(),
	      "a processor that counts nested page faults alike");
	/* Of a processor that nobody knows, nobody knows that they are alike.
	 */
	NEEDS(calibration_known() ||
		      (now.fault_entry_instructions == now.entry_instructions &&
		       now.fault_entry_branches == now.entry_branches),
	      "a processor that is known, or counts all entries alike");
	judge_entries(&self->c, _metadata, GUEST_TOUCH, GUEST_PAGES / 4);
	judge_entries(&self->c, _metadata, GUEST_TOUCH, GUEST_PAGES - 1);
}

TEST_F(count, M34_emulated_instructions_are_counted)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_INSTRUCTIONS, PMU_USER | PMU_OS, GUEST_EMULATE,
		       EMULATED_TURNS));
	JUDGE("M34", &c->s, &c->o);
}

TEST_F(count, M34_an_instruction_that_user_space_finishes_is_counted)
{
	struct guest_case *c = &self->c;

	MUST(count_one(c, 0, PMU_INSTRUCTIONS, PMU_USER | PMU_OS, GUEST_OUT,
		       EMULATED_TURNS));
	JUDGE("M34", &c->s, &c->o);
}

/*
 * Set the first counter so that the step overflows it, and let it.
 * Returns where the script reads the status.
 */
static int overflow(struct guest_case *c, enum guest_op op, uint64_t times,
		    uint64_t before)
{
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;
	uint64_t bit = 1;

	script_clear(guest);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(guest, pmu_msr(pmu, PMU_EVENTSEL, 0),
		     pmu_select(pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS));
	script_write(guest, pmu_msr(pmu, PMU_COUNTER, 0),
		     pmu_counter_max(pmu) - before);
	script_write(guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), pmu_all(pmu));
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), bit);
	script_do(guest, op, times);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	c->s.status = (int64_t)bit;
	return script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
}

/* The status after @reg was written. Returns where the script reads it. */
static int status_after(struct guest_case *c, enum pmu_register reg)
{
	script_write(&c->guest, pmu_msr(&c->pmu, reg, 0),
		     (uint64_t)c->s.status);
	return script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
}

static int status_after_exits(struct guest_case *c)
{
	script_do(&c->guest, GUEST_OUT, EMULATED_TURNS);
	return script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
}

/* @made, @cleared, @set: where the script read the status, the last if it can
 * be set at all.
 */
static void judge_status(struct guest_case *c,
			 struct __test_metadata *_metadata, int made,
			 int cleared, int set)
{
	c->o.status_made = (int64_t)script_seen(&c->guest, made);
	c->o.status_cleared = (int64_t)script_seen(&c->guest, cleared);
	if (set != NOT_READ)
		c->o.status_set = (int64_t)script_seen(&c->guest, set);
	JUDGE("M46", &c->s, &c->o);
}

TEST_F(count, M46_overflow_sets_its_status_bit)
{
	struct guest_case *c = &self->c;
	int made, cleared, set = NOT_READ;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	made = overflow(c, GUEST_WORK, TURNS, TURNS);
	cleared = status_after(c, PMU_STATUS_CLEAR);
	if (pmu_can_set_status(&c->pmu)) {
		set = status_after(c, PMU_STATUS_SET);
		status_after(c, PMU_STATUS_CLEAR);
	}
	script_run(&c->guest);
	judge_status(c, _metadata, made, cleared, set);
}

TEST_F(count, M46_status_survives_exits)
{
	struct guest_case *c = &self->c;
	int made, cleared, set = NOT_READ;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	overflow(c, GUEST_WORK, TURNS, TURNS);
	made = status_after_exits(c);
	cleared = status_after(c, PMU_STATUS_CLEAR);
	if (pmu_can_set_status(&c->pmu)) {
		status_after(c, PMU_STATUS_SET);
		set = status_after_exits(c);
		status_after(c, PMU_STATUS_CLEAR);
	}
	script_run(&c->guest);
	judge_status(c, _metadata, made, cleared, set);
}

TEST_F(count, M38_a_counter_has_its_width)
{
	struct guest_case *c = &self->c;
	int wrote, read;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0), 0);
	wrote = script_write(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, 0),
			     pmu_counter_max(&c->pmu));
	read = script_read(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, 0));
	script_run(&c->guest);
	c->o.vector = script_vector(&c->guest, wrote);
	c->o.highest = (int64_t)script_seen(&c->guest, read);
	JUDGE("M38", &c->s, &c->o);
}

/* KVM, which keeps counters by that width, hands over all of it. */
TEST_F(count, M38_all_of_it_is_loaded)
{
	struct guest_case *c = &self->c;
	uint32_t msr = pmu_msr(&c->pmu, PMU_COUNTER, 0);
	int read;

	MUST(guest_set_msr(&c->guest, msr, pmu_counter_max(&c->pmu)));
	read = script_read(&c->guest, msr);
	script_run(&c->guest);
	c->o.vector = script_vector(&c->guest, read);
	c->o.highest = (int64_t)script_seen(&c->guest, read);
	JUDGE("M38", &c->s, &c->o);
}

/*
 * The first look of a guest at all its registers, the control of the fixed
 * counters as often as there are any.
 */
static void read_all(struct guest_case *c, int eventsels[COUNTERS_MAX],
		     int counters[COUNTERS_MAX], int *global)
{
	script_clear(&c->guest);
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		eventsels[i] = script_read(&c->guest,
					   pmu_msr(&c->pmu, PMU_EVENTSEL, i));
		counters[i] = script_read(&c->guest,
					  pmu_msr(&c->pmu, PMU_COUNTER, i));
	}
	for (unsigned int i = 0; i < c->pmu.fixed; i++) {
		eventsels[c->pmu.general + i] = script_read(
			&c->guest, pmu_msr(&c->pmu, PMU_FIXED_CTRL, 0));
		counters[c->pmu.general + i] = script_read(
			&c->guest, pmu_msr(&c->pmu, PMU_FIXED_COUNTER, i));
	}
	*global = script_read(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0));
}

TEST_F(count, M44_a_new_guest_finds_the_state_after_reset)
{
	struct guest_case *c = &self->c;
	int eventsels[COUNTERS_MAX], counters[COUNTERS_MAX], global;

	read_all(c, eventsels, counters, &global);
	script_run(&c->guest);
	c->o.eventsels_or = 0;
	c->o.counters_or = 0;
	for (unsigned int i = 0; i < c->pmu.general + c->pmu.fixed; i++) {
		c->o.eventsels_or |=
			(int64_t)script_seen(&c->guest, eventsels[i]);
		c->o.counters_or |=
			(int64_t)script_seen(&c->guest, counters[i]);
	}
	c->o.global_ctrl = (int64_t)script_seen(&c->guest, global);
	JUDGE("M44", &c->s, &c->o);
}

/* How many of the registers from the first on can be read without #GP. */
static int64_t registers_found(struct guest_case *c, enum pmu_register reg)
{
	int step[COUNTERS_MAX];
	int64_t found = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		step[i] = script_read(&c->guest, pmu_msr(&c->pmu, reg, i));
	script_run(&c->guest);
	while (found < COUNTERS_MAX && !script_vector(&c->guest, step[found]))
		found++;
	return found;
}

static int64_t rdpmc_found(struct guest_case *c)
{
	int step[COUNTERS_MAX];
	int64_t found = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		step[i] = script_rdpmc(&c->guest, pmu_rdpmc_index(false, i));
	script_run(&c->guest);
	while (found < COUNTERS_MAX && !script_vector(&c->guest, step[found]))
		found++;
	return found;
}

static void judge_found(struct guest_case *c, struct __test_metadata *_metadata)
{
	c->o.registers_found = registers_found(c, PMU_COUNTER);
	if (!c->pmu.amd)
		c->o.fixed_found = registers_found(c, PMU_FIXED_COUNTER);
	JUDGE("M45", &c->s, &c->o, "by RDMSR");
	/* With all of them RDPMC is the hardware's: it may have others beyond.
	 */
	if (c->pmu.general == c->host.general && c->pmu.fixed == c->host.fixed)
		return;
	c->o.registers_found = rdpmc_found(c);
	JUDGE("M45", &c->s, &c->o, "by RDPMC");
}

TEST_F(count, M56_all_counters_of_the_host_are_offered)
{
	struct guest_case *c = &self->c;

	c->o.offered_counters = c->pmu.general;
	c->o.offered_fixed = c->pmu.fixed;
	c->o.offered_version = c->pmu.version;
	/* The numbers that a counter had first. */
	c->s.listed_counters = guest_listed(
		&c->pmu, c->pmu.amd ? PMU_COUNTER : PMU_LEGACY_COUNTER);
	c->s.listed_fixed =
		c->pmu.amd ? 0 : guest_listed(&c->pmu, PMU_FIXED_COUNTER);
	JUDGE("M56", &c->s, &c->o);
}

TEST_F(count, M45_as_many_counters_as_announced)
{
	judge_found(&self->c, _metadata);
}

TEST_F(count, M45_fewer_announced_than_there_are)
{
	struct guest_case *c = &self->c;

	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_found(c, _metadata);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, calibration_prepare);
}
