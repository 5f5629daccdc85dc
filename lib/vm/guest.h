/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that runs: one VM, one vCPU, one thread bound to a CPU, one payload
 * of guest_code/. The thread goes through these phases:
 *
 *   created -> guest_go() -> before(): host code, then the guest, as often as
 *   the payload leaves it, until the payload ends -> after(): host code -> over
 *
 * The KVM selftests library under it ends the program if a step fails.
 */
#ifndef PMU_VM_GUEST_H
#define PMU_VM_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../guest_code/record.h"
#include "../sync/deadline.h"

struct guest_parts;

/*
 * @record: the payload's record, live
 * @tid:    the vCPU thread, for events that follow it
 * @cpu:    where it runs
 * @before, @after: called on the vCPU thread, may be NULL; @arg is theirs
 */
struct guest {
	struct guest_record *record;
	pid_t tid;
	int cpu;
	void (*before)(void *arg);
	void (*after)(void *arg);
	void *arg;
	struct guest_parts *parts;
};

/* Make the VM and the thread; nothing runs in the guest yet. */
void guest_create(struct guest *guest, void (*payload)(void), int cpu);

/* Let the thread enter the guest. */
void guest_go(struct guest *guest);

/*
 * Tell the payload to end and wait for the thread.
 * Returns false if it did not end within @ms milliseconds.
 */
bool guest_stop(struct guest *guest, unsigned int ms);

/* Free the VM, and with it the claim. The thread must be over. */
void guest_destroy(struct guest *guest);

/* VM exits of the vCPU so far, from KVM's binary statistics. */
uint64_t guest_exits_count(struct guest *guest);

/*
 * A stretch of time in which the vCPU certainly did not leave the guest: the
 * payload made a beat before it and one after it, and no exit was counted from
 * before the first to after the second.
 */
struct inside {
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t beats;
};

/*
 * Call @look while the guest runs, until one call lies wholly inside the guest.
 * @min_ns: stay inside at least this long after @look
 * Returns false if that did not happen before the deadline; @look may then
 * have been called any number of times, so it must overwrite, not add.
 */
bool guest_inside(struct guest *guest, void (*look)(void *arg), void *arg,
		  uint64_t min_ns, const struct deadline *deadline,
		  struct inside *inside);

/*
 * Add up such stretches until they come to @enough_ns.
 * Returns the sum in nanoseconds; less than asked if the deadline came first.
 */
uint64_t guest_time_inside(struct guest *guest, uint64_t enough_ns,
			   const struct deadline *deadline);

#endif
