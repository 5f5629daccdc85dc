// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of a PMU that a VMM gets from one vCPU and sets in another
 * (docs/contract/guest.md, M59 and M60), and its event filter there (M32).
 */
#include <errno.h>

#include "guest_case.h"
#include "guest_move.h"
#include "vm/guest_filter.h"
#include "vm/pattern.h"

enum announced {
	ALL,
	FEWER,
	NO_GLOBAL_CONTROL,
	/* Of Intel: CPUID says that there is none. */
	NONE,
	/* The VM has none, whatever CPUID says. */
	DISABLED,
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
FIXTURE_VARIANT_ADD(copied, no_pmu_in_cpuid) { .announced = NONE };
FIXTURE_VARIANT_ADD(copied, pmu_disabled) { .announced = DISABLED };
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

/* Both guests anew, in VMs whose PMU is taken away. */
static void disable_both(struct move *move)
{
	struct guest_case *c = &move->c;

	guest_destroy(&move->to);
	guest_destroy(&c->guest);
	script_guest_create_without_pmu(&c->guest, GUEST_CPU);
	script_guest_create_without_pmu(&move->to, GUEST_CPU);
	c->pmu = (struct pmu){ .amd = c->pmu.amd };
	guest_case_describe(c);
}

/* Before their first runs. */
static void announce(struct move *move, enum announced announced)
{
	struct guest_case *c = &move->c;

	if (announced == FEWER)
		limit_both(move, fewer_counters(c), c->pmu.version);
	else if (announced == NO_GLOBAL_CONTROL)
		limit_both(move, c->pmu.general, 1);
	else if (announced == NONE)
		limit_both(move, 0, 0);
	else if (announced == DISABLED)
		disable_both(move);
}

#define STATUS_BIT 2

static uint64_t control_of(const struct pmu *pmu)
{
	return pmu_all(pmu) & ~1ull;
}

/*
 * A value of its own in every counter and event select, one in the global
 * control, and a bit in the status. Returns 0 or an errno.
 */
static int fill(struct guest_case *c)
{
	const struct pmu *pmu = &c->pmu;

	if (!pmu->general)
		return 0;
	pattern_write(&c->guest, pmu);
	if (pmu->version < 2)
		return 0;
	return guest_set_msr(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
			     control_of(pmu))
		       ?: guest_set_msr(&c->guest, pmu_msr(pmu, PMU_STATUS, 0),
					STATUS_BIT);
}

/* Registers that user space does not get as they were filled. */
static int64_t filled_mismatches(struct guest *guest, const struct pmu *pmu)
{
	uint64_t control = 0, status = 0;
	int64_t found;

	if (!pmu->general)
		return 0;
	found = pattern_kvm_mismatches(guest, pmu);
	if (pmu->version < 2)
		return found;
	found += guest_get_msr(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
			       &control) ||
		 control != control_of(pmu);
	found += guest_get_msr(guest, pmu_msr(pmu, PMU_STATUS, 0), &status) ||
		 status != STATUS_BIT;
	return found;
}

/* The same of what the guest itself reads. */
static int64_t filled_guest_mismatches(struct guest *guest,
				       const struct pmu *pmu)
{
	int64_t found;
	int control, status;

	if (!pmu->general)
		return 0;
	found = pattern_mismatches(guest, pmu);
	if (pmu->version < 2)
		return found;
	script_clear(guest);
	control = script_read(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0));
	status = script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
	script_run(guest);
	return found + (script_seen(guest, control) != control_of(pmu)) +
	       (script_seen(guest, status) != STATUS_BIT);
}

/*
 * The rule about what is got of a vCPU with less than all: D44 is of AMD's with
 * fewer counters than its numbers, one of them a PMU that is taken away.
 */
static const char *rule_of_list(const struct guest_case *c,
				enum announced announced)
{
	return c->pmu.amd && (announced == FEWER || announced == DISABLED)
		       ? "M60.listsvm"
		       : "M60.list";
}

static const char *rule_of_copy(const struct pmu *pmu)
{
	if (pmu->general)
		return "M59";
	return pmu->amd ? "M59.none" : "M59.nonevmx";
}

TEST_F(copied, M59_M60_a_new_vcpu_takes_it)
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
	c->o.mismatches = filled_mismatches(&c->guest, &c->pmu);
	move->saved = saved_take(&c->guest);
	MUST_BE(move->saved != NULL);
	c->o.registers_got = saved_got(move->saved);
	c->o.failed = saved_refused(move->saved);
	JUDGE(rule_of_list(c, variant->announced), &c->s, &c->o);
	c->o.failed = saved_restore_registers(&move->to, move->saved,
					      variant->backwards);
	again = saved_take(&move->to);
	MUST_BE(again != NULL);
	c->o.mismatches += saved_differences(move->saved, again);
	saved_free(again);
	c->o.mismatches += filled_guest_mismatches(&move->to, &c->pmu);
	JUDGE(rule_of_copy(&c->pmu), &c->s, &c->o);
}

FIXTURE(moved)
{
	struct move m;
};

FIXTURE_SETUP(moved)
{
	MUST_BE(move_begin(&self->m));
}

FIXTURE_TEARDOWN(moved)
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
static bool move_running(struct move *move, bool backwards)
{
	struct guest_case *c = &move->c;
	struct saved *again;

	saved_free(move->saved);
	move->saved = saved_take(&c->guest);
	if (!move->saved)
		return false;
	c->o.failed =
		saved_restore_registers(&move->to, move->saved, backwards);
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
static int64_t gain_if_it_moves(struct move *move, bool backwards)
{
	struct guest_case *c = &move->c;
	uint64_t from = read_and_work(&c->guest, &c->pmu);

	if (!move_running(move, backwards))
		return NOT_KNOWN;
	return (int64_t)(read_and_work(&move->to, &c->pmu) - from);
}

/* As much on the way as where it stays? Returns false if nothing was seen. */
static bool goes_on_counting(struct move *move, bool backwards)
{
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
		moves = gain_if_it_moves(move, backwards);
	} while (!c->o.failed && !c->o.mismatches &&
		 least_wants_more(&least, stays, moves));
	if (c->o.failed || c->o.mismatches)
		return true;
	if (least.first.value <= 0)
		return false;
	difference = least_difference(&least);
	c->o.mismatches = difference == NOT_KNOWN ? NOT_KNOWN : difference != 0;
	return true;
}

TEST_F(moved, M59_counts_a_guest_goes_on_counting)
{
	struct guest_case *c = &self->m.c;

	MUST_BE(goes_on_counting(&self->m, false));
	JUDGE("M59.counts", &c->s, &c->o);
}

/* On Intel the global control comes after what it lets count. */
TEST_F(moved, M59_counts_a_guest_restored_backwards)
{
	struct guest_case *c = &self->m.c;

	MUST_BE(goes_on_counting(&self->m, true));
	JUDGE("M59.counts", &c->s, &c->o);
}

/* What KVM has in it, or NOT_KNOWN. */
static int64_t counter_of(struct guest *guest, const struct pmu *pmu,
			  unsigned int counter)
{
	uint64_t value;

	if (guest_get_msr(guest, pmu_counter_msr(pmu, counter), &value))
		return NOT_KNOWN;
	return (int64_t)value;
}

/* Counter 0 counts instructions, and counter 1 branches. */
static void start_two(struct guest *guest, const struct pmu *pmu)
{
	static const enum pmu_event events[] = { PMU_INSTRUCTIONS,
						 PMU_BRANCHES };

	for (unsigned int i = 0; i < 2; i++)
		script_write(guest, pmu_eventsel_msr(pmu, i),
			     pmu_select(pmu, events[i], PMU_USER | PMU_OS));
	if (pmu->version > 1)
		script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 3);
	script_run(guest);
}

/*
 * A VMM denies an event to the VM that is restored, @before it is or after.
 * That of the other counter is the control.
 */
static void filter_restored(struct move *move,
			    struct __test_metadata *_metadata, bool before)
{
	struct guest_case *c = &move->c;
	const uint64_t denied = pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_OFF);
	int64_t from[2], to[2];

	start_two(&c->guest, &c->pmu);
	if (before)
		GRANTED("M81.taken", guest_filter(&move->to, true, denied));
	MUST_BE(move_running(move, false) && !c->o.failed);
	if (!before)
		GRANTED("M81.taken", guest_filter(&move->to, true, denied));
	for (unsigned int i = 0; i < 2; i++)
		from[i] = counter_of(&move->to, &c->pmu, i);
	script_clear(&move->to);
	script_do(&move->to, GUEST_WORK, TURNS);
	script_run(&move->to);
	for (unsigned int i = 0; i < 2; i++) {
		to[i] = counter_of(&move->to, &c->pmu, i);
		MUST_BE(from[i] != NOT_KNOWN && to[i] != NOT_KNOWN);
	}
	c->s.filtered = 1;
	c->s.guest_work = counting_work(GUEST_WORK, PMU_INSTRUCTIONS, TURNS);
	c->s.guest_entries = 0;
	c->o.guest_counted = to[0] - from[0];
	c->o.guest_control = to[1] - from[1];
	c->o.vector = script_any_vector(&move->to);
	JUDGE("M32", &c->s, &c->o);
}

TEST_F(moved, M32_a_filter_set_before_the_restore)
{
	filter_restored(&self->m, _metadata, true);
}

TEST_F(moved, M32_a_filter_set_after_the_restore)
{
	filter_restored(&self->m, _metadata, false);
}

/* Got, set to zero, and set to something else: one of them. */
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

TEST_F(moved, M60_absent_registers)
{
	struct guest_case *c = &self->m.c;
	unsigned int listed = guest_listed(&c->pmu, PMU_EVENTSEL);

	NEEDS(!c->pmu.amd || c->pmu.version > 1, "PerfMonV2");
	NEEDS(fewer_counters(c) < listed, "more than four counters");
	NEEDS(!guest_msrs_are_ignored(), "kvm.ignore_msrs=N");
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

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
