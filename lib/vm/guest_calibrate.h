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
 * The same once for this program, or what PMU_CALIBRATION in the environment
 * says. For main(), before cases are forked: returns 0, whatever came out of
 * it.
 */
int calibration_prepare(void);

/* What that was. */
struct calibration calibration_here(void);

/*
 * After how many turns of GUEST_WORK an overflow interrupt has certainly come:
 * several times as many instructions as the latest took that was seen.
 */
uint64_t calibration_late_turns(void);

/*
 * What one VM entry adds to @event of a guest on this machine, or NOT_KNOWN if
 * it was not measured, contradicts itself, or contradicts what is known of it,
 * or if counts are not exact at all.
 */
int64_t calibration_entry(enum pmu_event event);

/*
 * Does the entry after every kind of exit add that? Known of the processor, or,
 * of one that nobody knows, believed if it is nothing.
 */
bool calibration_entries_alike(enum pmu_event event);

/* Is anything known of this processor beforehand? */
bool calibration_known(void);

/* Are nested page faults counted now and then on this processor? */
bool calibration_faults_vary(void);

#endif
