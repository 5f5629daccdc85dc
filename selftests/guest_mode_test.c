// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's host-only and guest-only bits of a guest's counters, and what of a
 * nested guest they select (docs/contract/guest.md, M33, M58;
 * docs/contract/defects.md, D39; docs/contract/emulated.md, E12).
 */
#include "guest_case.h"

#define NESTED_TURNS 60
#define GUEST_ONLY (1ull << 40)
#define HOST_ONLY (1ull << 41)

FIXTURE(mode)
{
	struct guest_case c;
};

FIXTURE_SETUP(mode)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(mode)
{
	guest_case_end(&self->c, _metadata);
}

/* Every combination of the two bits, counted by a counter each. */
static void select_every_mode(struct counting *counting, enum pmu_event event)
{
	for (unsigned int bits = 0; bits < 4; bits++)
		counting->eventsel[bits] =
			pmu_select(&counting->pmu, event, PMU_USER | PMU_OS) |
			(bits & 1 ? GUEST_ONLY : 0) |
			(bits & 2 ? HOST_ONLY : 0);
}

/* Do all event selects read back without the two bits? */
static int look_at_modes(struct guest_case *c)
{
	struct counting counting = { .pmu = c->pmu };
	int read[4];

	select_every_mode(&counting, PMU_INSTRUCTIONS);
	script_clear(&c->guest);
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t msr = pmu_eventsel_msr(&c->pmu, i);

		script_write(&c->guest, msr, counting.eventsel[i]);
		read[i] = script_read(&c->guest, msr);
	}
	script_run(&c->guest);
	c->o.mismatches = 0;
	for (unsigned int i = 0; i < 4; i++) {
		if (script_vector(&c->guest, read[i]))
			return EIO;
		c->o.mismatches +=
			script_seen(&c->guest, read[i]) !=
			(counting.eventsel[i] & ~(GUEST_ONLY | HOST_ONLY));
	}
	return 0;
}

static void judge_modes(struct guest_case *c, struct __test_metadata *_metadata,
			const char *rule, enum guest_op op)
{
	struct counting counting = { .pmu = c->pmu, .op = op, .times = TURNS };
	struct counted counted;

	select_every_mode(&counting, PMU_INSTRUCTIONS);
	MUST(counting_run(&c->guest, &counting, &counted));
	for (unsigned int bits = 0; bits < 4; bits++) {
		c->s.guest_only = bits & 1;
		c->s.host_only = bits >> 1;
		describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
		c->o.guest_counted = counted.gained[bits];
		JUDGE(rule, &c->s, &c->o, "counter %u", bits);
	}
}

TEST_F(mode, E12_bits_of_a_mode_are_ignored)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd, "an AMD processor");
	MUST(look_at_modes(c));
	judge_modes(c, _metadata, "E12", GUEST_WORK);
}

TEST_F(mode, M33_without_svme)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd && guest_open_nested(&c->guest), "nested SVM");
	c->s.svme = 0;
	c->s.nested = 0;
	judge_modes(c, _metadata, "M33", GUEST_WORK);
}

TEST_F(mode, M33_beside_a_nested_guest)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd && guest_open_nested(&c->guest), "nested SVM");
	script_do(&c->guest, GUEST_NESTED, 1);
	script_run(&c->guest);
	c->s.svme = 1;
	c->s.nested = 0;
	judge_modes(c, _metadata, "M33", GUEST_WORK);
}

TEST_F(mode, M33_in_a_nested_guest)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd && guest_open_nested(&c->guest), "nested SVM");
	script_do(&c->guest, GUEST_NESTED, 1);
	script_run(&c->guest);
	c->s.svme = 1;
	c->s.nested = 1;
	judge_modes(c, _metadata, "M33", GUEST_NESTED);
}

/*
 * From one VMRUN of a guest to many, counted by what each combination of the
 * two bits selects. Both numbers end with the guest as it was, so all is their
 * difference.
 */
static void judge_nested_entries(struct guest_case *c,
				 struct __test_metadata *_metadata,
				 const char *rule, enum pmu_event event,
				 uint64_t times)
{
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_NESTED_ENTER,
		.times = times,
	};
	struct counted counted;

	select_every_mode(&counting, event);
	MUST(counting_run(&c->guest, &counting, &counted));
	for (unsigned int bits = 0; bits < 4; bits++) {
		c->s.guest_only = bits & 1;
		c->s.host_only = bits >> 1;
		describe_count(&c->s, &counting, &counted, event);
		c->s.nested_entries = (int64_t)counted.times;
		c->o.guest_counted = counted.gained[bits];
		JUDGE(rule, &c->s, &c->o, "counter %u", bits);
	}
}

static void begin_nested(struct guest_case *c)
{
	script_do(&c->guest, GUEST_NESTED, 1);
	script_run(&c->guest);
}

TEST_F(mode, M58_vmrun_belongs_to_the_nested_guest)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd && guest_open_nested(&c->guest), "nested SVM");
	begin_nested(c);
	judge_nested_entries(c, _metadata, "M58", PMU_INSTRUCTIONS, 10);
	judge_nested_entries(c, _metadata, "M58", PMU_INSTRUCTIONS,
			     NESTED_TURNS);
}

TEST_F(mode, D39_vmrun_of_a_nested_hypervisor_is_a_branch)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd && guest_open_nested(&c->guest), "nested SVM");
	begin_nested(c);
	judge_nested_entries(c, _metadata, "D39", PMU_BRANCHES, NESTED_TURNS);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
