// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "../base/deadline.h"
#include "../contract/contract.h"
#include "../host/interrupts.h"
#include "counting.h"
#include "calibrated.h"

static void select_all(struct guest *guest, const struct counting *counting,
		       bool on)
{
	const struct pmu *pmu = &counting->pmu;
	uint64_t fixed = 0;

	for (unsigned int i = 0; i < pmu->general; i++)
		script_write(guest, pmu_eventsel_msr(pmu, i),
			     on ? counting->eventsel[i] : 0);
	for (unsigned int i = 0; i < pmu->fixed; i++)
		fixed |= pmu_select_fixed(i, counting->fixed);
	if (pmu->fixed)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
			     on ? fixed : 0);
}

static void clear_all(struct guest *guest, const struct pmu *pmu)
{
	for (unsigned int i = 0; i < pmu->general; i++)
		script_write(guest, pmu_counter_msr(pmu, i), 0);
	for (unsigned int i = 0; i < pmu->fixed; i++)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i), 0);
}

/* Without a global control the event selects themselves start and stop. */
static bool control_starts(const struct counting *counting)
{
	return counting->pmu.version > 1 && !counting->by_select;
}

static void control_all(struct guest *guest, const struct pmu *pmu, bool on)
{
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
		     on ? pmu_all(pmu) : 0);
}

static void start_or_stop(struct guest *guest, const struct counting *counting,
			  bool on)
{
	if (control_starts(counting))
		control_all(guest, &counting->pmu, on);
	else
		select_all(guest, counting, on);
}

/* All that is needed to count, but for what starts it. */
static void make_ready(struct guest *guest, const struct counting *counting)
{
	if (control_starts(counting))
		select_all(guest, counting, true);
	else if (counting->pmu.version > 1)
		control_all(guest, &counting->pmu, true);
	clear_all(guest, &counting->pmu);
}

void counting_script(struct guest *guest, const struct counting *counting,
		     uint64_t times, int read[COUNTERS_MAX])
{
	const struct pmu *pmu = &counting->pmu;
	int next = 0;

	script_clear(guest);
	start_or_stop(guest, counting, false);
	make_ready(guest, counting);
	start_or_stop(guest, counting, true);
	script_add(guest, counting->op, counting->index, counting->value,
		   times);
	start_or_stop(guest, counting, false);
	for (unsigned int i = 0; i < pmu->general; i++)
		read[next++] = script_read(guest, pmu_counter_msr(pmu, i));
	for (unsigned int i = 0; i < pmu->fixed; i++)
		read[next++] =
			script_read(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
}

/*
 * What a step is made of, and how many VM exits one time of it makes on every
 * machine; not known where APIC virtualisation may save it. @emulated: the
 * branches among the instructions that exit.
 */
static const struct {
	int64_t instructions, branches, exits, emulated;
} made_of[GUEST_OPS] = {
	[GUEST_WRITE] = { NOT_KNOWN, NOT_KNOWN, NOT_KNOWN },
	[GUEST_WORK] = { 2, 1, 0 },
	[GUEST_USER] = { 2, 1, 0 },
	[GUEST_EMULATE] = { 4, 1, 1 },
	[GUEST_USER_EMULATE] = { 4, 1, 1 },
	[GUEST_JUMP] = { 5, 2, 1, .emulated = 1 },
	[GUEST_OUT] = { 3, 1, 1 },
	[GUEST_IPI] = { 3, 1, NOT_KNOWN },
	[GUEST_INVD] = { 3, 1, 1 },
	[GUEST_TOUCH] = { 4, 1, NOT_KNOWN },
	[GUEST_HALT] = { 0, 0, NOT_KNOWN },
	[GUEST_NO_HALT] = { 0, 0, NOT_KNOWN },
	[GUEST_NESTED] = { 2, 1, 0 },
	[GUEST_NESTED_OUT] = { NOT_KNOWN, NOT_KNOWN, NOT_KNOWN },
	[GUEST_NESTED_ENTER] = { 2, 1, 2 },
};

int64_t counting_work(enum guest_op op, enum pmu_event event, uint64_t times)
{
	return (int64_t)times * (event == PMU_BRANCHES
					 ? made_of[op].branches
					 : made_of[op].instructions);
}

int64_t counting_retired(enum guest_op op, enum pmu_event event, uint64_t times)
{
	int64_t work = counting_work(op, event, times);

	if (made_of[op].exits == NOT_KNOWN)
		return NOT_KNOWN;
	return work - (int64_t)times * (event == PMU_BRANCHES
						? made_of[op].emulated
						: made_of[op].exits);
}

/* One KVM_RUN: what the counters read, and the exits it took. */
struct run {
	int64_t counts[COUNTERS_MAX];
	int64_t exits, interrupts, smis;
};

static unsigned int counters_of(const struct counting *counting)
{
	return counting->pmu.general + counting->pmu.fixed;
}

static int run_once(struct guest *guest, const struct counting *counting,
		    uint64_t times, struct run *run)
{
	int read[COUNTERS_MAX];
	uint64_t interrupts = guest_interrupts_count(guest);
	int64_t smis = cpu_smis(guest->cpu);

	counting_script(guest, counting, times, read);
	if (counting->op == GUEST_TOUCH)
		guest_drop_page(guest);
	run->exits = (int64_t)script_run(guest);
	run->interrupts = (int64_t)(guest_interrupts_count(guest) - interrupts);
	run->smis = cpu_smis(guest->cpu) - smis;
	for (unsigned int i = 0; i < counters_of(counting); i++)
		run->counts[i] = (int64_t)script_seen(guest, read[i]);
	return script_any_vector(guest) ? EIO : 0;
}

/* Is it known what each VM entry adds, whatever the exit before it was? */
static bool entries_alike(void)
{
	return calibration_entries_alike(PMU_INSTRUCTIONS) &&
	       calibration_entries_alike(PMU_BRANCHES);
}

/* May the number of VM entries make a difference to what is counted? */
static bool entries_matter(void)
{
	return calibration_entry(PMU_INSTRUCTIONS) ||
	       calibration_entry(PMU_BRANCHES) || !entries_alike();
}

/*
 * Did nothing come to the count from outside? Where a VM entry counts, there
 * may be no exits but the script's own. An interrupt's is known as such; any
 * other, an NMI's say, makes a difference between the two short runs, or to
 * what the step takes.
 */
static bool all_quiet(const struct counting *counting, const struct run *few,
		      const struct run *many, const struct run *again,
		      uint64_t times)
{
	int64_t each = made_of[counting->op].exits;

	if (few->smis || many->smis || again->smis)
		return false;
	if (!entries_matter())
		return true;
	if (few->interrupts || many->interrupts || again->interrupts ||
	    few->exits != again->exits)
		return false;
	return many->exits - few->exits == each * (int64_t)times;
}

static void take_difference(const struct counting *counting,
			    const struct run *few, const struct run *many,
			    struct counted *counted)
{
	counted->entries = many->exits - few->exits;
	for (unsigned int i = 0; i < counters_of(counting); i++)
		counted->gained[i] = many->counts[i] - few->counts[i];
}

static void nothing_counted(struct counted *counted)
{
	counted->entries = NOT_KNOWN;
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		counted->gained[i] = NOT_KNOWN;
}

/* More than so often disturbed: a shorter one has better chances. */
#define TRIES 4
#define TIMES_LEAST 1
#define TRIES_MOST 16

/*
 * Does a counter select one level only, or guests, or none? Then it matters
 * where an entry led to, too, and nothing says that of one that was not the
 * script's.
 */
static bool selects_a_mode(const struct counting *counting)
{
	if (counting->fixed && counting->fixed != (PMU_USER | PMU_OS))
		return true;
	for (unsigned int i = 0; i < counting->pmu.general; i++) {
		uint64_t eventsel = counting->eventsel[i];

		if (eventsel && eventsel != pmu_any_mode(eventsel))
			return true;
	}
	return false;
}

int counting_run(struct guest *guest, const struct counting *counting,
		 struct counted *counted)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	const bool modes = selects_a_mode(counting);
	struct run few, many, again;

	/* Where the right number of exits is not known, one more is not seen.
	 */
	if (entries_matter() && made_of[counting->op].exits == NOT_KNOWN)
		return counting_run_on(guest, counting, 1, NULL, NULL, counted);
	nothing_counted(counted);
	counted->times = counting->times;
	/* The first time through, pages are faulted in. */
	if (run_once(guest, counting, 1, &few))
		return EIO;
	for (unsigned int tries = 1; modes || tries <= TRIES_MOST; tries++) {
		if (run_once(guest, counting, 1, &few) ||
		    run_once(guest, counting, 1 + counted->times, &many) ||
		    run_once(guest, counting, 1, &again))
			return EIO;
		if (all_quiet(counting, &few, &many, &again, counted->times)) {
			take_difference(counting, &few, &many, counted);
			return 0;
		}
		if (deadline_passed(&deadline))
			return 0;
		if (!(tries % TRIES) && counted->times >= 2 * TIMES_LEAST)
			counted->times /= 2;
	}
	return counting_run_on(guest, counting, 1, NULL, NULL, counted);
}

static int read_all(struct guest *guest, const struct pmu *pmu,
		    int64_t counts[COUNTERS_MAX])
{
	uint64_t value = 0;
	int err = 0;

	for (unsigned int i = 0; i < pmu->general + pmu->fixed && !err; i++) {
		uint32_t msr = i < pmu->general
				       ? pmu_counter_msr(pmu, i)
				       : pmu_msr(pmu, PMU_FIXED_COUNTER,
						 i - pmu->general);

		err = guest_get_msr(guest, msr, &value);
		counts[i] = (int64_t)value;
	}
	return err ? EIO : 0;
}

/* @runs of one length, with what the running counters gain meanwhile. */
static int run_on(struct guest *guest, const struct counting *counting,
		  uint64_t times, unsigned int runs,
		  void (*move)(void *arg, unsigned int run), void *arg,
		  struct run *run)
{
	int64_t from[COUNTERS_MAX];
	int err;

	run->exits = 0;
	run->interrupts = -(int64_t)guest_interrupts_count(guest);
	script_clear(guest);
	script_add(guest, counting->op, counting->index, counting->value,
		   times);
	err = read_all(guest, &counting->pmu, from);
	for (unsigned int i = 0; i < runs && !err; i++) {
		if (move)
			move(arg, i);
		if (counting->op == GUEST_TOUCH)
			guest_drop_page(guest);
		run->exits += (int64_t)script_run(guest);
	}
	run->interrupts += (int64_t)guest_interrupts_count(guest);
	if (!err)
		err = read_all(guest, &counting->pmu, run->counts);
	for (unsigned int i = 0; !err && i < counters_of(counting); i++)
		run->counts[i] -= from[i];
	return err;
}

int counting_run_on(struct guest *guest, const struct counting *counting,
		    unsigned int runs,
		    void (*move)(void *arg, unsigned int run), void *arg,
		    struct counted *counted)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct run few, many;
	int64_t smis;
	int err;

	nothing_counted(counted);
	counted->times = counting->times;
	script_clear(guest);
	start_or_stop(guest, counting, false);
	make_ready(guest, counting);
	start_or_stop(guest, counting, true);
	script_run(guest);
	if (script_any_vector(guest))
		return EIO;
	/* The first time through, pages are faulted in. */
	err = run_on(guest, counting, 1 + counted->times, 1, move, arg, &many);
	if (err)
		return err;
	/* Only a stretch without system management says something. */
	for (;;) {
		smis = cpu_smis(guest->cpu);
		err = run_on(guest, counting, 1, runs, move, arg, &few);
		if (!err)
			err = run_on(guest, counting, 1 + counted->times, runs,
				     move, arg, &many);
		if (err)
			return err;
		/*
		 * Where entries are not alike, what those of the short one
		 * added cannot be taken off.
		 */
		if (cpu_smis(guest->cpu) == smis &&
		    (counting->interrupted || entries_alike() ||
		     !few.interrupts))
			break;
		if (deadline_passed(&deadline))
			return 0;
		if (counted->times >= 2 * TIMES_LEAST)
			counted->times /= 2;
	}
	take_difference(counting, &few, &many, counted);
	return 0;
}
