/* SPDX-License-Identifier: GPL-2.0-only */
/* Measuring what this processor counts (lib/perf/calibration.h). */
#ifndef PMU_VM_GUEST_CALIBRATE_H
#define PMU_VM_GUEST_CALIBRATE_H

#include "../perf/calibration.h"
#include "pmu.h"

/*
 * How the measured values came about.
 * @err:  0; EIO if a guest's counters cannot be used; EDOM if it contradicts
 *        itself
 * @event, @first, @second: of which event VM entries added what, and how many
 *        there were, in two measurements
 */
struct calibrating {
	int err;
	enum pmu_event event;
	int64_t first[2], second[2];
};

/*
 * Measure everything, with a guest on CPU @cpu, and the calling thread on CPU 0
 * meanwhile. Takes a moment: some tens of interrupts.
 */
struct calibrating calibration_measure(int cpu,
				       struct calibration *calibration);

/* That of a VM entry only. */
struct calibrating calibration_measure_entry(int cpu,
					     struct calibration *calibration);

/*
 * Measure what cases ask for, or take what PMU_CALIBRATION in the environment
 * says, and use it from here on (calibrated.h). For main(), before cases are
 * forked: returns 0, whatever came out of it. What cannot be measured stays
 * unknown.
 */
int calibration_prepare(void);

#endif
