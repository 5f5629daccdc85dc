// SPDX-License-Identifier: GPL-2.0-only
/* Which events the model says an event filter stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../contract/filter.h"

#define SELECT 0x29

static bool fits_masked(uint8_t mask, uint8_t match, uint8_t unit_mask)
{
	const struct event_filter filter = {
		.denies = true,
		.masked = true,
		.count = 1,
		.entries = { { .select = SELECT,
			       .mask = mask,
			       .match = match } },
	};

	return filter_stops(&filter, SELECT, unit_mask);
}

static void a_mask_chooses_the_bits_that_match(void **state)
{
	(void)state;
	assert_true(fits_masked(0xff, 5, 5));
	assert_false(fits_masked(0xff, 5, 4));
	assert_true(fits_masked(0x04, 4, 5));
	assert_false(fits_masked(0x01, 0, 5));
	assert_true(fits_masked(0, 0, 5));
	/* No unit mask has a bit that the mask takes away. */
	assert_false(fits_masked(0, 5, 5));
}

static void without_masks_all_bits_match(void **state)
{
	(void)state;
	const struct event_filter filter = {
		.denies = true,
		.count = 1,
		.entries = { { SELECT, .match = 5 } },
	};

	assert_true(filter_stops(&filter, SELECT, 5));
	assert_false(filter_stops(&filter, SELECT, 4));
	assert_false(filter_stops(&filter, SELECT + 1, 5));
}

static void an_exclusion_takes_out_what_was_included(void **state)
{
	(void)state;
	const struct event_filter filter = {
		.denies = true,
		.masked = true,
		.count = 2,
		.entries = { { .select = SELECT,
			       .mask = 0xff,
			       .match = 5,
			       .exclude = true },
			     { .select = SELECT } },
	};

	assert_false(filter_stops(&filter, SELECT, 5));
	assert_true(filter_stops(&filter, SELECT, 4));
	/* It includes nothing by itself. */
	assert_false(filter_stops(
		&(struct event_filter){
			.denies = true,
			.masked = true,
			.count = 1,
			.entries = { { SELECT, 0, 0, .exclude = true } } },
		SELECT, 4));
}

static void what_is_impossible_fits_nothing(void **state)
{
	(void)state;
	const struct event_filter filter = {
		.denies = true,
		.count = 1,
		.entries = { { SELECT, .match = 5, .impossible = true } },
	};

	assert_false(filter_stops(&filter, SELECT, 5));
}

static void one_that_allows_stops_the_rest(void **state)
{
	(void)state;
	const struct event_filter filter = {
		.count = 1,
		.entries = { { SELECT, .match = 5 } },
	};
	const struct event_filter empty = { .denies = false };
	const struct event_filter denies = { .denies = true };

	assert_false(filter_stops(&filter, SELECT, 5));
	assert_true(filter_stops(&filter, SELECT, 4));
	assert_true(filter_stops(&empty, SELECT, 5));
	assert_false(filter_stops(&denies, SELECT, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mask_chooses_the_bits_that_match),
		cmocka_unit_test(without_masks_all_bits_match),
		cmocka_unit_test(an_exclusion_takes_out_what_was_included),
		cmocka_unit_test(what_is_impossible_fits_nothing),
		cmocka_unit_test(one_that_allows_stops_the_rest),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
