/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suite on the kselftest harness. A test program includes this once.
 *
 * Verdicts are made by the contract: JUDGE() asks it and marks the case.
 * NEEDS() and MUST() are for what the suite itself requires: a need that is
 * absent skips the case, a step that must work and does not breaks it. A step
 * that a rule promises is GRANTED().
 */
#ifndef PMU_HARNESS_CASES_H
#define PMU_HARNESS_CASES_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

/* A case may wait several times, each time so long (patience_ms()). */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT ((int)(patience_ms() / 1000 * 5))

#include "../host/host.h"
#include "../host/klog.h"
#include "order.h"
#include "entered.h"
#include "../base/deadline.h"
#include "../host/limits.h"
#include "../perf/event.h"
#include "../report/report.h"

/*
 * Ask the contract about @rule. Goes on whatever the answer is. Where a case
 * asks more than once, a format and its arguments say which step this is:
 * JUDGE("M30", &s, &o, "read of counter %u", i). The comma is there so that no
 * format is empty.
 */
#define JUDGE(rule, s, o, ...) \
	case_judge(_metadata, __FILE__, __LINE__, rule, s, o, ", " __VA_ARGS__)

/* Skip with a short constant reason; the details go on a line of their own. */
#define NEEDS(condition, reason)                       \
	do {                                           \
		if (!(condition))                      \
			SKIP(return, "needs " reason); \
	} while (0)

/* A step of the suite's own, with the errno that says why it failed. */
#define MUST(call)                                                         \
	do {                                                               \
		int must_err = (call);                                     \
                                                                           \
		if (must_err) {                                            \
			report_broken("%s:%d: %s: %s", __FILE__, __LINE__, \
				      #call, strerror(must_err));          \
			_metadata->exit_code = KSFT_FAIL;                  \
			return;                                            \
		}                                                          \
	} while (0)

/* Likewise, for a condition. */
#define MUST_BE(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			report_broken("%s:%d: not so: %s", __FILE__, __LINE__, \
				      #condition);                             \
			_metadata->exit_code = KSFT_FAIL;                      \
			return;                                                \
		}                                                              \
	} while (0)

/*
 * A step that @rule promises to succeed: if @call returns an errno, that rule
 * is violated, and the case is at its end.
 */
#define GRANTED(rule, call)                                            \
	do {                                                           \
		struct observation granted = observation_unknown;      \
                                                                       \
		granted.err = (call);                                  \
		if (!granted.err)                                      \
			break;                                         \
		JUDGE(rule, &scenario_unknown, &granted, "%s", #call); \
		return;                                                \
	} while (0)

/* Its name, with fixture and variant if there are variants. */
static inline void case_name(const struct __test_metadata *_metadata,
			     char *name, size_t size)
{
	if (case_variant && *case_variant->name)
		snprintf(name, size, "%s.%s.%s", _metadata->fixture->name,
			 case_variant->name, _metadata->name);
	else
		snprintf(name, size, "%s", _metadata->name);
}

static inline void case_mark(struct __test_metadata *_metadata,
			     enum report_outcome outcome, const char *defect)
{
	switch (outcome) {
	case REPORT_PASS:
		break;
	case REPORT_KNOWN:
		if (_metadata->exit_code == KSFT_FAIL)
			break;
		_metadata->exit_code = KSFT_XFAIL;
		snprintf(_metadata->results->reason,
			 sizeof(_metadata->results->reason), "known %s",
			 defect);
		break;
	case REPORT_FAIL:
		_metadata->exit_code = KSFT_FAIL;
		break;
	}
}

__attribute__((format(printf, 7, 8))) static inline void
case_judge(struct __test_metadata *_metadata, const char *file, int line,
	   const char *rule, const struct scenario *s,
	   const struct observation *o, const char *format, ...)
{
	const struct rule *asked = contract_rule(rule);
	char defect[16], name[256], step[128];
	struct report_place place = { name, file, line, step };
	va_list args;

	if (asked && !contract_has(host_contract(), asked)) {
		report_broken("%s is no rule of the %s contract", rule,
			      contract_name(host_contract()));
		_metadata->exit_code = KSFT_FAIL;
		return;
	}
	case_name(_metadata, name, sizeof(name));
	va_start(args, format);
	vsnprintf(step, sizeof(step), format, args);
	va_end(args);
	if (!strcmp(step, ", "))
		*step = 0;
	case_mark(_metadata, report_judge(&place, rule, s, o, defect), defect);
}

/*
 * When the case began, by the clock and by its process's CPU time. Shared: the
 * end of some is the parent's to see.
 */
static struct case_times {
	uint64_t at_ns, cpu_ns;
	pid_t pid;
} * case_began;

static __attribute__((constructor)) void case_times_share(void)
{
	void *map = mmap(NULL, sizeof(*case_began), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	case_began = map;
}

/* Every fixture calls these first and last. */
static inline void case_begin(void)
{
	case_began->at_ns = now_ns();
	case_began->cpu_ns = cpu_time_ns();
	case_began->pid = getpid();
	klog_mark();
}

static inline void case_end(struct __test_metadata *_metadata)
{
	const bool own = getpid() == case_began->pid;
	char line[256], name[256], defect[16];

	report_took(now_ns() - case_began->at_ns,
		    own ? (int64_t)(cpu_time_ns() - case_began->cpu_ns)
			: NOT_KNOWN);
	klog_expected_close();
	if (!klog_complaint(line, sizeof(line)))
		return;
	case_name(_metadata, name, sizeof(name));
	case_mark(_metadata, report_complaint(name, line, defect), defect);
}

static pid_t case_program;

/*
 * The harness exits 0 when every case was skipped; that is no pass. Cases are
 * children that inherit this handler: what they exit with is theirs.
 */
static void case_nothing_ran(void)
{
	if (getpid() != case_program)
		return;
	if (ksft_get_pass_cnt() || ksft_get_fail_cnt() ||
	    ksft_get_xfail_cnt() || ksft_get_xpass_cnt() ||
	    ksft_get_error_cnt())
		return;
	fflush(stdout);
	_exit(KSFT_SKIP);
}

static inline bool case_only_lists(int argc, char **argv)
{
	return argc > 1 && (!strcmp(argv[1], "-l") || !strcmp(argv[1], "-h"));
}

/*
 * A case, and whatever it forks, must not go on where its program was killed.
 * The signal comes when the thread is gone that forked: only the main one is as
 * old as its process.
 */
static pid_t case_forking;

static void case_before_fork(void)
{
	case_forking = gettid() == getpid() ? getpid() : 0;
}

static void case_ends_with_parent(void)
{
	if (!case_forking)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != case_forking)
		_exit(KSFT_FAIL);
}

/*
 * main() of a test program that changes settings of the machine. What the
 * kernel changes by itself, because a program samples, is put back for all of
 * them.
 * @needs: a set of HOST_NEEDS_*
 * @keep:  has them put back at the end; returns 0 or an errno; may be NULL
 * Returns what kselftest expects: 0, 1, or 4 when nothing could run.
 */
static inline int case_main_keeping(int argc, char **argv, unsigned int needs,
				    int (*keep)(void))
{
	const char *missing;
	int err;

	if (case_only_lists(argc, argv))
		return test_harness_run(argc, argv);
	missing = host_missing(needs);
	if (missing) {
		ksft_print_header();
		ksft_exit_skip("%s\n", missing);
	}
	/* Before anything samples. */
	err = limits_back_at_exit();
	if (err)
		report_note("the sampling rate may be lower afterwards: %s",
			    strerror(err));
	err = keep ? keep() : 0;
	if (err == ENOENT || err == EROFS) {
		ksft_print_header();
		ksft_exit_skip("needs a writable /run\n");
	}
	if (err) {
		ksft_print_header();
		report_broken(
			"settings could not be put back later: %s",
			err == EBUSY ? "another program of the suite is at work"
				     : strerror(err));
		ksft_exit_fail();
	}
	klog_open();
	event_prepare();
	case_program = getpid();
	atexit(case_nothing_ran);
	pthread_atfork(case_before_fork, NULL, case_ends_with_parent);
	enter_all_cases(host_contract());
	order_cases();
	return test_harness_run(argc, argv);
}

/* The same of a program that changes none. */
static inline int case_main(int argc, char **argv, unsigned int needs)
{
	return case_main_keeping(argc, argv, needs, NULL);
}

#endif
