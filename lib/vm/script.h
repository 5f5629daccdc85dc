/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing down what a guest shall do (guest_code/script.h), and reading what it
 * saw. A step is named by the number that adding it returned.
 */
#ifndef PMU_VM_SCRIPT_H
#define PMU_VM_SCRIPT_H

#include "guest.h"
#include "guest_setup.h"

/* Make a VM that follows a script. */
void script_guest_create(struct guest *guest, int cpu);

/* The same of a VM whose PMU is taken away. */
void script_guest_create_without_pmu(struct guest *guest, int cpu);

/* Forget all steps. */
void script_clear(struct guest *guest);

int script_add(struct guest *guest, enum guest_op op, uint32_t index,
	       uint64_t value, uint64_t times);
int script_write(struct guest *guest, uint32_t msr, uint64_t value);
int script_read(struct guest *guest, uint32_t msr);
int script_rdpmc(struct guest *guest, uint32_t index);

/* @op, @times over, for those that take no index and no value. */
int script_do(struct guest *guest, enum guest_op op, uint64_t times);

/*
 * Enter the guest once, to the end of the script.
 * Returns the number of guest entries that took.
 */
uint64_t script_run(struct guest *guest);

/*
 * Enter the guest once and let it take the script again and again, until
 * script_ends(). Returns at once.
 */
void script_repeats(struct guest *guest);

/*
 * The same in two halves, for a script with a GUEST_PAUSE: script_goes()
 * returns once the guest has reached it, script_ends() ends it. Both return
 * false if that took longer than @ms milliseconds.
 */
bool script_goes(struct guest *guest, unsigned int ms);
bool script_ends(struct guest *guest, unsigned int ms);

/* What step @step read, and the exception it raised, 0 if none. */
uint64_t script_seen(const struct guest *guest, int step);
int64_t script_vector(const struct guest *guest, int step);

/* The exception of the first step that raised one, 0 if none did. */
int64_t script_any_vector(const struct guest *guest);

#endif
