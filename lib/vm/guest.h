/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that runs: one VM, one vCPU, one thread bound to a CPU, its guest
 * code of guest_code/. While the guest is not running, the thread waits for
 * what to do next: enter the guest until the guest code ends (guest_go), enter
 * it once (guest_step), or run host code (guest_call).
 *
 * The KVM selftests library under it ends the program if a step fails.
 */
#ifndef PMU_VM_GUEST_H
#define PMU_VM_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../guest_code/record.h"
#include "../../guest_code/script.h"
#include "../base/deadline.h"

struct guest_parts;

/*
 * @record: the guest code's record, live
 * @script: what guest_code_script() takes its steps from (lib/vm/script.h)
 * @tid:    the vCPU thread, for events that follow it
 * @cpu:    where it runs
 * @before, @after: called on the vCPU thread by guest_go(), right before the
 *          first entry and after the last exit; may be NULL; @arg is theirs
 */
struct guest {
	struct guest_record *record;
	struct guest_script *script;
	pid_t tid;
	int cpu;
	void (*before)(void *arg);
	void (*after)(void *arg);
	void *arg;
	struct guest_parts *parts;
};

/* Make the VM and the thread; nothing runs in the guest yet. */
void guest_create(struct guest *guest, void (*code)(void), int cpu);

/* The same in a VM whose PMU is taken away first (KVM_CAP_PMU_CAPABILITY). */
void guest_create_without_pmu(struct guest *guest, void (*code)(void), int cpu);

/* Let the thread enter the guest, until the guest code ends; once or again. */
void guest_go(struct guest *guest);

/*
 * Tell the guest code to end, wait until guest_go()'s work is done, and settle:
 * a read() of the thread's events while they are being scheduled out would
 * return the times of some earlier moment (perf_event_read() and
 * event_sched_out()). Returns false if it did not end within @ms milliseconds.
 */
bool guest_stop(struct guest *guest, unsigned int ms);

/*
 * Call KVM_RUN once: until the guest code's next GUEST_SYNC or GUEST_DONE. What
 * interrupts it on the way makes further exits and entries of it.
 * Returns the number of guest entries that took.
 */
uint64_t guest_step(struct guest *guest);

/*
 * The same in two halves, for what happens meanwhile. The second returns false
 * if the step took longer than @ms milliseconds.
 */
void guest_step_begins(struct guest *guest);
bool guest_step_ends(struct guest *guest, unsigned int ms);

/* Call @code on the vCPU thread, outside the guest, and wait for it. */
void guest_call(struct guest *guest, void (*code)(void *arg), void *arg);

/* For such code: enter the guest once, as guest_step() does. */
void guest_enter(struct guest *guest);

/*
 * Wait until the vCPU thread has left its CPU after the last order: what
 * returns from the others has been done, but the thread may still be on its way
 * to wait. Returns false if it did not within @ms milliseconds.
 */
bool guest_settle(struct guest *guest, unsigned int ms);

/*
 * Let the vCPU thread go @turns times round work(), outside the guest.
 * Returns what the event @fd gained meanwhile, or NOT_KNOWN.
 */
int64_t guest_gain(struct guest *guest, int fd, unsigned int turns);

/* Free the VM now; the thread lives on, for guest_call(). */
void guest_free_vm(struct guest *guest);

/* End the thread and free the VM. The guest must not be running. */
void guest_destroy(struct guest *guest);

/* Make one on @cpu that exits at once, enter it once, and free it. */
void guest_visit(struct guest *guest, int cpu);

/* VM exits of the vCPU so far, from KVM's binary statistics. */
uint64_t guest_exits_count(struct guest *guest);

/* Those of them that an interrupt of the host made. */
uint64_t guest_interrupts_count(struct guest *guest);

/*
 * How often the vCPU thread has left its CPU so far, to wait or for another
 * task (/proc/PID/status); -1 if that cannot be read. If it is the same before
 * one heartbeat of the guest and after another, the CPU had no other task
 * between.
 */
long guest_switches_count(struct guest *guest);

/*
 * A stretch of time in which the vCPU certainly did not leave the guest: the
 * guest made a heartbeat before it and one after it, and no exit was counted
 * from before the first to after the second.
 */
struct inside {
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t heartbeat;
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
 * The same with one call of @look only.
 * Returns false if that one did not lie wholly inside the guest.
 */
bool guest_inside_once(struct guest *guest, void (*look)(void *arg), void *arg,
		       uint64_t min_ns, const struct deadline *deadline,
		       struct inside *inside);

/*
 * What @act, which leaves its errno in *@err, says at an instant when the vCPU
 * is certainly inside. An act that succeeds may itself have thrown it out; if
 * GUEST_TRIES of them succeeded and none was refused, one certainly met it
 * inside. One that succeeds inside must not have been refused at any other
 * instant either. Returns the errno, or NOT_KNOWN if no instant was certain.
 */
#define GUEST_TRIES 50
int64_t guest_errno_inside(struct guest *guest, void (*act)(void *arg),
			   void *arg, const int *err,
			   const struct deadline *deadline);

/*
 * Add up such stretches, one after the other without a gap while no exit comes
 * between them, until they come to @enough_ns.
 * Returns the sum in nanoseconds; less than asked if the deadline came first.
 */
uint64_t guest_time_inside(struct guest *guest, uint64_t enough_ns,
			   const struct deadline *deadline);

#endif
