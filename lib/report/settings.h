/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings of a machine that keep the suite from running or make it see less,
 * and their change for the time of a run (probe --fix).
 */
#ifndef PMU_REPORT_SETTINGS_H
#define PMU_REPORT_SETTINGS_H

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
 * Change every setting that differs and load KVM's vendor module with mediated
 * PMUs, under a guardian that puts all of it back. Says what it does, a line
 * each, on standard output.
 * Returns 0 or an errno: EBUSY if another program is at it.
 */
int settings_change(void);

/* Put all of it back, a line each. */
void settings_put_back(void);

/* Put back what a run that was killed left, a line each. See guardian_restore(). */
int settings_restore(void);

#endif
