/* SPDX-License-Identifier: GPL-2.0-only */
/* What this processor counts, as measured (guest_calibrate.h) or known of it.
 */
#ifndef PMU_VM_CALIBRATED_H
#define PMU_VM_CALIBRATED_H

#include "../perf/calibration.h"
#include "pmu.h"

/* Use these values from here on. */
void calibration_use(const struct calibration *calibration);

/* Those values; before, all of them are NOT_KNOWN. */
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
