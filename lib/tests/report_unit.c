// SPDX-License-Identifier: GPL-2.0-only
/* Known defects, kernel log lines, deadlines. */
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../base/deadline.h"
#include "../base/timeline.h"
#include "../host/klog.h"
#include "../report/known.h"
#include "../report/report.h"

static void an_entry_is_parsed(void **state)
{
	struct known entry;

	(void)state;
	assert_int_equal(
		known_parse("D28 | M23.page | 7.0 | 7.3.9 | words | and more\n",
			    &entry),
		1);
	assert_string_equal(entry.id, "D28");
	assert_string_equal(entry.rule, "M23.page");
	assert_string_equal(entry.since, "7.0");
	assert_string_equal(entry.until, "7.3.9");
	assert_string_equal(entry.words, "words");
}

static void comments_are_no_entries(void **state)
{
	struct known entry;

	(void)state;
	assert_int_equal(known_parse("# D28 | a | b | c | d\n", &entry), 0);
	assert_int_equal(known_parse("  \n", &entry), 0);
	assert_int_equal(known_parse("", &entry), 0);
}

static void half_an_entry_is_bad(void **state)
{
	struct known entry;

	(void)state;
	assert_int_equal(known_parse("D28 | M23 | 7.0 | -\n", &entry), -1);
	assert_int_equal(known_parse("D28 | | 7.0 | - | words\n", &entry), -1);
	assert_int_equal(known_parse("nonsense\n", &entry), -1);
	assert_int_equal(
		known_parse("a-name-that-is-too-long | M1 | - | - | w\n",
			    &entry),
		-1);
}

/* All that are there; one that is too long is as bad as half of one. */
static void every_entry_of_the_lists_is_good(void **state)
{
	const char *paths = getenv("KNOWN_LISTS");
	glob_t lists;
	char line[512];

	(void)state;
	assert_non_null(paths);
	assert_int_equal(glob(paths, 0, NULL, &lists), 0);
	for (size_t i = 0; i < lists.gl_pathc; i++) {
		FILE *file = fopen(lists.gl_pathv[i], "re");
		struct known entry;

		assert_non_null(file);
		while (fgets(line, sizeof(line), file)) {
			if (known_parse(line, &entry) < 0)
				fail_msg("%s: %s", lists.gl_pathv[i], line);
		}
		fclose(file);
	}
	globfree(&lists);
}

static void an_entry_covers_its_kernels(void **state)
{
	struct known entry = { .since = "7.0", .until = "7.3.4" };
	struct known open = { .since = "-", .until = "-" };

	(void)state;
	assert_false(known_covers(&entry, "6.12.117"));
	assert_true(known_covers(&entry, "7.0.0"));
	assert_true(known_covers(&entry, "7.0-rc1"));
	assert_true(known_covers(&entry, "7.3.4-1-amd64"));
	assert_false(known_covers(&entry, "7.3.5"));
	assert_false(known_covers(&entry, "7.10.1"));
	assert_true(known_covers(&open, "5.4.0"));
}

static void reports_of_the_kernel_are_recognised(void **state)
{
	(void)state;
	assert_true(
		klog_is_complaint("4,9,1,-;WARNING: CPU: 1 at kernel/x.c:1"));
	assert_true(klog_is_complaint("BUG: kernel NULL pointer dereference"));
	assert_true(klog_is_complaint(
		"WARNING: possible circular locking dependency detected"));
	assert_true(klog_is_complaint(
		"rcu: INFO: rcu_preempt self-detected stall on CPU"));
	assert_false(klog_is_complaint(
		"kvm: try disabling system wide perf events"));
	assert_false(klog_is_complaint("perf: interrupt took too long"));
}

/* The lab looks at the console with the same eyes. */
static void the_lab_knows_the_same_reports(void **state)
{
	const char *path = getenv("COMPLAINTS");
	char line[128];
	int count = 0;
	FILE *file;

	(void)state;
	assert_non_null(path);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (*line == '#')
			continue;
		assert_true(klog_is_complaint(line));
		count++;
	}
	fclose(file);
	assert_int_equal(count, klog_complaints_count());
}

/* What the log gives of each backtrace: a record a read(). */
static bool is_in_a_guest(int cpu)
{
	static const char *const records[] = {
		"4,1,1,-;NMI backtrace for cpu 11 skipped: idling at x+0x1/0x2\n",
		"4,2,1,-;NMI backtrace for cpu 0\n",
		"4,3,1,-;CPU: 0 UID: 0 PID: 1 Comm: a 7.3.4\n",
		"4,4,1,-;RIP: 0010:nmi_cpu_backtrace+0x1/0x2\n SUBSYSTEM=x\n",
		"4,5,1,-;NMI backtrace for cpu 1\n",
		"4,6,1,-;RIP: 0010:vmx_do_nmi_irqoff+0x13/0x20\n",
		"4,7,1,-;NMI backtrace for cpu 2\n",
	};
	static const char *const functions[] = { "svm_vcpu_run",
						 "vmx_do_nmi_irqoff", NULL };
	int log[2];
	bool is_in;

	assert_int_equal(pipe2(log, O_DIRECT), 0);
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		assert_true(write(log[1], records[i], strlen(records[i])) > 0);
	close(log[1]);
	is_in = klog_backtrace_in(log[0], cpu, functions);
	close(log[0]);
	return is_in;
}

static void a_backtrace_tells_where_its_cpu_was(void **state)
{
	(void)state;
	assert_true(is_in_a_guest(1));
	assert_false(is_in_a_guest(0));
	assert_false(is_in_a_guest(2));
	assert_false(is_in_a_guest(11));
}

static void values_have_words(void **state)
{
	int64_t value;

	(void)state;
	assert_string_equal(value_word(FIELD_ERRNO, 16), "EBUSY");
	assert_null(value_word(FIELD_ERRNO, 12345));
	assert_string_equal(value_word(FIELD_PMU, PMU_SOFTWARE), "software");
	assert_null(value_word(FIELD_NUMBER, 1));
	assert_int_equal(value_of_word(FIELD_STATE, "active", &value), 0);
	assert_int_equal(value, STATE_ACTIVE);
	assert_int_equal(value_of_word(FIELD_STATE, "core", &value), -1);
}

static const struct report_place place = { "case", "folder/file_test.c", 7,
					   "" };

static void report_known_violation(const char *strict,
				   enum report_outcome expected)
{
	char path[] = "/tmp/known.XXXXXX", defect[16] = "";
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	fprintf(file, "D99 | M9 | - | - | keeps it\n");
	fclose(file);
	setenv("PMU_KNOWN", path, 1);
	setenv("PMU_STRICT", strict, 1);
	s.claim_tried = 1;
	s.refs = 0;
	o.claimed = 1;
	assert_int_equal(report_judge(&place, "M9", &s, &o, defect), expected);
	if (expected == REPORT_KNOWN)
		assert_string_equal(defect, "D99");
	remove(path);
}

/* The list is read once a process, so each of these needs its own. */
static void a_known_violation_is_shown_as_known(void **state)
{
	(void)state;
	report_known_violation("0", REPORT_KNOWN);
}

static void a_strict_run_knows_nothing(void **state)
{
	(void)state;
	report_known_violation("1", REPORT_FAIL);
}

static void an_unknown_rule_fails(void **state)
{
	struct observation o = observation_unknown;
	struct scenario s = scenario_unknown;
	char defect[16];

	(void)state;
	assert_int_equal(report_judge(&place, "M999", &s, &o, defect),
			 REPORT_FAIL);
}

static void waiting_ends_at_the_deadline(void **state)
{
	struct deadline deadline = deadline_after_ms(20);
	volatile uint64_t never = 0;

	(void)state;
	assert_false(wait_at_least(&never, 1, &deadline));
	assert_true(deadline_passed(&deadline));
	never = 1;
	assert_true(wait_at_least(&never, 1, &deadline));
}

static void the_newest_notes_are_kept_in_their_order(void **state)
{
	char line[128];
	size_t lines = 0;

	(void)state;
	assert_int_equal(timeline_line(0, line, sizeof(line)), -1);
	for (int i = 0; i < 100; i++)
		timeline_note(TIMELINE_READ, 5, (uint64_t)i);
	timeline_note(TIMELINE_OPEN, -16, 0);
	timeline_note(TIMELINE_INSIDE, 3, timeline_now());
	assert_int_equal(timeline_line(0, line, sizeof(line)), 0);
	assert_ptr_equal(strstr(line, "0.0 cpu"), line);
	assert_non_null(strstr(line, " read fd 5 count 38"));
	while (!timeline_line(lines, line, sizeof(line)))
		lines++;
	assert_int_equal(lines, 64);
	assert_int_equal(timeline_line(62, line, sizeof(line)), 0);
	assert_non_null(strstr(line, " open refused, errno 16"));
	assert_int_equal(timeline_line(63, line, sizeof(line)), 0);
	assert_non_null(strstr(line, " cpu3 inside since "));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_parsed),
		cmocka_unit_test(comments_are_no_entries),
		cmocka_unit_test(half_an_entry_is_bad),
		cmocka_unit_test(every_entry_of_the_lists_is_good),
		cmocka_unit_test(an_entry_covers_its_kernels),
		cmocka_unit_test(reports_of_the_kernel_are_recognised),
		cmocka_unit_test(the_lab_knows_the_same_reports),
		cmocka_unit_test(a_backtrace_tells_where_its_cpu_was),
		cmocka_unit_test(values_have_words),
		cmocka_unit_test(an_unknown_rule_fails),
		cmocka_unit_test(waiting_ends_at_the_deadline),
		cmocka_unit_test(the_newest_notes_are_kept_in_their_order),
	};
	const struct CMUnitTest known[] = {
		cmocka_unit_test(a_known_violation_is_shown_as_known),
	};
	const struct CMUnitTest strict[] = {
		cmocka_unit_test(a_strict_run_knows_nothing),
	};

	if (argc > 1 && !strcmp(argv[1], "known"))
		return cmocka_run_group_tests_name("known", known, NULL, NULL);
	if (argc > 1 && !strcmp(argv[1], "strict"))
		return cmocka_run_group_tests_name("strict", strict, NULL,
						   NULL);
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
