/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings of the machine that a program changes, and a second process that
 * puts them back however the program ends, SIGKILL included. What is to be put
 * back lies in GUARDIAN_DIR/pmu_passthrough-<name>: if the guardian itself was
 * killed, the next program that asks for one finishes its work first.
 */
#ifndef PMU_SYNC_GUARDIAN_H
#define PMU_SYNC_GUARDIAN_H

#include <stdbool.h>

/* PMU_GUARDIAN_DIR overrides it, for tests. */
#define GUARDIAN_DIR "/run"

/*
 * Settings that the programs of the suite change while they run, and those that
 * were changed for all of them (scripts/host --fix). The second outlive the
 * first, so they are put back last.
 */
#define GUARDIAN_CASES "cases"
#define GUARDIAN_HOST "host"

/*
 * From now on watch this process, which calls this once, before there are
 * threads. Waits a bounded time for the guardian of another program to end.
 * @name: GUARDIAN_CASES or GUARDIAN_HOST
 * Returns 0 or an errno: EBUSY if another program is still at work.
 */
int guardian_start(const char *name);

/*
 * Remember what @path reads as now, to write that back. Children of the process
 * may call this, too. Returns 0 or an errno.
 */
int guardian_keep(const char *path);

/*
 * Remember that the kernel module @module was loaded with @options, to load it
 * that way again. Returns 0 or an errno.
 */
int guardian_keep_module(const char *module, const char *options);

/*
 * Put back now what this process had the guardian keep, once the programs of the
 * suite are through with their own. @told: see guardian_restore()
 */
void guardian_end(void (*told)(const char *line));

/*
 * Put back now what a program that is gone left behind.
 * @told: called with each line that was put back, in words; may be NULL
 * Returns 0, EBUSY if that program is still there, or another errno.
 */
int guardian_restore(const char *name, void (*told)(const char *line));

#endif
