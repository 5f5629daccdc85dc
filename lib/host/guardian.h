/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings of the machine that a program changes, and a second process that
 * puts them back however the program ends, SIGKILL included. What is to be put
 * back lies in GUARDIAN_DIR/pmu_passthrough-<name>: if the guardian itself was
 * killed, the next program that asks for one finishes its work first.
 */
#ifndef PMU_HOST_GUARDIAN_H
#define PMU_HOST_GUARDIAN_H

#include <stdbool.h>

/* PMU_GUARDIAN_DIR overrides it, for tests. */
#define GUARDIAN_DIR "/run"

/*
 * Settings that the programs of the suite change while they run, and those that
 * were changed for all of them (guardian_run()). The second outlive the first,
 * so they are put back last.
 */
#define GUARDIAN_CASES "cases"
#define GUARDIAN_HOST "host"

/* One setting with its value: all parameters of a module fit. */
#define GUARDIAN_LINE 4096

/*
 * From now on watch this process, a program of the suite, which calls this
 * before there are threads; once is enough. Waits a bounded time for another
 * program's guardian. Returns 0 or an errno: EBUSY if another program is still
 * at work, EIO if what one left cannot be put back.
 */
int guardian_start(void);

/* Did this process, or the program it is a case of, call that? */
bool guardian_started(void);

/*
 * Remember what @path reads as now, to write that back. Children of the process
 * may call this, too. Returns 0 or an errno.
 */
int guardian_keep(const char *path);

/*
 * Remember that the kernel module @module was loaded with @options, separated
 * by blanks, to load it that way again. Returns 0 or an errno.
 */
int guardian_keep_module(const char *module, const char *options);

/*
 * Run the command @argv with settings changed by @change, which has what it
 * changes kept, says what it does and returns 0 or an errno. When the command
 * has ended or this process is gone, all processes that came of it are killed,
 * and what was kept is put back.
 * @told:   called with each line that was put back, in words
 * @status: takes the exit status of the command, 128 and more for a signal
 * Returns 0 or an errno: EBUSY if another run is at work, EIO if not all could
 * be put back.
 */
int guardian_run(int (*change)(void), char **argv,
		 void (*told)(const char *line), int *status);

/*
 * Put back now what a program that is gone left behind.
 * @name: GUARDIAN_CASES or GUARDIAN_HOST
 * @told: called with each line that was put back, in words; may be NULL
 * Returns 0, EBUSY if that program is still there, EIO if not all could be put
 * back, or another errno.
 */
int guardian_restore(const char *name, void (*told)(const char *line));

#endif
