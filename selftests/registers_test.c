// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the PMU that are no counters: the host's after a guest that left
 * its own running, and the next guest's (docs/contract/guest.md, M64, M44).
 */
#include "guest_case.h"
#include "all_registers.h"
#include "host_sampling.h"

#define EXITS 50
#define OTHER_VECTOR 0x55

FIXTURE(left)
{
	struct guest_case c;
	struct host_set_up host;
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
	self->host = HOST_SET_UP_NONE;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(left)
{
	host_set_up_close(&self->host);
	guest_case_end(&self->c, _metadata);
}

/* All counters on and past an overflow, the interrupt of it masked. */
static void script_leave_running(FIXTURE_DATA(left) * self)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	const unsigned int flags = PMU_USER | PMU_OS | PMU_INTERRUPT;
	uint64_t fixed = 0;

	script_write(&c->guest, GUEST_LVTPC_MSR,
		     OTHER_VECTOR | GUEST_LVT_MASKED);
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
static bool run_and_leave(FIXTURE_DATA(left) * self, bool dies)
{
	struct guest_case *c = &self->c;

	script_leave_running(self);
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

/* Did its counter run past the overflow? Returns 1 or 0. */
static int64_t it_overflowed(FIXTURE_DATA(left) * self)
{
	struct guest_case *c = &self->c;
	uint64_t counter = script_seen(&c->guest, self->counter);

	return counter > 0 && counter < pmu_counter_max(&c->pmu) - TURNS;
}

TEST_F(left, M64_the_host_is_set_up_as_before)
{
	struct guest_case *c = &self->c;

	NEEDS(!host_registers_read(GUEST_CPU, &self->host.before),
	      "/dev/cpu/*/msr");
	MUST(host_set_up_begin(&self->host, c));
	MUST_BE(run_and_leave(self, variant->dies));
	MUST(host_set_up_end(&self->host, c, EXITS, it_overflowed(self)));
	JUDGE("M64", &c->s, &c->o);
}

/*
 * The host's PMU as it is with no event that counts. One that is off keeps it
 * among those that guest entry and exit set up (perf_put_guest_context()).
 */
static int be_quiet(FIXTURE_DATA(left) * self)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int err;

	self->host.fd =
		event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_DISABLED,
				    ANY_TASK, GUEST_CPU, NO_GROUP);
	if (self->host.fd < 0)
		return -self->host.fd;
	do {
		err = host_registers_read(GUEST_CPU, &self->host.before);
	} while (!err && host_registers_overflowed(&self->host.before) &&
		 !deadline_passed(&deadline));
	return err;
}

/* No interrupt of an event of the host's own clears what is left. */
TEST_F(left, M64_no_overflow_is_left_to_a_host_without_events)
{
	struct guest_case *c = &self->c;
	uint64_t exits = guest_exits_count(&c->guest);
	struct host_registers after;

	NEEDS(!host_registers_read(GUEST_CPU, &self->host.before),
	      "/dev/cpu/*/msr");
	MUST(be_quiet(self));
	MUST_BE(run_and_leave(self, variant->dies));
	MUST_BE(guest_settle(&c->guest, patience_ms()));
	MUST(host_registers_read(GUEST_CPU, &after));
	c->s.exits_asked = EXITS;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	c->o.guest_control = it_overflowed(self);
	c->o.registers_left = host_registers_left(&self->host.before, &after);
	host_tell_differences(&self->host.before, &after);
	JUDGE("M64.quiet", &c->s, &c->o);
}

TEST_F(left, M44_the_next_guest_finds_its_pmu_after_reset)
{
	struct guest_case *c = &self->c;
	struct guest next;

	MUST_BE(run_and_leave(self, variant->dies));
	c->o.guest_control = it_overflowed(self);
	script_guest_create(&next, GUEST_CPU);
	read_all_registers(&next, &c->pmu, &c->o);
	guest_destroy(&next);
	JUDGE("M44.next", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
