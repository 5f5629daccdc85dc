/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings of a machine that keep the suite from running or make it see less,
 * and their change for the time of a run (probe --fix).
 */
#ifndef PMU_HOST_SETTINGS_H
#define PMU_HOST_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * @path:   file of the setting
 * @wanted: what it should read as
 * @why:    in a few words
 */
struct setting {
	const char *path;
	const char *wanted;
	const char *why;
};

/* The setting with number @index, or NULL after the last. */
const struct setting *setting_at(size_t index);

/* Is it there, and different from what is wanted? */
bool setting_differs(const struct setting *setting);

/*
 * Run @argv with every setting changed that differs and KVM's vendor module
 * loaded with mediated PMUs, and put all of it back, however that ends. Says
 * what it does, a line each, on standard output.
 * @status: see guardian_run(), as are the errnos returned
 */
int settings_run(char **argv, int *status);

/* Put back what a run that was killed left, a line each. See
 * guardian_restore(). */
int settings_restore(void);

#endif
