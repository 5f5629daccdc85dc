// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module parameter: what it reads back must be what is in force, because
 * it is all an administrator sees (docs/contract/mediated.md, M1).
 */
#include "harness/cases.h"
#include "vm/vm.h"

FIXTURE(parameter)
{
	struct scenario s;
	struct observation o;
};

FIXTURE_SETUP(parameter)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
}

FIXTURE_TEARDOWN(parameter)
{
	case_end(_metadata);
}

TEST_F(parameter, M1_reads_back_what_is_in_force)
{
	int enable_pmu = host_kvm_enable_pmu();

	NEEDS(enable_pmu >= 0, "kvm.enable_pmu");
	self->s.kvm_enable_pmu = enable_pmu;
	self->s.core_capable = host_core_capable();
	self->s.param_requested = host_mediated_requested();
	self->o.param_effective = host_mediated_parameter();
	JUDGE("M1", &self->s, &self->o);
}

/* Asked for or not, capable or not: whichever it is here. */
TEST_F(parameter, M2_claims_only_what_can_be_handed_over)
{
	struct vm vm;

	NEEDS(!host_missing(HOST_NEEDS_A_VM), "root, /dev/kvm, no watchdog");
	self->s.kvm_enable_pmu = host_kvm_enable_pmu() == 1;
	self->s.core_capable = host_core_capable();
	self->s.param_requested = host_mediated_requested();
	/* A module may have been loaded with it. */
	if (self->s.param_requested == NOT_KNOWN)
		self->s.param_requested = host_mediated_parameter() == 1;
	MUST(vm_try_with_irqchip(&vm));
	MUST(vm_try_vcpu(&vm));
	self->o.claimed = pmu_is_claimed();
	vm_close(&vm);
	JUDGE("M2", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_PARAMETER);
}
