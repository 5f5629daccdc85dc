/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of what is to be put back: a file below /run that outlives whoever
 * wrote it, locked by whoever will put it back. For guardians and what
 * they guard.
 */
#ifndef PMU_HOST_PUT_BACK_H
#define PMU_HOST_PUT_BACK_H

#include <stddef.h>

/*
 * Take the list @name (guardian.h), for at most @ms milliseconds of trying.
 * @create: make it if it is not there
 * Returns its descriptor, or minus an errno: EBUSY if somebody else has it,
 * ENOENT if there is none.
 */
int list_take(const char *name, int create, unsigned int ms);

/* The same file, without taking it. Returns a descriptor, or -1 with errno. */
int list_open(const char *name);

/* Add @line, whole or not at all. Returns 0 or an errno. */
int list_add(int fd, const char *line);

/*
 * Put back all that is in the list, the last first, and remove it. What cannot
 * be put back, after a bounded time of trying, stays in it.
 * @told: see guardian_restore()
 * Returns 0 or EIO. Closes @fd.
 */
int list_put_back(const char *name, int fd, void (*told)(const char *line));

/*
 * Run a tool of the machine, as modprobe(8), and wait for it. Returns 0, EBUSY
 * if it says that it failed, or another errno.
 */
int tool_run(char *const argv[]);

#endif
