// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's claim on the PMU: which step makes it, what refuses it, and what
 * gives it back (docs/contract/mediated.md, M4 to M9). No guest runs here; the
 * claim is a matter of file descriptors.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/resource.h>

#include "base/child.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "vm/vm.h"

FIXTURE(claim)
{
	struct scenario s;
	struct observation o;
	struct vm vm;
};

FIXTURE_SETUP(claim)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.claims = 0;
	self->s.include_events = 0;
	self->s.irqchip = 1;
	self->s.pmu_disabled = 0;
	self->s.vcpus = 0;
	self->s.kvm_enable_pmu = host_kvm_enable_pmu();
	self->vm.fd = -1;
}

FIXTURE_TEARDOWN(claim)
{
	if (self->vm.fd >= 0)
		vm_close(&self->vm);
	case_end(_metadata);
}

/* An include-guest event that exists and does nothing. */
static int open_blocker(void)
{
	return event_try_open_core(EVENT_DISABLED, SELF, ANY_CPU, NO_GROUP);
}

/* Whichever of them is left alone, it has claimed for itself. */
TEST_F(claim, M3_every_vm_claims)
{
	struct vm vms[3];

	for (int keep = 0; keep < 3; keep++) {
		for (int i = 0; i < 3; i++) {
			MUST(vm_try_with_irqchip(&vms[i]));
			MUST(vm_try_vcpu(&vms[i]));
		}
		for (int i = 0; i < 3; i++) {
			if (i != keep)
				vm_close(&vms[i]);
		}
		self->s.claims = 1;
		self->o.claimed = pmu_is_claimed();
		vm_close(&vms[keep]);
		JUDGE("M3", &self->s, &self->o, "VM %d of 3 is left", keep);
		self->s.claims = 0;
		self->o.claimed = pmu_is_claimed();
		JUDGE("M3", &self->s, &self->o, "VM %d of 3 is gone, too",
		      keep);
	}
}

TEST_F(claim, M3_one_that_refused_its_pmu_claims_nothing)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE));
	MUST(vm_try_vcpu(&self->vm));
	self->s.pmu_disabled = 1;
	self->s.claims = 0;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M3", &self->s, &self->o);
}

/* Whatever a vCPU is told of its PMU, its VM holds the claim. */
static void judge_claim_without_pmu(struct __test_metadata *_metadata,
				    FIXTURE_DATA(claim) * self, bool empty)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	if (empty)
		MUST(vm_try_empty_cpuid(&self->vm));
	self->s.claims = 1;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M10", &self->s, &self->o);
}

/* It never gets a CPUID at all. */
TEST_F(claim, M10_a_vcpu_without_cpuid_holds_the_claim)
{
	judge_claim_without_pmu(_metadata, self, false);
}

/* One that says in so many words that there is no PMU. */
TEST_F(claim, M10_a_vcpu_with_an_empty_cpuid_holds_the_claim)
{
	judge_claim_without_pmu(_metadata, self, true);
}

TEST_F(claim, M4_without_irqchip_claims_nothing)
{
	self->s.irqchip = 0;
	MUST(vm_try_create(&self->vm));
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M4", &self->s, &self->o);
}

TEST_F(claim, M4_without_irqchip_starts_beside_an_include_guest_event)
{
	int blocker = open_blocker();

	MUST_BE(blocker >= 0);
	self->s.irqchip = 0;
	self->s.include_events = 1;
	MUST(vm_try_create(&self->vm));
	self->o.err = vm_try_vcpu(&self->vm);
	close(blocker);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M4", &self->s, &self->o);
}

TEST_F(claim, M5_first_vcpu_makes_the_claim)
{
	MUST(vm_try_with_irqchip(&self->vm));
	for (int vcpus = 0; vcpus <= 2; vcpus++) {
		self->s.vcpus = vcpus;
		self->o.err = vcpus ? vm_try_vcpu(&self->vm) : 0;
		self->o.claimed = pmu_is_claimed();
		JUDGE("M5", &self->s, &self->o, "%d vCPUs", vcpus);
	}
	/* Not again by the others: with the VM all of it is gone. */
	vm_close(&self->vm);
	self->s.vcpus = 0;
	self->o.err = 0;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M5", &self->s, &self->o);
}

TEST_F(claim, M5_each_vm_claims_for_itself)
{
	struct vm other;

	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_with_irqchip(&other));
	MUST(vm_try_vcpu(&self->vm));
	self->o.err = vm_try_vcpu(&other);
	vm_close(&self->vm);
	self->s.vcpus = 1;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M5", &self->s, &self->o, "with the second VM left");
	vm_close(&other);
	self->s.vcpus = 0;
	self->o.err = 0;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M5", &self->s, &self->o, "with both VMs gone");
}

TEST_F(claim, M6_refused_beside_an_include_guest_event)
{
	int blocker = open_blocker();

	MUST_BE(blocker >= 0);
	MUST(vm_try_with_irqchip(&self->vm));
	self->s.include_events = 1;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M6", &self->s, &self->o, "beside the event");

	/* The VM stays usable: without the event it is as good as new. */
	close(blocker);
	self->s.include_events = 0;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M6", &self->s, &self->o, "without the event");
}

TEST_F(claim, M6_refused_vm_starts_without_a_pmu)
{
	int blocker = open_blocker();

	MUST_BE(blocker >= 0);
	MUST(vm_try_with_irqchip(&self->vm));
	self->s.include_events = 1;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M6", &self->s, &self->o, "with a PMU");

	MUST(vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE));
	self->s.pmu_disabled = 1;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M6", &self->s, &self->o, "with the PMU disabled");
	close(blocker);
}

TEST_F(claim, M7_capability_disables_the_pmu)
{
	self->s.cap_bits = KVM_PMU_CAP_DISABLE;
	MUST(vm_try_with_irqchip(&self->vm));
	self->o.err = vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE);
	JUDGE("M7", &self->s, &self->o);

	self->s.pmu_disabled = 1;
	self->s.vcpus = 1;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M5", &self->s, &self->o);
}

TEST_F(claim, M7_capability_refuses_unknown_bits)
{
	self->s.cap_bits = 1l << 17;
	MUST(vm_try_with_irqchip(&self->vm));
	self->o.err = vm_try_pmu_cap(&self->vm, 1ul << 17);
	JUDGE("M7", &self->s, &self->o);
}

TEST_F(claim, M7_capability_comes_too_late_after_a_vcpu)
{
	self->s.cap_bits = KVM_PMU_CAP_DISABLE;
	self->s.vcpus = 1;
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	self->o.err = vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE);
	JUDGE("M7", &self->s, &self->o);
}

TEST_F(claim, M7_capability_still_works_after_a_refused_vcpu)
{
	int blocker = open_blocker();

	MUST_BE(blocker >= 0);
	self->s.cap_bits = KVM_PMU_CAP_DISABLE;
	MUST(vm_try_with_irqchip(&self->vm));
	MUST_BE(vm_try_vcpu(&self->vm) != 0);
	self->o.err = vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE);
	JUDGE("M7", &self->s, &self->o);
	close(blocker);
}

/* Create a vCPU with no file descriptor left to give it. */
static int vcpu_without_fd(struct vm *vm)
{
	struct rlimit old, none;
	int err, lowest = dup(vm->fd);

	if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &old))
		return errno;
	close(lowest);
	none = old;
	none.rlim_cur = (rlim_t)lowest;
	setrlimit(RLIMIT_NOFILE, &none);
	err = vm_try_vcpu(vm);
	setrlimit(RLIMIT_NOFILE, &old);
	return err;
}

TEST_F(claim, M8_claim_survives_a_failed_vcpu)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST_BE(vcpu_without_fd(&self->vm) == EMFILE);
	self->s.claim_tried = 1;
	self->s.refs = 1;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M8", &self->s, &self->o, "while the VM is there");

	/* M7: the capability looks at the claim, not only at vCPUs. */
	self->s.cap_bits = KVM_PMU_CAP_DISABLE;
	self->o.err = vm_try_pmu_cap(&self->vm, KVM_PMU_CAP_DISABLE);
	JUDGE("M7", &self->s, &self->o);

	vm_close(&self->vm);
	self->s.refs = 0;
	self->o.claimed = pmu_is_claimed();
	JUDGE("M8", &self->s, &self->o, "once the VM is gone");
}

static void judge_refs(struct __test_metadata *_metadata, struct scenario *s,
		       struct observation *o, int refs)
{
	s->claim_tried = 1;
	s->refs = refs;
	o->claimed = pmu_is_claimed();
	JUDGE("M9", s, o, "%d references left", refs);
}

TEST_F(claim, M9_the_vcpu_fd_keeps_the_claim)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	judge_refs(_metadata, &self->s, &self->o, 2);
	vm_close_fd(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 1);
	vm_close_vcpus(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_the_vm_fd_keeps_the_claim)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	vm_close_vcpus(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 1);
	vm_close_fd(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_a_mapping_of_kvm_run_keeps_the_claim)
{
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	MUST(vm_try_map_run(&self->vm));
	vm_close_vcpus(&self->vm);
	vm_close_fd(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 1);
	vm_unmap_run(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_a_duplicate_fd_keeps_the_claim)
{
	int copy;

	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	copy = dup(self->vm.fd);
	MUST_BE(copy >= 0);
	vm_close(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 1);
	close(copy);
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_a_child_that_inherited_the_fds_keeps_the_claim)
{
	struct child child;

	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	MUST(child_start(&child));
	vm_close(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 2);
	MUST(child_end(&child));
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_killing_the_last_holder_releases_the_claim)
{
	struct child child;

	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	MUST(child_start(&child));
	vm_close(&self->vm);
	judge_refs(_metadata, &self->s, &self->o, 2);
	MUST(child_kill(&child));
	judge_refs(_metadata, &self->s, &self->o, 0);
}

TEST_F(claim, M9_the_last_of_several_vms_releases_it)
{
	struct vm vms[3];

	for (int i = 0; i < 3; i++) {
		MUST(vm_try_with_irqchip(&vms[i]));
		MUST(vm_try_vcpu(&vms[i]));
	}
	for (int i = 0; i < 3; i++) {
		judge_refs(_metadata, &self->s, &self->o, 3 - i);
		vm_close(&vms[i]);
	}
	judge_refs(_metadata, &self->s, &self->o, 0);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_CLAIMS);
}
