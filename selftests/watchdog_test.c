// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hard-lockup watchdog counts host and guest, so it and mediated VMs
 * exclude each other (docs/contract/mediated.md, M17). The sysctl is put back
 * by the parent, even if the case dies.
 */
#include <errno.h>

#include "base/cpu.h"
#include "harness/cases.h"
#include "host/watchdog.h"
#include "vm/vm.h"

FIXTURE(watchdog)
{
	struct scenario s;
	struct observation o;
	struct vm vm;
};

FIXTURE_SETUP(watchdog)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.irqchip = 1;
	self->s.pmu_disabled = 0;
	self->s.vcpus = 0;
	self->vm.fd = -1;
}

FIXTURE_TEARDOWN_PARENT(watchdog)
{
	/*
	 * The VM was the child's, and went with it. The program needs the
	 * watchdog off, so off is how it was found.
	 */
	watchdog_off();
	case_end(_metadata);
}

TEST_F(watchdog, M17_on_refuses_a_vm)
{
	int err = watchdog_on();

	NEEDS(!err, "a hard-lockup watchdog");
	self->s.claims = 0;
	self->s.include_events = cpu_count();
	MUST(vm_try_with_irqchip(&self->vm));
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.sysctl_value = watchdog_state();
	JUDGE("M17", &self->s, &self->o);
}

/*
 * Switched on beside a VM, the sysctl accepts it but the event cannot be made.
 * That there is none shows as soon as the VM is gone: another may start.
 */
TEST_F(watchdog, M17_switched_on_beside_a_vm_has_no_event)
{
	int err = watchdog_on();

	NEEDS(!err, "a hard-lockup watchdog");
	MUST(watchdog_off());
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	MUST(watchdog_on());
	vm_close(&self->vm);

	self->s.claims = 0;
	self->s.include_events = 0;
	MUST(vm_try_with_irqchip(&self->vm));
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.sysctl_value = watchdog_state();
	JUDGE("M17", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv, HOST_NEEDS_CLAIMS,
				 watchdog_back_at_exit);
}
