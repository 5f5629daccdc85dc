// SPDX-License-Identifier: GPL-2.0-only
#include "../base/cpu.h"
#include "../contract/contract.h"
#include "calibrated.h"

/* A turn is two instructions; on silicon so many are some microseconds. */
#define LATE_TURNS 2
#define LATE_TURNS_LEAST 10000

static struct calibration here;
static bool measured;

void calibration_use(const struct calibration *calibration)
{
	here = *calibration;
	measured = true;
}

struct calibration calibration_here(void)
{
	return measured ? here : calibration_unknown;
}

uint64_t calibration_late_turns(void)
{
	const int64_t late = calibration_here().overflow_late;
	uint64_t turns = late == NOT_KNOWN ? 0
					   : LATE_TURNS * (1 + (uint64_t)late);

	return turns > LATE_TURNS_LEAST ? turns : LATE_TURNS_LEAST;
}

static const struct processor *processor_of_here(void)
{
	unsigned int family, model;

	processor_here(&family, &model);
	return processor_find(cpu_is_amd(), family, model);
}

int64_t calibration_entry(enum pmu_event event)
{
	const struct calibration now = calibration_here();

	if (now.exact == 0 || !calibration_fits(&now, processor_of_here()))
		return NOT_KNOWN;
	return event == PMU_BRANCHES ? now.entry_branches
				     : now.entry_instructions;
}

bool calibration_entries_alike(enum pmu_event event)
{
	const struct processor *processor = processor_of_here();

	if (processor)
		return (event == PMU_BRANCHES
				? processor->entry_branches
				: processor->entry_instructions) !=
		       COUNTS_TOO_MANY;
	return calibration_entry(event) == 0;
}

bool calibration_faults_vary(void)
{
	const struct processor *processor = processor_of_here();

	return processor && processor->faults_vary;
}

bool calibration_known(void)
{
	return processor_of_here();
}
