// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the PMU that are no counters: the host's after a guest that left
 * its own in disorder, and the next guest's (docs/contract/guest.md, M64, M44).
 */
#include "guest_case.h"
#include "host_sampling.h"
#include "host/registers.h"

#define EXITS 50
#define LVT_MASKED 0x10000
#define OTHER_VECTOR 0x55

FIXTURE(left)
{
	struct guest_case c;
	int counter;
};

FIXTURE_VARIANT(left)
{
	bool dies;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(left, by_a_guest_that_lives) { .dies = false };
FIXTURE_VARIANT_ADD(left, by_a_guest_that_died) { .dies = true };
/* clang-format on */

FIXTURE_SETUP(left)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(left)
{
	guest_case_end(&self->c, _metadata);
}

/* All counters on and past an overflow, the interrupt of it masked. */
static void script_disorder(FIXTURE_DATA(left) * self)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	const unsigned int flags = PMU_USER | PMU_OS | PMU_INTERRUPT;
	uint64_t fixed = 0;

	script_write(&c->guest, GUEST_LVTPC_MSR, OTHER_VECTOR | LVT_MASKED);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_write(&c->guest, pmu_counter_msr(pmu, i),
			     pmu_counter_max(pmu) - TURNS);
		script_write(&c->guest, pmu_eventsel_msr(pmu, i),
			     pmu_select(pmu, PMU_INSTRUCTIONS, flags));
	}
	for (unsigned int i = 0; i < pmu->fixed; i++)
		fixed |= pmu_select_fixed(i, flags);
	if (pmu->fixed)
		script_write(&c->guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0), fixed);
	if (pmu->version > 1)
		script_write(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
			     pmu_all(pmu));
	script_do(&c->guest, GUEST_WORK, 10 * TURNS);
	script_do(&c->guest, GUEST_OUT, EXITS);
	self->counter = script_read(&c->guest, pmu_counter_msr(pmu, 0));
}

/* Returns false if the guest did not end as it was to. */
static bool run_in_disorder(FIXTURE_DATA(left) * self, bool dies)
{
	struct guest_case *c = &self->c;

	script_disorder(self);
	if (!dies) {
		script_run(&c->guest);
		return true;
	}
	script_do(&c->guest, GUEST_DIE, 1);
	/* What it wants of user space on the way is not its end. */
	for (int i = 0; i < EXITS; i++) {
		if (!guest_goes_to_port(&c->guest))
			return false;
	}
	return guest_dies(&c->guest);
}

TEST_F(left, M64_the_host_is_set_up_as_before)
{
	struct guest_case *c = &self->c;
	struct host_registers before, after;
	struct host_sampling sampling;
	uint64_t exits;

	MUST(host_sampling_open(&sampling));
	NEEDS(!host_registers_read(GUEST_CPU, &before), "/dev/cpu/*/msr");
	c->o.counted_before = host_sampling_now(&sampling);
	exits = guest_exits_count(&c->guest);
	MUST_BE(run_in_disorder(self, variant->dies));
	/* What the vCPU thread has of its own is on while it is. */
	MUST_BE(guest_settle(&c->guest, patience_ms()));
	MUST(host_registers_read(GUEST_CPU, &after));
	c->s.exits_asked = EXITS;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	c->o.guest_control = script_seen(&c->guest, self->counter) != 0;
	c->o.mismatches = host_registers_differ(&before, &after);
	c->o.samples_after = host_sampling_now(&sampling);
	host_sampling_close(&sampling);
	JUDGE("M64", &c->s, &c->o);
}

TEST_F(left, M44_the_next_guest_finds_its_pmu_after_reset)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	struct guest next;
	int control = -1;

	MUST_BE(run_in_disorder(self, variant->dies));
	script_guest_create(&next, GUEST_CPU);
	for (unsigned int i = 0; i < pmu->general; i++) {
		script_read(&next, pmu_eventsel_msr(pmu, i));
		script_read(&next, pmu_counter_msr(pmu, i));
	}
	if (pmu->version > 1)
		control = script_read(&next, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0));
	script_run(&next);
	c->o.eventsels_or = 0;
	c->o.counters_or = 0;
	for (unsigned int i = 0; i < pmu->general; i++) {
		c->o.eventsels_or |= (int64_t)script_seen(&next, 2 * (int)i);
		c->o.counters_or |= (int64_t)script_seen(&next, 2 * (int)i + 1);
	}
	if (control >= 0)
		c->o.global_ctrl = (int64_t)script_seen(&next, control);
	guest_destroy(&next);
	JUDGE("M44", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
