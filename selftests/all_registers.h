/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest finds in the registers of its PMU. */
#ifndef PMU_ALL_REGISTERS_H
#define PMU_ALL_REGISTERS_H

#include "guest_case.h"

/*
 * Let @guest read all that @pmu has: event selects and counters, or-ed, the
 * global control, the status, and whether any of it faulted.
 */
static inline void read_all_registers(struct guest *guest,
				      const struct pmu *pmu,
				      struct observation *o)
{
	int select[COUNTERS_MAX], count[COUNTERS_MAX], selects = 0, counts = 0;
	int control = -1, status = -1;

	script_clear(guest);
	for (unsigned int i = 0; i < pmu->general; i++) {
		select[selects++] =
			script_read(guest, pmu_eventsel_msr(pmu, i));
		count[counts++] = script_read(guest, pmu_counter_msr(pmu, i));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		count[counts++] =
			script_read(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
	if (pmu->fixed)
		select[selects++] =
			script_read(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0));
	if (pmu->version > 1) {
		control = script_read(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0));
		status = script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
	}
	script_run(guest);
	o->eventsels_or = 0;
	o->counters_or = 0;
	for (int i = 0; i < selects; i++)
		o->eventsels_or |= (int64_t)script_seen(guest, select[i]);
	for (int i = 0; i < counts; i++)
		o->counters_or |= (int64_t)script_seen(guest, count[i]);
	if (pmu->version > 1) {
		o->global_ctrl = (int64_t)script_seen(guest, control);
		o->status_made = (int64_t)script_seen(guest, status);
	}
	o->vector = script_any_vector(guest);
}

#endif
