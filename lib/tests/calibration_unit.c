// SPDX-License-Identifier: GPL-2.0-only
/* What is known of processors, and what was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/contract.h"
#include "../perf/calibration.h"

static struct calibration measured(int64_t instructions, int64_t branches)
{
	struct calibration calibration = calibration_unknown;

	calibration.entry_instructions = instructions;
	calibration.entry_branches = branches;
	return calibration;
}

static bool fits(bool amd, unsigned int family, unsigned int model,
		 int64_t instructions, int64_t branches)
{
	struct calibration calibration = measured(instructions, branches);

	return calibration_fits(&calibration,
				processor_find(amd, family, model));
}

static void amd_counts_vmrun_in_the_guest(void **state)
{
	static const unsigned int families[] = { 0x17, 0x19, 0x1a };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(fits(true, families[i], 0x11, 1, 1));
		assert_false(fits(true, families[i], 0x11, 0, 0));
		assert_false(fits(true, families[i], 0x11, -1, -1));
		assert_false(fits(true, families[i], 0x11, 1, 0));
		assert_false(fits(true, families[i], 0x11, 2, 2));
	}
}

static void atoms_count_too_many(void **state)
{
	static const unsigned int models[] = { 0x4d, 0x5f, 0x86, 0xaf };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(fits(false, 6, models[i], 1, 1));
		assert_true(fits(false, 6, models[i], 2, 2));
		/* After an interrupt perhaps not. */
		assert_true(fits(false, 6, models[i], 0, 0));
		assert_false(fits(false, 6, models[i], -1, 0));
		assert_false(fits(false, 6, models[i], 0, -1));
	}
	/* Instructions only. */
	assert_true(fits(false, 6, 0xdd, 2, 0));
	assert_false(fits(false, 6, 0xdd, 2, 2));
}

static void big_cores_count_none(void **state)
{
	static const unsigned int models[] = { 0x55, 0x6a, 0x6c, 0x8f,
					       0xcf, 0xad, 0xae };

	(void)state;
	for (unsigned int i = 0; i < 7; i++) {
		assert_true(fits(false, 6, models[i], 0, 0));
		assert_false(fits(false, 6, models[i], 1, 1));
	}
}

static void of_others_the_measurement_is_taken(void **state)
{
	(void)state;
	assert_null(processor_find(false, 6, 0xff));
	/* Zen 6, whatever it will be. */
	assert_null(processor_find(true, 0x1a, 0x50));
	assert_null(processor_find(true, 0x1a, 0x80));
	assert_null(processor_find(true, 0x18, 0));
	assert_null(processor_find(false, 0x19, 0x11));
	assert_true(fits(false, 6, 0xff, 3, 0));
}

static void what_was_not_measured_speaks_against_nothing(void **state)
{
	(void)state;
	assert_true(fits(true, 0x19, 0x11, NOT_KNOWN, NOT_KNOWN));
}

static void two_measurements_agree_or_contradict(void **state)
{
	static const struct {
		int64_t added[2], entries[2], each;
		int err;
	} seen[] = {
		{ { 10, 31 }, { 10, 31 }, 1, 0 },
		{ { 0, 0 }, { 10, 31 }, 0, 0 },
		{ { 22, 62 }, { 11, 31 }, 2, 0 },
		{ { -10, -31 }, { 10, 31 }, -1, 0 },
		/* One entry of the second did not count, or counted twice. */
		{ { 10, 30 }, { 10, 31 }, 0, EDOM },
		{ { 10, 32 }, { 10, 31 }, 0, EDOM },
		/* Whole numbers, but not the same. */
		{ { 10, 62 }, { 10, 31 }, 0, EDOM },
		{ { 10, 10 }, { 10, 0 }, 0, EDOM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		int64_t each = NOT_KNOWN;

		assert_int_equal(calibration_of_entries(seen[i].added,
							seen[i].entries, &each),
				 seen[i].err);
		assert_int_equal(each, seen[i].err ? NOT_KNOWN : seen[i].each);
	}
}

static void zen_5_counts_some_page_faults(void **state)
{
	(void)state;
	assert_true(processor_find(true, 0x1a, 0x02)->faults_vary);
	assert_true(processor_find(true, 0x1a, 0x44)->faults_vary);
	assert_false(processor_find(true, 0x19, 0x11)->faults_vary);
}

/* Each says what it is and who says so, and no other one says it too. */
static void the_table_is_whole(void **state)
{
	const struct processor *p;

	(void)state;
	for (size_t i = 0; (p = processor_at(i)); i++) {
		assert_true(strlen(p->words) && strlen(p->source));
		assert_true(p->first <= p->last);
		assert_ptr_equal(processor_find(p->amd, p->family, p->first),
				 p);
		assert_ptr_equal(processor_find(p->amd, p->family, p->last), p);
	}
}

static void values_go_out_and_come_back(void **state)
{
	struct calibration in = calibration_unknown, out;
	char text[512];

	(void)state;
	in.entry_instructions = 1;
	in.overflow_late = 240;
	in.exact = 0;
	assert_int_equal(calibration_write(&in, text, sizeof(text)), 0);
	assert_string_equal(text,
			    "entry_instructions=1,overflow_late=240,exact=0");
	assert_int_equal(calibration_read(text, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(calibration_write(&in, text, 10), E2BIG);
	assert_int_equal(calibration_read("", &out), 0);
	assert_memory_equal(&out, &calibration_unknown, sizeof(out));
}

static void bad_values_are_refused(void **state)
{
	static const char *const bad[] = {
		"entry=1",
		"entry_instructions",
		"entry_instructions=",
		"entry_instructions=one",
		"entry_instructions=1 ",
		"entry_instructions=1,,exact=1",
		"entry_instructions=99999999999999999999",
	};
	struct calibration out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(calibration_read(bad[i], &out), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amd_counts_vmrun_in_the_guest),
		cmocka_unit_test(atoms_count_too_many),
		cmocka_unit_test(big_cores_count_none),
		cmocka_unit_test(of_others_the_measurement_is_taken),
		cmocka_unit_test(what_was_not_measured_speaks_against_nothing),
		cmocka_unit_test(two_measurements_agree_or_contradict),
		cmocka_unit_test(zen_5_counts_some_page_faults),
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(values_go_out_and_come_back),
		cmocka_unit_test(bad_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
