// SPDX-License-Identifier: GPL-2.0-only
/* The model of a whole history: what it expects of histories whose end is
 * known. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../contract/world.h"

static struct question questions[QUESTIONS_MAX];

static struct act act_on(enum act_kind kind, int slot)
{
	return (struct act){ .kind = kind, .slot = slot, .leader = NO_LEADER };
}

static void tell(struct world *w, enum act_kind kind, int slot)
{
	const struct act act = act_on(kind, slot);
	const struct answer done = { 0 };

	assert_true(world_possible(w, &act));
	world_answered(w, &act, &done, questions);
}

static int try_open(struct world *w, int slot, enum act_target target,
		    unsigned int flags, int64_t err)
{
	struct act act = act_on(ACT_open, slot);
	const struct answer answer = { .err = err };

	act.target = target;
	act.flags = flags;
	assert_true(world_possible(w, &act));
	return world_answered(w, &act, &answer, questions);
}

static enum verdict verdict_of(const struct question *q)
{
	return contract_judge(contract_rule(q->id), &q->s, &q->o).verdict;
}

/* The first verdict that is not "conforms", or that. */
static enum verdict look(struct world *w, int slot, bool eof, int64_t count)
{
	const struct sight sight = { eof, count, 1000 + count, 1000 + count };
	int asked = world_looked(w, slot, &sight, questions);

	for (int i = 0; i < asked; i++) {
		if (verdict_of(&questions[i]) != CONFORMS)
			return verdict_of(&questions[i]);
	}
	return CONFORMS;
}

static void test_work_is_counted_once(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK), CONFORMS);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK), VIOLATES);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 3 * ACT_WORK), VIOLATES);
	tell(&w, ACT_disable, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 3 * ACT_WORK), CONFORMS);
}

static void test_entry_puts_into_error_under_the_rfc(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_CPU1, 0, 0);
	try_open(&w, 1, ON_CPU0, 0, 0);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, true, 0), CONFORMS);
	assert_int_equal(look(&w, 0, false, 0), VIOLATES);
	assert_int_equal(look(&w, 1, true, 0), VIOLATES);
	tell(&w, ACT_enable, 0);
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
}

static void test_nothing_goes_to_error_under_mediated(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_MEDIATED, true);
	try_open(&w, 0, ON_CPU1, ACT_EXCLUDE_GUEST, 0);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, true, 0), VIOLATES);
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
}

/* Nothing is refused, and what includes the guest counts what that does. */
static void test_an_emulated_pmu_is_shared(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_EMULATED, true);
	assert_int_equal(try_open(&w, 0, ON_CPU1, 0, 0), 0);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_stay, 0);
	assert_int_equal(try_open(&w, 1, ON_CPU1, 0, 0), 1);
	assert_int_equal(verdict_of(questions), CONFORMS);
	assert_int_equal(try_open(&w, 2, ON_CPU1, ACT_EXCLUDE_GUEST, EBUSY), 1);
	assert_int_equal(verdict_of(questions), VIOLATES);
	assert_int_equal(try_open(&w, 2, ON_CPU1, ACT_EXCLUDE_GUEST, 0), 1);
	tell(&w, ACT_leave, 0);
	assert_int_equal(look(&w, 0, false, 1000000), CONFORMS);
	assert_int_equal(look(&w, 1, true, 0), VIOLATES);
	assert_int_equal(look(&w, 2, false, 1000000), VIOLATES);
}

static void test_opens_are_judged_by_claims(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_MEDIATED, true);
	tell(&w, ACT_create, 0);
	assert_int_equal(try_open(&w, 0, ON_SELF, 0, EOPNOTSUPP), 1);
	assert_int_equal(verdict_of(questions), CONFORMS);
	assert_int_equal(try_open(&w, 0, ON_SELF, 0, EBUSY), 1);
	assert_int_equal(verdict_of(questions), VIOLATES);
	assert_int_equal(try_open(&w, 0, ON_SELF, 0, 0), 1);
	assert_int_equal(verdict_of(questions), VIOLATES);
	tell(&w, ACT_kill, 0);
	assert_int_equal(try_open(&w, 1, ON_SELF, 0, 0), 1);
	assert_int_equal(verdict_of(questions), CONFORMS);
}

/* Beside a guest that stays, the RFC may say either; the look decides. */
static void test_what_the_kernel_may_choose_is_followed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_stay, 0);
	try_open(&w, 0, ON_CPU1, 0, EBUSY);
	assert_int_equal(verdict_of(questions), CONFORMS);
	try_open(&w, 0, ON_CPU1, 0, 0);
	assert_int_equal(verdict_of(questions), CONFORMS);
	try_open(&w, 1, ON_CPU0, 0, EBUSY);
	assert_int_equal(verdict_of(questions), VIOLATES);
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
	assert_int_equal(look(&w, 0, true, 0), CONFORMS);
	assert_int_equal(look(&w, 0, false, 0), VIOLATES);
}

static void test_a_group_has_one_fate(void **state)
{
	struct act sibling = act_on(ACT_open, 1);
	const struct answer done = { 0 };
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_VCPU, ACT_EXCLUDE_GUEST, 0);
	sibling.target = ON_VCPU;
	sibling.leader = 0;
	world_answered(&w, &sibling, &done, questions);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, true, 0), CONFORMS);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
}

static void open_sibling(struct world *w, int slot, int leader,
			 enum act_target target, unsigned int flags)
{
	struct act act = act_on(ACT_open, slot);
	const struct answer done = { 0 };

	act.target = target;
	act.leader = leader;
	act.flags = flags;
	assert_true(world_possible(w, &act));
	world_answered(w, &act, &done, questions);
}

static bool possible(const struct world *w, enum act_kind kind, int slot)
{
	const struct act act = act_on(kind, slot);

	return world_possible(w, &act);
}

static void test_a_refresh_lasts_one_piece_of_work(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_MEDIATED, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_DISABLED | ACT_SAMPLES,
		 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_refresh, 0);
	/* It may be off already: nobody knows what comes of these. */
	assert_false(possible(&w, ACT_enable, 0));
	assert_false(possible(&w, ACT_disable_group, 1));
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_PERIOD), CONFORMS);
	assert_int_equal(look(&w, 1, false, ACT_PERIOD), CONFORMS);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 1, false, ACT_PERIOD + ACT_WORK), VIOLATES);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_PERIOD + ACT_WORK), VIOLATES);
}

static void test_an_ioctl_reaches_the_whole_group(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_DISABLED, 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_DISABLED);
	tell(&w, ACT_enable_group, 1);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK), CONFORMS);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
	tell(&w, ACT_disable_group, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 2 * ACT_WORK), VIOLATES);
}

/* Siblings of a leader that counted go on; what was off may wait. */
static void test_siblings_outlive_their_leader(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST, 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_close, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_DISABLED, 0);
	open_sibling(&w, 2, 0, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_close, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 2, false, 0), CONFORMS);
}

static void test_a_throttled_group_may_stand_still(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST, 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_THROTTLED);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK / 2), CONFORMS);
	tell(&w, ACT_close, 1);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK / 2), CONFORMS);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 3 * ACT_WORK), VIOLATES);
}

/* What an event of a CPU counted stays; it never counts again. */
static void test_an_event_does_not_come_back_with_its_cpu(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_MEDIATED, true);
	try_open(&w, 0, ON_CPU1, ACT_EXCLUDE_GUEST, 0);
	open_sibling(&w, 1, 0, ON_CPU1, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_hotplug, 0);
	tell(&w, ACT_enable_group, 0);
	tell(&w, ACT_move, 1);
	assert_false(possible(&w, ACT_hotplug, 0));
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
	assert_int_equal(look(&w, 1, true, 0), VIOLATES);
	assert_int_equal(look(&w, 1, false, 0), CONFORMS);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
	assert_int_equal(look(&w, 1, false, ACT_WORK), VIOLATES);
}

static void test_a_cgroup_that_was_removed_has_no_tasks(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	tell(&w, ACT_cgroup, 1);
	try_open(&w, 0, ON_CGROUP0, ACT_EXCLUDE_GUEST, 0);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, ACT_WORK), CONFORMS);
	tell(&w, ACT_remake, 0);
	tell(&w, ACT_cgroup, 1);
	assert_int_equal(look(&w, 0, false, ACT_WORK), CONFORMS);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 2 * ACT_WORK), VIOLATES);
}

static void test_exec_removes_what_asks_for_it(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_INHERIT, 0);
	try_open(&w, 1, ON_SELF,
		 ACT_EXCLUDE_GUEST | ACT_INHERIT | ACT_REMOVE_ON_EXEC, 0);
	tell(&w, ACT_exec, 0);
	assert_int_equal(look(&w, 0, false, 10 * ACT_SLACK), CONFORMS);
	assert_int_equal(look(&w, 1, false, 10 * ACT_SLACK), VIOLATES);
	/* A sibling is free of its leader in there, if the child has it at all.
	 */
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF,
		 ACT_EXCLUDE_GUEST | ACT_INHERIT | ACT_DISABLED |
			 ACT_REMOVE_ON_EXEC,
		 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_INHERIT);
	try_open(&w, 2, ON_SELF, ACT_EXCLUDE_GUEST | ACT_REMOVE_ON_EXEC, 0);
	open_sibling(&w, 3, 2, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_exec, 0);
	assert_int_equal(look(&w, 1, false, 10 * ACT_SLACK), CONFORMS);
	assert_int_equal(look(&w, 3, false, 10 * ACT_SLACK), VIOLATES);
}

/* D42: the child may have had the counter that its parent counted with. */
static void test_what_exec_removes_may_be_the_parents(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF,
		 ACT_EXCLUDE_GUEST | ACT_INHERIT | ACT_REMOVE_ON_EXEC, 0);
	try_open(&w, 1, ON_SELF, ACT_EXCLUDE_GUEST | ACT_INHERIT, 0);
	try_open(&w, 2, ON_SELF, ACT_EXCLUDE_GUEST | ACT_REMOVE_ON_EXEC, 0);
	tell(&w, ACT_work, 0);
	tell(&w, ACT_exec, 0);
	assert_int_equal(look(&w, 0, false, 0), CONFORMS);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
	assert_int_equal(look(&w, 2, false, 0), VIOLATES);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 0, false, 0), VIOLATES);
}

/* The context of a PMU that has counters, once there, is not left again. */
static void test_a_group_moves_to_the_pmu_once(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_SOFTWARE, 0);
	tell(&w, ACT_disable, 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, ACT_EXCLUDE_GUEST, 0);
	open_sibling(&w, 1, 0, ON_SELF, ACT_EXCLUDE_GUEST | ACT_SOFTWARE);
	tell(&w, ACT_close, 0);
	tell(&w, ACT_disable, 1);
	open_sibling(&w, 2, 1, ON_SELF, ACT_EXCLUDE_GUEST);
	tell(&w, ACT_work, 0);
	assert_int_equal(look(&w, 2, false, 0), CONFORMS);
	assert_int_equal(look(&w, 2, false, ACT_WORK), VIOLATES);
}

/* An ioctl of a group may reach all of it then, or one. */
static void test_exec_may_tear_a_group(void **state)
{
	const unsigned int inherited = ACT_EXCLUDE_GUEST | ACT_INHERIT;
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_SELF, inherited | ACT_REMOVE_ON_EXEC, 0);
	open_sibling(&w, 1, 0, ON_SELF, inherited);
	try_open(&w, 2, ON_SELF, inherited, 0);
	assert_true(possible(&w, ACT_disable_group, 1));
	tell(&w, ACT_exec, 0);
	assert_false(possible(&w, ACT_disable_group, 1));
	assert_false(possible(&w, ACT_reset_group, 0));
	assert_true(possible(&w, ACT_disable_group, 2));
	assert_true(possible(&w, ACT_disable, 1));
}

/* Nor is it left when the last event that counts is closed. */
static void test_software_left_behind_goes_to_error(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	tell(&w, ACT_create, 0);
	try_open(&w, 0, ON_VCPU, ACT_SOFTWARE, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, true, 0), VIOLATES);
	open_sibling(&w, 1, 0, ON_VCPU, 0);
	tell(&w, ACT_close, 1);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, false, 0), VIOLATES);
	assert_int_equal(look(&w, 0, true, 0), CONFORMS);
}

/* Between one member and the next the guest may take the leader off again. */
static void test_a_group_is_enabled_one_by_one(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_CPU1, ACT_EXCLUDE_GUEST, 0);
	open_sibling(&w, 1, 0, ON_CPU1, 0);
	tell(&w, ACT_create, 0);
	tell(&w, ACT_create, 1);
	tell(&w, ACT_enter, 0);
	tell(&w, ACT_enable_group, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
	tell(&w, ACT_stay, 1);
	tell(&w, ACT_enable_group, 0);
	tell(&w, ACT_enter, 0);
	assert_int_equal(look(&w, 0, false, 0), VIOLATES);
	assert_int_equal(look(&w, 1, false, 0), CONFORMS);
	/* Once a look has found it in ERROR, it must stay so. */
	assert_int_equal(look(&w, 1, true, 0), CONFORMS);
	assert_int_equal(look(&w, 1, false, 0), VIOLATES);
}

/* D50 */
static void test_no_task_starts_the_context_of_a_cpu(void **state)
{
	struct act of_task = act_on(ACT_open, 2);
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_EMULATED, true);
	try_open(&w, 0, ON_CPU0, ACT_DISABLED, 0);
	assert_true(world_possible(&w, &of_task));
	world_begin(&w, CONTRACT_EMULATED, true);
	try_open(&w, 0, ON_CGROUP0, 0, 0);
	assert_true(world_possible(&w, &of_task));
	try_open(&w, 1, ON_CPU0, ACT_DISABLED, 0);
	assert_false(world_possible(&w, &of_task));
}

/* D50, too. */
static void test_no_cgroup_is_enabled_where_a_task_would_start_it(void **state)
{
	const struct act enable = act_on(ACT_enable, 0);
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_RFC, true);
	try_open(&w, 0, ON_CGROUP1, 0, 0);
	tell(&w, ACT_disable, 0);
	assert_true(world_possible(&w, &enable));
	try_open(&w, 1, ON_SELF, ACT_SOFTWARE, 0);
	assert_false(world_possible(&w, &enable));
	/* Where the context was started it may. */
	tell(&w, ACT_close, 1);
	try_open(&w, 2, ON_CPU1, 0, 0);
	try_open(&w, 1, ON_SELF, ACT_SOFTWARE, 0);
	assert_true(world_possible(&w, &enable));
}

/* D36: what is in the context stays when the cgroup's event goes. */
static void test_no_guest_enters_a_context_that_was_not_started(void **state)
{
	const struct act enter = act_on(ACT_enter, 0);
	struct world w;

	(void)state;
	world_begin(&w, CONTRACT_MEDIATED, true);
	try_open(&w, 0, ON_CGROUP1, ACT_EXCLUDE_GUEST, 0);
	tell(&w, ACT_create, 0);
	try_open(&w, 1, ON_CPU1, ACT_EXCLUDE_GUEST | ACT_DISABLED, 0);
	assert_false(world_possible(&w, &enter));
	tell(&w, ACT_close, 0);
	assert_false(world_possible(&w, &enter));
	tell(&w, ACT_close, 1);
	assert_true(world_possible(&w, &enter));
	/* Alone, it starts the context. */
	try_open(&w, 1, ON_CPU1, ACT_EXCLUDE_GUEST | ACT_DISABLED, 0);
	assert_true(world_possible(&w, &enter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work_is_counted_once),
		cmocka_unit_test(test_entry_puts_into_error_under_the_rfc),
		cmocka_unit_test(test_nothing_goes_to_error_under_mediated),
		cmocka_unit_test(test_an_emulated_pmu_is_shared),
		cmocka_unit_test(test_opens_are_judged_by_claims),
		cmocka_unit_test(test_what_the_kernel_may_choose_is_followed),
		cmocka_unit_test(test_a_group_has_one_fate),
		cmocka_unit_test(test_a_refresh_lasts_one_piece_of_work),
		cmocka_unit_test(test_an_ioctl_reaches_the_whole_group),
		cmocka_unit_test(test_siblings_outlive_their_leader),
		cmocka_unit_test(test_a_throttled_group_may_stand_still),
		cmocka_unit_test(test_an_event_does_not_come_back_with_its_cpu),
		cmocka_unit_test(test_a_cgroup_that_was_removed_has_no_tasks),
		cmocka_unit_test(test_exec_removes_what_asks_for_it),
		cmocka_unit_test(test_what_exec_removes_may_be_the_parents),
		cmocka_unit_test(test_a_group_moves_to_the_pmu_once),
		cmocka_unit_test(test_exec_may_tear_a_group),
		cmocka_unit_test(test_software_left_behind_goes_to_error),
		cmocka_unit_test(test_a_group_is_enabled_one_by_one),
		cmocka_unit_test(test_no_task_starts_the_context_of_a_cpu),
		cmocka_unit_test(
			test_no_cgroup_is_enabled_where_a_task_would_start_it),
		cmocka_unit_test(
			test_no_guest_enters_a_context_that_was_not_started),
	};

	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
