// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes of a guest that are not to change what a counter counts
 * (docs/contract/guest.md, M70).
 */
#include "guest_case.h"

#define WRITES 50

/* Counter 0 is the one that the writes are about, counter 1 has no part. */
#define WRITTEN 0
#define LEFT_ALONE 1
#define UNUSED 2

enum written {
	ITS_SELECT,
	THE_CONTROL,
	/* The global control, without a counter that is not used. */
	A_NEIGHBOUR,
	/* The control of the fixed counters; the first of those is asked. */
	THE_FIXED_CONTROL,
	A_FIXED_NEIGHBOUR,
};

FIXTURE(rewrite)
{
	struct guest_case c;
};

FIXTURE_VARIANT(rewrite)
{
	enum written written;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(rewrite, its_event_select) { .written = ITS_SELECT };
FIXTURE_VARIANT_ADD(rewrite, the_global_control) { .written = THE_CONTROL };
FIXTURE_VARIANT_ADD(rewrite, a_neighbour_in_the_global_control) { .written = A_NEIGHBOUR };
FIXTURE_VARIANT_ADD(rewrite, the_fixed_control) { .written = THE_FIXED_CONTROL };
FIXTURE_VARIANT_ADD(rewrite, a_neighbour_in_the_fixed_control) { .written = A_FIXED_NEIGHBOUR };
/* clang-format on */

FIXTURE_SETUP(rewrite)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(rewrite)
{
	guest_case_end(&self->c, _metadata);
}

static bool is_of_fixed(enum written written)
{
	return written == THE_FIXED_CONTROL || written == A_FIXED_NEIGHBOUR;
}

/* What all fixed counters count, or all but the second one. */
static uint64_t fixed_control(const struct pmu *pmu, unsigned int flags,
			      bool without_second)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < pmu->fixed; i++) {
		if (i != 1 || !without_second)
			value |= pmu_select_fixed(i, flags);
	}
	return value;
}

static void describe_write(struct counting *counting, enum written written)
{
	const struct pmu *pmu = &counting->pmu;
	const unsigned int flags = counting->fixed;

	counting->op = GUEST_WRITE;
	counting->times = WRITES;
	switch (written) {
	case ITS_SELECT:
		counting->index = pmu_eventsel_msr(pmu, WRITTEN);
		counting->value = counting->eventsel[WRITTEN];
		break;
	case THE_CONTROL:
		counting->index = pmu_msr(pmu, PMU_GLOBAL_CTRL, 0);
		counting->value = pmu_all(pmu);
		break;
	case A_NEIGHBOUR:
		counting->index = pmu_msr(pmu, PMU_GLOBAL_CTRL, 0);
		counting->value = pmu_all(pmu) & ~(1ull << UNUSED);
		break;
	default:
		counting->index = pmu_msr(pmu, PMU_FIXED_CTRL, 0);
		counting->value =
			fixed_control(pmu, flags, written == A_FIXED_NEIGHBOUR);
	}
}

TEST_F(rewrite, M70_while_it_counts)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.fixed = PMU_USER | PMU_OS,
	};
	unsigned int asked = WRITTEN;
	struct counted counted;

	NEEDS(c->pmu.version > 1, "a PMU with a global control");
	NEEDS(c->pmu.general > UNUSED, "three counters");
	NEEDS(calibration_here().exact != 0, "a processor that counts exactly");
	NEEDS(!is_of_fixed(variant->written) || c->pmu.fixed > 1,
	      "a PMU with fixed counters");
	if (is_of_fixed(variant->written))
		asked = c->pmu.general;
	for (unsigned int i = WRITTEN; i <= LEFT_ALONE; i++)
		counting.eventsel[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	describe_write(&counting, variant->written);
	MUST(counting_run(&c->guest, &counting, &counted));
	c->s.guest_work = counted.gained[LEFT_ALONE];
	c->o.guest_control = counted.gained[LEFT_ALONE];
	c->o.guest_counted = counted.gained[asked];
	JUDGE("M70", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
