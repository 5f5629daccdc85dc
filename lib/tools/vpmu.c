// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs a guest to use its PMU: a line for each operation, with the
 * exits and the instructions of the CPU that one takes beyond the guest's own,
 * how far a count is off, and how many counters are exact beside the host's.
 * For "scripts/measure vpmu", which runs it where the TSC counts instructions,
 * with mediated and with emulated PMU.
 */
#include <stdio.h>

#include "../contract/contract.h"
#include "../perf/group.h"
#include "../vm/calibrated.h"
#include "../vm/counting.h"
#include "../vm/guest_calibrate.h"

#define CPU 0
#define TIMES 100
#define OVERFLOWS 20
#define ROUNDS 5

struct cost {
	double exits, instructions;
};

struct run {
	struct guest *guest;
	uint64_t took;
};

static void timed_run(void *arg)
{
	struct run *run = arg;
	uint64_t from = __builtin_ia32_rdtsc();

	guest_enter(run->guest);
	run->took = __builtin_ia32_rdtsc() - from;
}

/* The least of some runs: a tick of the host adds to any of them. */
static struct cost run_script(struct guest *guest)
{
	struct cost least = { 1e18, 1e18 };

	for (int i = 0; i < ROUNDS; i++) {
		struct run run = { .guest = guest };
		uint64_t exits = guest_exits_count(guest);

		guest_call(guest, timed_run, &run);
		exits = guest_exits_count(guest) - exits;
		if ((double)exits < least.exits)
			least.exits = (double)exits;
		if ((double)run.took < least.instructions)
			least.instructions = (double)run.took;
	}
	return least;
}

static void tell(const char *name, struct cost few, struct cost many,
		 double times)
{
	printf("%s %.2f %.0f\n", name, (many.exits - few.exits) / times,
	       (many.instructions - few.instructions) / times);
}

static void cost_of_step(struct guest *guest, const char *name,
			 enum guest_op op, uint32_t index, uint64_t value)
{
	struct cost few, many;

	script_clear(guest);
	script_add(guest, op, index, value, 1);
	few = run_script(guest);
	script_clear(guest);
	script_add(guest, op, index, value, 1 + TIMES);
	many = run_script(guest);
	tell(name, few, many, TIMES);
}

static void script_overflows(struct guest *guest, const struct pmu *pmu,
			     int overflows)
{
	uint64_t off = pmu_select(pmu, PMU_INSTRUCTIONS, PMU_OFF);

	script_clear(guest);
	script_write(guest, GUEST_LVTPC_MSR, GUEST_PMI_VECTOR);
	script_write(guest, pmu_eventsel_msr(pmu, 0),
		     pmu_select(pmu, PMU_INSTRUCTIONS,
				PMU_USER | PMU_OS | PMU_INTERRUPT));
	for (int i = 0; i < overflows; i++) {
		script_write(guest, pmu_counter_msr(pmu, 0),
			     pmu_counter_max(pmu) - 500);
		script_do(guest, GUEST_WORK, 500);
		script_do(guest, GUEST_OPEN, 1);
	}
	script_write(guest, pmu_eventsel_msr(pmu, 0), off);
}

static void cost_of_overflow(struct guest *guest, const struct pmu *pmu)
{
	struct cost few, many;

	script_overflows(guest, pmu, 1);
	few = run_script(guest);
	script_overflows(guest, pmu, 1 + OVERFLOWS);
	many = run_script(guest);
	tell("overflow", few, many, OVERFLOWS);
}

static void error_of(struct guest *guest, const struct pmu *pmu,
		     const char *name, enum guest_op op, uint64_t times)
{
	struct counting counting = { .pmu = *pmu, .op = op, .times = times };
	struct counted counted;
	int64_t work;

	counting.eventsel[0] =
		pmu_select(pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	if (counting_run(guest, &counting, &counted) ||
	    counted.entries == NOT_KNOWN ||
	    calibration_entry(PMU_INSTRUCTIONS) == NOT_KNOWN)
		return;
	work = counting_work(op, PMU_INSTRUCTIONS, counted.times);
	work += counted.entries * calibration_entry(PMU_INSTRUCTIONS);
	printf("error-%s %lld %lld\n", name,
	       (long long)(counted.gained[0] - work), (long long)work);
}

/*
 * All counters of the guest count the same, beside @pinned pinned events of the
 * host: how many of them are exact, and what they counted together, in percent.
 */
static void accuracy_beside(struct guest *guest, const struct pmu *pmu,
			    int pinned)
{
	struct counting counting = { .pmu = *pmu, .op = GUEST_WORK };
	struct competitors competitors;
	struct counted counted;
	int64_t work, sum = 0;
	int exact = 0;

	if (competitors_take_counters(&competitors, CPU))
		return;
	competitors_leave(&competitors, pinned);
	counting.times = 10000;
	for (unsigned int i = 0; i < pmu->general; i++)
		counting.eventsel[i] =
			pmu_select(pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	if (!counting_run(guest, &counting, &counted) &&
	    counted.entries != NOT_KNOWN) {
		work = counting_work(GUEST_WORK, PMU_INSTRUCTIONS,
				     counted.times) +
		       counted.entries * calibration_entry(PMU_INSTRUCTIONS);
		for (unsigned int i = 0; i < pmu->general; i++) {
			exact += counted.gained[i] == work;
			sum += counted.gained[i];
		}
		printf("beside-%d %d %lld\n", pinned, exact,
		       (long long)(100 * sum / (work * pmu->general)));
	}
	competitors_close(&competitors);
}

int main(void)
{
	struct calibration calibration = calibration_unknown;
	struct pmu pmu = pmu_of_host();
	struct guest guest;

	calibration_measure_entry(CPU, &calibration);
	calibration_use(&calibration);
	script_guest_create(&guest, CPU);
	cost_of_step(&guest, "write", GUEST_WRITE, pmu_counter_msr(&pmu, 0),
		     1000);
	cost_of_step(&guest, "read", GUEST_READ, pmu_counter_msr(&pmu, 0), 0);
	cost_of_step(&guest, "rdpmc", GUEST_RDPMC, 0, 0);
	cost_of_step(&guest, "select", GUEST_WRITE, pmu_eventsel_msr(&pmu, 1),
		     pmu_select(&pmu, PMU_BRANCHES, PMU_OFF));
	cost_of_overflow(&guest, &pmu);
	error_of(&guest, &pmu, "work", GUEST_WORK, 100000);
	error_of(&guest, &pmu, "exits", GUEST_EMULATE, 1000);
	for (int pinned = 0; pinned <= (int)pmu.general; pinned++)
		accuracy_beside(&guest, &pmu, pinned);
	guest_destroy(&guest);
	return 0;
}
