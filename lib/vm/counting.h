/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Letting a guest count. What a counter gains over a step also has in it the
 * few instructions that start and stop it and lead to the step; they are the
 * same for every length of the step, so a long one less a short one is the work
 * of the step alone, exactly.
 */
#ifndef PMU_VM_COUNTING_H
#define PMU_VM_COUNTING_H

#include "pmu.h"
#include "script.h"

#define COUNTERS_MAX 16

/*
 * What to count, and while the guest does what.
 * @selector: of each general counter, from the first on; 0 leaves it stopped
 * @fixed:    flags for pmu_select_fixed() of all fixed counters, 0 to stop them
 * @op, @times, @value, @index: the step (guest_code/script.h)
 */
struct counting {
	struct pmu pmu;
	uint64_t selector[COUNTERS_MAX];
	unsigned int fixed;
	enum guest_op op;
	uint64_t times;
	uint64_t value;
	uint32_t index;
};

/*
 * Let the guest count. @gained takes what each general counter gained over
 * @times more of the step, and then each fixed one.
 * Returns 0, or EIO if an access faulted.
 */
int counting_run(struct guest *guest, const struct counting *counting,
		 int64_t gained[COUNTERS_MAX]);

/*
 * The same in two halves, for what the host does in between: write the script
 * for one length, with the steps that read the counters in @read.
 */
void counting_script(struct guest *guest, const struct counting *counting,
		     uint64_t times, int read[COUNTERS_MAX]);

/* Instructions and branches in @times of a step, as guest_code/script.h says.
 */
int64_t counting_work(enum guest_op op, enum pmu_event event, uint64_t times);

#endif
