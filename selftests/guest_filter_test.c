// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM adds to and takes from what a guest counts: the VMM's event filter,
 * and the exits that KVM serves in a hurry (docs/contract/guest.md, M32, D14,
 * D25).
 */
#include "guest_case.h"
#include "vm/guest_filter.h"

#define HURRIED_TURNS 200
#define MANY_EXITS 10
#define TURNS_AT_ONCE 100

FIXTURE(filter)
{
	struct guest_case c;
};

FIXTURE_SETUP(filter)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(filter)
{
	guest_case_end(&self->c, _metadata);
}

static uint64_t event_of(const struct guest_case *c, enum pmu_event event)
{
	return pmu_select(&c->pmu, event, PMU_OFF);
}

/*
 * Count both events; @event is the one asked about. The event select must read
 * back as written, whatever the filter makes of it.
 */
static int count_filtered(struct guest_case *c, enum pmu_event event)
{
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_WORK,
		.times = TURNS,
	};
	struct counted counted;
	int read, err;

	counting.eventsel[0] = pmu_select(&c->pmu, event, PMU_USER | PMU_OS);
	err = counting_run(&c->guest, &counting, &counted);
	if (err)
		return err;
	script_clear(&c->guest);
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0),
		     counting.eventsel[0]);
	read = script_read(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0));
	script_run(&c->guest);
	c->o.guest_counted = counted.gained[0];
	c->o.mismatches = script_seen(&c->guest, read) != counting.eventsel[0];
	c->o.vector = script_vector(&c->guest, read);
	describe_count(&c->s, &counting, &counted, event);
	return 0;
}

TEST_F(filter, M32_a_denied_event_stands_still)
{
	struct guest_case *c = &self->c;

	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->o.guest_control = c->o.guest_counted;
	GRANTED("M81.taken",
		guest_filter(&c->guest, true, event_of(c, PMU_INSTRUCTIONS)));
	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->s.filtered = 1;
	JUDGE("M32", &c->s, &c->o);
}

TEST_F(filter, M32_another_event_goes_on)
{
	struct guest_case *c = &self->c;

	MUST(count_filtered(c, PMU_BRANCHES));
	c->o.guest_control = c->o.guest_counted;
	GRANTED("M81.taken",
		guest_filter(&c->guest, true, event_of(c, PMU_INSTRUCTIONS)));
	MUST(count_filtered(c, PMU_BRANCHES));
	c->s.filtered = 0;
	JUDGE("M32", &c->s, &c->o);
}

TEST_F(filter, M32_only_what_is_allowed_counts)
{
	struct guest_case *c = &self->c;

	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->o.guest_control = c->o.guest_counted;
	GRANTED("M81.taken",
		guest_filter(&c->guest, false, event_of(c, PMU_BRANCHES)));
	MUST(count_filtered(c, PMU_BRANCHES));
	c->s.filtered = 0;
	JUDGE("M32", &c->s, &c->o, "branches, allowed");
	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->s.filtered = 1;
	JUDGE("M32", &c->s, &c->o, "instructions, denied");
}

TEST_F(filter, M32_allowed_again_it_counts_again)
{
	struct guest_case *c = &self->c;

	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->o.guest_control = c->o.guest_counted;
	GRANTED("M81.taken",
		guest_filter(&c->guest, true, event_of(c, PMU_INSTRUCTIONS)));
	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	GRANTED("M81.taken",
		guest_filter(&c->guest, false, event_of(c, PMU_INSTRUCTIONS)));
	MUST(count_filtered(c, PMU_INSTRUCTIONS));
	c->s.filtered = 0;
	JUDGE("M32", &c->s, &c->o);
}

/* The first fixed counter counts, or stands still; its control reads the same.
 */
static int count_fixed(struct guest_case *c)
{
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
		.op = GUEST_WORK,
		.times = TURNS,
	};
	uint64_t control = pmu_select_fixed(0, counting.fixed);
	struct counted counted;
	int read, err = counting_run(&c->guest, &counting, &counted);

	if (err)
		return err;
	script_clear(&c->guest);
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_FIXED_CTRL, 0), control);
	read = script_read(&c->guest, pmu_msr(&c->pmu, PMU_FIXED_CTRL, 0));
	script_run(&c->guest);
	c->o.guest_counted = counted.gained[c->pmu.general];
	c->o.mismatches = script_seen(&c->guest, read) != control;
	c->o.vector = script_vector(&c->guest, read);
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	return 0;
}

TEST_F(filter, M32_a_denied_fixed_counter_stands_still)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.fixed > 0, "a PMU with fixed counters");
	MUST(count_fixed(c));
	c->o.guest_control = c->o.guest_counted;
	GRANTED("M81.taken", guest_filter_fixed(&c->guest, true, 1));
	MUST(count_fixed(c));
	c->s.filtered = 1;
	JUDGE("M32", &c->s, &c->o, "denied");
	GRANTED("M81.taken", guest_filter_fixed(&c->guest, false, 2));
	MUST(count_fixed(c));
	JUDGE("M32", &c->s, &c->o, "another one allowed");
	GRANTED("M81.taken", guest_filter_fixed(&c->guest, false, 1));
	MUST(count_fixed(c));
	c->s.filtered = 0;
	JUDGE("M32", &c->s, &c->o, "allowed again");
}

/*
 * The counter runs, the filter comes, the guest enters: from this entry on
 * nothing is counted, not from the next one.
 */
static void judge_next_entry(struct guest_case *c,
			     struct __test_metadata *_metadata,
			     enum pmu_event event)
{
	uint32_t counter = pmu_msr(&c->pmu, PMU_COUNTER, 0);
	uint64_t eventsel = pmu_select(&c->pmu, event, PMU_USER | PMU_OS);
	uint64_t before = 0, after = 0;
	int read;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0), eventsel);
	script_do(&c->guest, GUEST_WORK, TURNS);
	script_run(&c->guest);
	GRANTED("M35.taken", guest_get_msr(&c->guest, counter, &before));
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_WORK, TURNS);
	GRANTED("M81.taken", guest_filter(&c->guest, true, event_of(c, event)));
	script_run(&c->guest);
	GRANTED("M35.taken", guest_get_msr(&c->guest, counter, &after));
	script_clear(&c->guest);
	read = script_read(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0));
	script_run(&c->guest);
	c->s.filtered = 1;
	c->s.guest_work = counting_work(GUEST_WORK, event, TURNS);
	/* However many there were: none of them is counted. */
	c->s.guest_entries = 0;
	c->o.guest_counted = (int64_t)(after - before);
	c->o.guest_control = (int64_t)before;
	c->o.mismatches = script_seen(&c->guest, read) != eventsel;
	c->o.vector = script_vector(&c->guest, read);
	JUDGE("M32", &c->s, &c->o);
}

TEST_F(filter, M32_takes_effect_at_the_next_entry)
{
	judge_next_entry(&self->c, _metadata, PMU_INSTRUCTIONS);
}

/* Nothing here makes KVM emulate a branch, and so set up the counter anew. */
TEST_F(filter, M32_takes_effect_at_the_next_entry_for_branches)
{
	judge_next_entry(&self->c, _metadata, PMU_BRANCHES);
}

/* Instructions are denied, branches beside them are not. */
TEST_F(filter, M34_not_by_a_counter_that_it_stops)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_EMULATE,
		.times = TURNS_AT_ONCE,
	};
	struct counted counted;

	counting.eventsel[0] =
		pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	counting.eventsel[1] =
		pmu_select(&c->pmu, PMU_BRANCHES, PMU_USER | PMU_OS);
	GRANTED("M81.taken",
		guest_filter(&c->guest, true, event_of(c, PMU_INSTRUCTIONS)));
	MUST(counting_run(&c->guest, &counting, &counted));
	/* However many there are: none of them is counted. */
	c->s.guest_work = 0;
	c->s.guest_entries = 0;
	c->o.guest_counted = counted.gained[0];
	c->o.guest_control = counted.gained[1];
	JUDGE("M34.off", &c->s, &c->o);
}

/* A guest whose PMU is not version 2 counts, and the log stays quiet. */
TEST_F(filter, D14_a_guest_with_the_first_version)
{
	struct guest_case *c = &self->c;
	struct counting counting = { .op = GUEST_WORK, .times = TURNS };
	struct counted counted;

	guest_case_limit(c, fewer_counters(c), 1);
	counting.pmu = c->pmu;
	counting.eventsel[0] =
		pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	counting.eventsel[1] = counting.eventsel[0];
	MUST(counting_run(&c->guest, &counting, &counted));
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	c->o.guest_counted = counted.gained[0];
	c->o.guest_control = counted.gained[1];
	JUDGE("D14", &c->s, &c->o);
}

/* @times: how often to take the step, then how often it was taken. */
static int count_hurried(struct guest_case *c, enum guest_op op, int64_t *times)
{
	struct counting counting = {
		.pmu = c->pmu,
		.op = op,
		.times = (unsigned int)*times,
	};
	struct counted counted;
	int err;

	counting.eventsel[0] =
		pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	err = counting_run(&c->guest, &counting, &counted);
	*times = (int64_t)counted.times;
	c->o.guest_counted = counted.gained[0];
	c->o.guest_control = counted.gained[0];
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	return err;
}

TEST_F(filter, D25_wrmsr_in_the_fast_path)
{
	struct guest_case *c = &self->c;
	int64_t times = HURRIED_TURNS;

	MUST(count_hurried(c, GUEST_IPI, &times));
	JUDGE("D25", &c->s, &c->o);
}

TEST_F(filter, D25_invd_in_the_fast_path)
{
	struct guest_case *c = &self->c;
	int64_t times = HURRIED_TURNS;

	MUST(count_hurried(c, GUEST_INVD, &times));
	JUDGE("D25", &c->s, &c->o);
}

/* What the last count is made of, without what the VM entries added. */
static int64_t count_without_entries(const struct guest_case *c)
{
	if (!c->s.guest_entries || c->s.entry_counts == 0)
		return c->o.guest_counted;
	if (!known(c->s.guest_entries) || !known(c->s.entry_counts))
		return NOT_KNOWN;
	return c->o.guest_counted - c->s.guest_entries * c->s.entry_counts;
}

/*
 * HLT in the place of NOP is as many instructions, but not as many entries: the
 * loop with NOP, without what its entries add, says what either is made of. One
 * that is disturbed becomes shorter; then the other has to be as short.
 */
TEST_F(filter, D25_hlt_in_the_fast_path)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest_case *c = &self->c;
	int64_t work, asked, times = HURRIED_TURNS;

	do {
		MUST(count_hurried(c, GUEST_NO_HALT, &times));
		NEEDS(!c->s.guest_entries || c->s.entries_alike,
		      "a processor that counts all VM entries alike");
		work = count_without_entries(c);
		asked = times;
		MUST(count_hurried(c, GUEST_HALT, &times));
	} while (times != asked && !deadline_passed(&deadline));
	c->s.guest_work = times == asked ? work : NOT_KNOWN;
	JUDGE("D25", &c->s, &c->o);
}

/*
 * A host event counts nothing over many exits that KVM serves in its fast path,
 * seen from another CPU; those that it serves outside are the control. A
 * stretch with an interrupt of the host in it says nothing about the fast path;
 * one may still be served when a stretch begins, so it is the least of several.
 */
static int64_t gained_over_exits(struct guest_case *c, int fd, enum guest_op op,
				 int64_t *exits)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from, to;
	int64_t least = NOT_KNOWN;
	uint64_t before, interrupts;

	script_clear(&c->guest);
	script_do(&c->guest, op, TURNS_AT_ONCE);
	script_repeats(&c->guest);
	before = guest_exits_count(&c->guest);
	while (guest_exits_count(&c->guest) < before + MANY_EXITS) {
		if (deadline_passed(&deadline))
			break;
	}
	do {
		int64_t made;

		interrupts = guest_interrupts_count(&c->guest);
		/* The exits are counted between the two reads. */
		if (event_read(fd, &from) || from.eof)
			break;
		before = guest_exits_count(&c->guest);
		do {
			made = (int64_t)(guest_exits_count(&c->guest) - before);
		} while (made < MANY_EXITS && !deadline_passed(&deadline));
		if (event_read(fd, &to) || to.eof)
			break;
		if (op == GUEST_INVD &&
		    guest_interrupts_count(&c->guest) != interrupts)
			continue;
		if (made >= MANY_EXITS &&
		    (least == NOT_KNOWN ||
		     (int64_t)(to.count - from.count) < least)) {
			least = (int64_t)(to.count - from.count);
			*exits = made;
		}
	} while (least != 0 && op == GUEST_INVD && !deadline_passed(&deadline));
	return script_ends(&c->guest, patience_ms()) ? least : NOT_KNOWN;
}

TEST_F(filter, M19_the_fast_path_gives_nothing_back)
{
	struct guest_case *c = &self->c;
	int fd;

	fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK, GUEST_CPU,
				 NO_GROUP);
	MUST_BE(fd >= 0);
	c->o.counted_before =
		gained_over_exits(c, fd, GUEST_EMULATE, &c->o.exits_made);
	c->o.counted_inside =
		gained_over_exits(c, fd, GUEST_INVD, &c->o.exits_made);
	c->s.exclude_guest = 1;
	c->s.exits_asked = MANY_EXITS;
	close(fd);
	JUDGE("M19", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
