// SPDX-License-Identifier: GPL-2.0-only
/* Which registers a guest left as they were not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../host/registers.h"

#define CONTROL 0xc0000301
#define STATUS 0xc0000300

static struct host_registers holding(uint64_t control, uint64_t status)
{
	return (struct host_registers){ .count = 2,
					.counters_on = 1,
					.msr = { CONTROL, STATUS },
					.value = { control, status } };
}

static int left(struct host_registers then, struct host_registers now)
{
	return host_registers_left(&then, &now);
}

static void what_differs_is_left(void **state)
{
	(void)state;
	assert_int_equal(left(holding(1, 0), holding(1, 0)), 0);
	assert_int_equal(left(holding(1, 0), holding(3, 0)), 1);
	assert_int_equal(left(holding(3, 0), holding(1, 0)), 1);
	assert_int_equal(left(holding(1, 0), holding(1, 2)), 1);
}

static void an_overflow_is_seen_in_the_status_alone(void **state)
{
	struct host_registers none = holding(3, 0), one = holding(0, 4);

	(void)state;
	assert_false(host_registers_overflowed(&none));
	assert_true(host_registers_overflowed(&one));
}

static void what_is_gone_or_counts_more_is_left(void **state)
{
	struct host_registers now = holding(1, 0);

	(void)state;
	now.count = 1;
	assert_int_equal(left(holding(1, 0), now), 1);
	now = holding(1, 0);
	now.counters_on = 2;
	assert_int_equal(left(holding(1, 0), now), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_left),
		cmocka_unit_test(an_overflow_is_seen_in_the_status_alone),
		cmocka_unit_test(what_is_gone_or_counts_more_is_left),
	};

	return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
