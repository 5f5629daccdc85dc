/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel log during one case: a kernel that complains fails the case. */
#ifndef PMU_HOST_KLOG_H
#define PMU_HOST_KLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Open the log, once, before any case forks: all of them share the position.
 * Returns 0 or an errno (EPERM without the right to read).
 */
int klog_open(void);

/* Look only at what comes from here on. */
void klog_mark(void);

/*
 * Copy the first complaint since klog_mark() into @text.
 * Returns true if there is one. Without klog_open() there is none.
 */
bool klog_complaint(char *text, size_t size);

/*
 * Between these, the case provokes a complaint that contains @text.
 * Both leave a line in the log, so that whoever reads all of it knows, too;
 * klog_expected_ends() also makes one-time warnings ready to be given again.
 * Any other complaint in between is kept for klog_complaint(). Returns whether
 * the kernel complained so (1 or 0), or NOT_KNOWN if the log cannot be read or
 * written.
 */
void klog_expected_begins(void);
int64_t klog_expected_ends(const char *text);

/* A complaint among them that contains @text was expected as well. */
void klog_expected_also(const char *text);

/* End it if the case did not come that far. */
void klog_expected_close(void);

/*
 * A descriptor of the log, at its end, which the caller closes; -1 if the log
 * cannot be read.
 */
int klog_follow(void);

/*
 * Was @cpu, asked for a backtrace since klog_follow() gave @fd, in one of
 * @functions (NULL ends them)? What it prints: lib/nmi_backtrace.c.
 */
bool klog_backtrace_in(int fd, int cpu, const char *const *functions);

/* Can the log be read at all? */
bool klog_readable(void);

/* Make warnings that are given once ready to be given again. */
void klog_warn_again(void);

/* Is this line a WARNING, BUG, Oops, lockdep or RCU report? */
bool klog_is_complaint(const char *line);

/* How many kinds of report are known. */
int klog_complaints_count(void);

#endif
