// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model against stored observations: each one in good/ must conform, each
 * one in bad/ must violate, and no rule may be without either.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stored.h"

#define RULES_MAX 256

static bool in_good[RULES_MAX], in_bad[RULES_MAX];

static size_t rule_index(const struct rule *rule)
{
	size_t index = 0;

	while (contract_rule_at(index) != rule)
		index++;
	return index;
}

/* Who promises a control of @rule is a rule, wherever that is asked. */
static void check_controls(const struct rule *rule, const struct scenario *s)
{
	struct demands d = { .count = 0 };

	rule->expect(s, &d);
	for (int i = 0; i < d.count; i++) {
		const struct rule *by;

		if (!d.of[i].promised_by)
			continue;
		by = contract_rule(d.of[i].promised_by);
		if (!by || (rule->promised & ~by->promised))
			fail_msg("%s has a control of %s", rule->id,
				 d.of[i].promised_by);
	}
}

static void check_file(const char *name, enum verdict expected, bool *seen)
{
	const char *dir = getenv("STORED_DIR");
	struct stored stored;
	char path[4096];
	int got, line = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s cannot be read", path);
	while ((got = stored_next(file, &stored, &line)) > 0) {
		const struct rule *rule = contract_rule(stored.rule);
		struct finding finding;

		if (!rule)
			fail_msg("%s:%d: no rule %s", path, line, stored.rule);
		finding = contract_judge(rule, &stored.scenario,
					 &stored.observation);
		if (finding.verdict != expected)
			fail_msg("%s:%d: %s %s", path, line, stored.rule,
				 verdict_name(finding.verdict));
		if (finding.about != rule)
			fail_msg("%s:%d: says it of %s", path, line,
				 finding.about->id);
		check_controls(rule, &stored.scenario);
		seen[rule_index(rule)] = true;
	}
	if (got < 0)
		fail_msg("%s:%d: makes no sense", path, line);
	fclose(file);
}

static void good_observations_conform(void **state)
{
	(void)state;
	check_file("good/mediated.obs", CONFORMS, in_good);
	check_file("good/guest.obs", CONFORMS, in_good);
	check_file("good/emulated.obs", CONFORMS, in_good);
	check_file("good/rfc.obs", CONFORMS, in_good);
	check_file("good/defects.obs", CONFORMS, in_good);
}

static void bad_observations_violate(void **state)
{
	(void)state;
	check_file("bad/mediated.obs", VIOLATES, in_bad);
	check_file("bad/guest.obs", VIOLATES, in_bad);
	check_file("bad/emulated.obs", VIOLATES, in_bad);
	check_file("bad/rfc.obs", VIOLATES, in_bad);
	check_file("bad/defects.obs", VIOLATES, in_bad);
}

static void every_rule_is_tried_both_ways(void **state)
{
	const struct rule *rule;

	(void)state;
	for (size_t i = 0; (rule = contract_rule_at(i)); i++) {
		assert_true(i < RULES_MAX);
		if (!in_good[i] || !in_bad[i])
			fail_msg("%s has no %s observation", rule->id,
				 in_good[i] ? "bad" : "good");
	}
}

static void a_failed_control_is_broken_not_violated(void **state)
{
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;

	(void)state;
	s.pmu = PMU_CORE;
	s.exclude_guest = 1;
	s.guest_iterations = 100;
	o.counted_before = 0;
	o.counted_inside = 5;
	o.eof = 0;
	o.counted_after = 1;
	assert_int_equal(contract_judge(contract_rule("M21"), &s, &o).verdict,
			 BROKEN);
}

static void a_failed_control_violates_the_rule_that_promises_it(void **state)
{
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;
	struct finding finding;

	(void)state;
	s.filtered = 1;
	s.guest_work = 2000;
	s.guest_entries = 0;
	o.guest_counted = 5;
	o.mismatches = 0;
	o.vector = 0;
	o.guest_control = 0;
	finding = contract_judge(contract_rule("M32"), &s, &o);
	assert_int_equal(finding.verdict, VIOLATES);
	assert_ptr_equal(finding.about, contract_rule("M41"));
	assert_string_equal(finding.missed.field, "guest_control");
	o.guest_control = 2000;
	finding = contract_judge(contract_rule("M32"), &s, &o);
	assert_int_equal(finding.verdict, VIOLATES);
	assert_ptr_equal(finding.about, contract_rule("M32"));
	o.guest_counted = 0;
	finding = contract_judge(contract_rule("M32"), &s, &o);
	assert_int_equal(finding.verdict, CONFORMS);
	assert_ptr_equal(finding.about, contract_rule("M32"));
}

static void what_was_not_measured_is_undecided(void **state)
{
	const struct rule *rule;

	(void)state;
	for (size_t i = 0; (rule = contract_rule_at(i)); i++) {
		struct finding finding = contract_judge(rule, &scenario_unknown,
							&observation_unknown);

		assert_int_equal(finding.verdict, UNDECIDED);
	}
}

static void a_violation_outranks_what_was_not_measured(void **state)
{
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;

	(void)state;
	s.irqchip = 0;
	o.err = 1;
	assert_int_equal(contract_judge(contract_rule("M4"), &s, &o).verdict,
			 VIOLATES);
}

static void no_two_rules_have_the_same_number(void **state)
{
	const struct rule *rule;

	(void)state;
	for (size_t i = 0; (rule = contract_rule_at(i)); i++)
		assert_ptr_equal(contract_rule(rule->id), rule);
}

static void contracts_have_names(void **state)
{
	(void)state;
	assert_int_equal(contract_named("rfc"), CONTRACT_RFC);
	assert_int_equal(contract_named("rfc-as-posted"),
			 CONTRACT_RFC_AS_POSTED);
	assert_int_equal(contract_named("mediated"), CONTRACT_MEDIATED);
	assert_int_equal(contract_named("emulated"), CONTRACT_EMULATED);
	assert_int_equal(contract_named("passthrough"), CONTRACT_NONE);
	assert_int_equal(contract_named(""), CONTRACT_NONE);
	assert_string_equal(contract_name(CONTRACT_RFC), "rfc");
}

static void what_a_case_forgets_to_state_is_named(void **state)
{
	struct observation o = observation_unknown;
	struct scenario s = scenario_unknown;
	const struct rule *rule = contract_rule("M21");
	struct finding finding = contract_judge(rule, &s, &o);

	(void)state;
	assert_int_equal(finding.verdict, UNDECIDED);
	assert_string_equal(finding.missing, "s->guest_iterations > 0");
	s.guest_iterations = 1;
	s.pmu = PMU_CORE;
	finding = contract_judge(rule, &s, &o);
	assert_int_equal(finding.verdict, UNDECIDED);
	assert_string_equal(finding.missing, "s->exclude_guest == 1");
	/* Then it is the observation that leaves something open. */
	s.exclude_guest = 1;
	finding = contract_judge(rule, &s, &o);
	assert_int_equal(finding.verdict, UNDECIDED);
	assert_null(finding.missing);
	assert_string_equal(finding.missed.field, "counted_before");
}

/* A clock that takes the guest in passes where the guest was in too briefly. */
static void the_time_of_the_guest_must_show(void **state)
{
	struct observation o = observation_unknown;
	struct scenario s = scenario_unknown;
	const struct rule *rule = contract_rule("D5");
	struct finding finding;

	(void)state;
	s.guest_min_ns = 2000000;
	s.wall_max_ns = 10000000;
	s.present_ns = 8000000;
	o.counted_before = 1;
	o.running_ns = 8000000;
	finding = contract_judge(rule, &s, &o);
	assert_int_equal(finding.verdict, UNDECIDED);
	assert_string_equal(finding.missing,
			    "s->guest_min_ns > s->wall_max_ns - s->present_ns");
	o.running_ns = ++s.present_ns;
	assert_int_equal(contract_judge(rule, &s, &o).verdict, VIOLATES);
	o.running_ns--;
	assert_int_equal(contract_judge(rule, &s, &o).verdict, CONFORMS);
}

static void rules_come_in_the_order_of_their_numbers(void **state)
{
	static const char *const first[] = { "M1", "M2", "M3" };

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++)
		assert_string_equal(contract_rule_at(i)->id, first[i]);
	assert_true(rule_index(contract_rule("M9")) <
		    rule_index(contract_rule("M10")));
	assert_true(rule_index(contract_rule("M23")) <
		    rule_index(contract_rule("M23.page")));
	assert_true(rule_index(contract_rule("M58")) <
		    rule_index(contract_rule("R1")));
	assert_true(rule_index(contract_rule("R31")) <
		    rule_index(contract_rule("E1")));
	assert_true(rule_index(contract_rule("E12")) <
		    rule_index(contract_rule("D1")));
}

static void a_kernel_promises_the_rules_of_its_contract(void **state)
{
	const struct rule *rfc = contract_rule("R3");
	const struct rule *mediated = contract_rule("M11");
	const struct rule *defect = contract_rule("D3");
	const struct rule *emulated = contract_rule("E3");
	const struct rule *passthrough = contract_rule("M30");

	(void)state;
	assert_true(contract_has(CONTRACT_EMULATED, emulated));
	assert_false(contract_has(CONTRACT_MEDIATED, emulated));
	assert_false(contract_has(CONTRACT_EMULATED, mediated));
	assert_true(contract_has(CONTRACT_RFC, passthrough));
	assert_false(contract_has(CONTRACT_EMULATED, passthrough));
	assert_true(contract_has(CONTRACT_EMULATED, defect));
	assert_true(contract_has(CONTRACT_RFC, rfc));
	assert_true(contract_has(CONTRACT_RFC_AS_POSTED, rfc));
	assert_false(contract_has(CONTRACT_MEDIATED, rfc));
	assert_true(contract_has(CONTRACT_MEDIATED, mediated));
	assert_false(contract_has(CONTRACT_RFC, mediated));
	assert_true(contract_has(CONTRACT_MEDIATED, defect));
	assert_true(contract_has(CONTRACT_RFC, defect));
	assert_false(contract_has(CONTRACT_NONE, defect));
}

static void a_case_is_promised_if_one_of_its_rules_is(void **state)
{
	(void)state;
	assert_int_equal(contracts_of_case("R22_of_a_cpu"), BY_RFC);
	assert_int_equal(contracts_of_case("R29_D4_an_unrelated_clone"),
			 BY_ALL);
	assert_int_equal(contracts_of_case("M30_a_guest"), BY_PASSTHROUGH);
	/* What is asked beside a rule may be promised by more. */
	assert_int_equal(contracts_of_case("M30_alias_old_and_new"), BY_ALL);
	assert_int_equal(contracts_of_case("E1"), BY_EMULATED);
	assert_int_equal(contracts_of_case("no_rule"), BY_ALL);
	assert_int_equal(contracts_of_case("M999_no_rule"), BY_ALL);
	assert_int_equal(contracts_of_case(""), BY_ALL);
}

static void there_is_no_rule_without_a_name(void **state)
{
	(void)state;
	assert_null(contract_rule("M999"));
	assert_null(contract_rule(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_observations_conform),
		cmocka_unit_test(bad_observations_violate),
		cmocka_unit_test(every_rule_is_tried_both_ways),
		cmocka_unit_test(a_failed_control_is_broken_not_violated),
		cmocka_unit_test(
			a_failed_control_violates_the_rule_that_promises_it),
		cmocka_unit_test(what_was_not_measured_is_undecided),
		cmocka_unit_test(a_violation_outranks_what_was_not_measured),
		cmocka_unit_test(a_case_is_promised_if_one_of_its_rules_is),
		cmocka_unit_test(there_is_no_rule_without_a_name),
		cmocka_unit_test(the_time_of_the_guest_must_show),
		cmocka_unit_test(no_two_rules_have_the_same_number),
		cmocka_unit_test(contracts_have_names),
		cmocka_unit_test(what_a_case_forgets_to_state_is_named),
		cmocka_unit_test(rules_come_in_the_order_of_their_numbers),
		cmocka_unit_test(a_kernel_promises_the_rules_of_its_contract),
	};

	return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
