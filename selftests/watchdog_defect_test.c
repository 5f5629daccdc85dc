// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hard-lockup watchdog counts the host, and must not keep guests from the
 * PMU nor be lost to one (docs/contract/defects.md, D12).
 */
#include "base/cpu.h"
#include "harness/cases.h"
#include "host/watchdog.h"
#include "perf/group.h"
#include "vm/guest.h"
#include "vm/vm.h"

#define GUEST_CPU 1

FIXTURE(watchdog_defect)
{
	struct scenario s;
	struct observation o;
	struct guest guest;
};

FIXTURE_SETUP(watchdog_defect)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	MUST(cpu_pin_self(0));
}

FIXTURE_TEARDOWN_PARENT(watchdog_defect)
{
	watchdog_off();
	case_end(_metadata);
}

/* It excludes guests if it still holds its counter after one. */
TEST_F(watchdog_defect, D12_it_does_not_exclude_guests)
{
	int64_t refused, free;

	self->s.counters = counters_free(GUEST_CPU);
	MUST_BE(self->s.counters > 0);
	NEEDS(!watchdog_on(), "a hard-lockup watchdog");
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->o.held_before = self->s.counters - free;
	NEEDS(self->o.held_before > 0, "a watchdog that uses perf");
	refused = vm_is_refused();
	MUST_BE(refused != NOT_KNOWN);
	if (!refused)
		guest_visit(&self->guest, GUEST_CPU);
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->o.watchdog_survives = !refused && free < self->s.counters;
	JUDGE("D12", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	unsigned int needs = HOST_NEEDS_A_VM | HOST_NEEDS_VPMU |
			     HOST_NEEDS_TWO_CPUS;

	return case_main_keeping(argc, argv, needs | HOST_NEEDS_STEADY_CLOCK,
				 watchdog_back_at_exit);
}
