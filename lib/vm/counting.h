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

#define COUNTERS_MAX 32

/*
 * What to count, and while the guest does what.
 * @eventsel: of each general counter, from the first on; 0 leaves it stopped
 * @fixed:    flags for pmu_select_fixed() of all fixed counters, 0 to stop them
 * @by_select: the event selects start and stop them, with the global control on
 * @op, @times, @value, @index: the step (guest_code/script.h)
 * @interrupted: the host interrupts it on purpose, short or long
 */
struct counting {
	struct pmu pmu;
	uint64_t eventsel[COUNTERS_MAX];
	unsigned int fixed;
	bool by_select;
	enum guest_op op;
	uint64_t times;
	uint64_t value;
	uint32_t index;
	bool interrupted;
};

/*
 * What the guest counted.
 * @gained:  what each general counter gained over @times more of the step, and
 *           then each fixed one; NOT_KNOWN without a quiet moment
 * @entries: VM entries that this took more, or NOT_KNOWN
 * @times:   how often the step was taken more
 */
struct counted {
	int64_t gained[COUNTERS_MAX];
	int64_t entries;
	uint64_t times;
};

/*
 * Let the guest count what @counting says. Programmed, started, stopped and
 * read by the guest itself, in one KVM_RUN. Where VM entries are counted
 * (calibration.h), only a quiet run says something: one in which there was no
 * exit but those that the script makes, so that none falls on an uncertain side
 * of start or stop. It is repeated until it was, of fewer times if need be, and
 * at last done as counting_run_on() does; but not if a counter selects a mode:
 * then @counted has NOT_KNOWN in the end.
 * Returns 0, or EIO if an access faulted.
 */
int counting_run(struct guest *guest, const struct counting *counting,
		 struct counted *counted);

/*
 * The same beside whatever interrupts: the counters are started once and run
 * on, the host reads them between KVM_RUNs (KVM_GET_MSRS), and every entry is
 * certainly counted. Each length of the step is run @runs times; @move, if it
 * is not NULL, is called before each run. Returns 0, or EIO if an access
 * faulted or a register cannot be read.
 */
int counting_run_on(struct guest *guest, const struct counting *counting,
		    unsigned int runs,
		    void (*move)(void *arg, unsigned int run), void *arg,
		    struct counted *counted);

/*
 * The script of counting_run() for one length of the step, with the steps that
 * read the counters in @read.
 */
void counting_script(struct guest *guest, const struct counting *counting,
		     uint64_t times, int read[COUNTERS_MAX]);

/* Instructions and branches in @times of a step, as guest_code/script.h says.
 */
int64_t counting_work(enum guest_op op, enum pmu_event event, uint64_t times);

/*
 * The same as the processor retires them: without those that exit and that KVM
 * emulates. NOT_KNOWN if it is not known which of them exit.
 */
int64_t counting_retired(enum guest_op op, enum pmu_event event,
			 uint64_t times);

#endif
