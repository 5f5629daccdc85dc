/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Known kernel defects, from the file that PMU_KNOWN names, or the list of the
 * spoken contract in the folder known beside the program. One entry a line,
 * fields separated by '|':
 *
 *   D28 | M23.page | 7.0 | - | what the kernel does instead
 *
 * that is: defect, rule, first and last kernel that has it ('-' for open), and
 * words. '#' starts a comment. With PMU_STRICT=1 no defect is known.
 */
#ifndef PMU_REPORT_KNOWN_H
#define PMU_REPORT_KNOWN_H

struct known {
	char id[16];
	char rule[32];
	char since[16];
	char until[16];
	char words[256];
};

/* The entry for a rule that covers the running kernel, or NULL. */
const struct known *known_find(const char *rule);

/* What is wrong with the list, after known_find(), or NULL. */
const char *known_complaint(void);

/*
 * Parse one line.
 * Returns 1 for an entry, 0 for a blank or comment line, -1 for a bad line.
 */
int known_parse(const char *line, struct known *entry);

/* Does @release (as in uname) lie between the entry's kernels? */
int known_covers(const struct known *entry, const char *release);

#endif
