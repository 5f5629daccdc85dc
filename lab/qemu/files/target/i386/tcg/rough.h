/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processors do and no manual promises, on demand: LAB_ROUGH in the
 * environment of the emulator, "NAME=NUMBER ...".  docs/lab.md has the names,
 * their units and where each was seen.
 */
#ifndef I386_TCG_ROUGH_H
#define I386_TCG_ROUGH_H

typedef struct CPUArchState CPUX86State;

/* A counter was enabled: a kernel is up, and disturbances may begin. */
void rough_begins(CPUX86State *env);
/* INIT: until a counter is enabled again, there shall be none. */
void rough_ends(CPUX86State *env);
/* After how many instructions an overflow interrupt comes; 0: at once. */
uint64_t rough_late(CPUX86State *env);
/*
 * A system management interrupt is to be taken, in the mode of hflags.
 * Returns false if it is a real one.
 */
bool rough_takes_smi(CPUX86State *env);
/* How many cycles @insns instructions took: at least as many, at most twice. */
uint64_t rough_cycles(CPUX86State *env, uint64_t insns);
/* What counter @index holds when the machine starts. */
uint64_t rough_garbage(CPUX86State *env, int index);

/* hw/intc/apic.c: an interrupt of this vector, by an edge. */
void apic_deliver_vector(DeviceState *dev, int vector);

#endif
