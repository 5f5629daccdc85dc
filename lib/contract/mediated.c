// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mediated contract, as Linux 7.x merged it: a VM claims the PMU when its
 * first vCPU is created, and include-guest events and such VMs exclude each
 * other. docs/contract/mediated.md has the words and the sources.
 */
#include <errno.h>

#define RULES_OF BY_MEDIATED
#define RULES_IN "docs/contract/mediated.md"
#include "rule.h"

/* Does the VM of this scenario ask for the PMU at all? (M3, M4, M7) */
static bool vm_claims(const struct scenario *s)
{
	return s->irqchip == 1 && s->pmu_disabled != 1;
}

/* errno of KVM_CREATE_VCPU. A VM that has claimed does not claim again. */
static int create_vcpu_errno(const struct scenario *s)
{
	if (vm_claims(s) && !s->vcpus && !s->claims && s->include_events > 0)
		return EBUSY;
	return 0;
}

/* errno of opening the event. Any other reason to refuse it comes first. */
static int open_errno(const struct scenario *s)
{
	if (s->own_errno)
		return (int)s->own_errno;
	if (s->pmu == PMU_CORE && !s->exclude_guest && s->claims > 0)
		return EOPNOTSUPP;
	return 0;
}

static void expect_claimed(const struct scenario *s, struct demands *d)
{
	STATED(claims);
	EXACTLY(claimed, s->claims > 0);
}

RULE(M3,
     "every VM with an in-kernel irqchip and its PMU enabled claims the PMU",
     "kvm_arch_vcpu_precreate()")
{
	expect_claimed(s, d);
}

RULE(M10, "a vCPU without a PMU in its CPUID holds the claim all the same",
     "kvm_arch_vcpu_precreate()")
{
	expect_claimed(s, d);
}

RULE(M4,
     "a VM without an in-kernel irqchip loses its PMU silently and claims nothing",
     "kvm_arch_vcpu_precreate()")
{
	NEEDS(s->irqchip == 0);
	EXACTLY(err, create_vcpu_errno(s));
	EXACTLY(claimed, 0);
}

RULE(M5,
     "the claim is made by the first KVM_CREATE_VCPU of a VM, not before and not again",
     "kvm_arch_vcpu_precreate(), perf_create_mediated_pmu()")
{
	STATED(vcpus);
	STATED(irqchip);
	EXACTLY(err, 0);
	EXACTLY(claimed, s->vcpus > 0 && vm_claims(s));
}

static void expect_create(const struct scenario *s, struct demands *d)
{
	int err;

	STATED(include_events);
	STATED(claims);
	STATED(vcpus);
	STATED(irqchip);
	err = create_vcpu_errno(s);
	EXACTLY(err, err);
	/* Asking needs an include-guest event, so there is no second claim. */
	EXACTLY(claimed, !err && vm_claims(s));
}

RULE(M6,
     "KVM_CREATE_VCPU is refused while an include-guest event of a capable PMU exists",
     "perf_create_mediated_pmu(), mediated_pmu_account_event()")
{
	expect_create(s, d);
}

RULE(M12,
     "what blocks a VM is the existence of an include-guest event, not its activity",
     "is_include_guest_event(), _free_event()")
{
	expect_create(s, d);
}

RULE(M7,
     "KVM_CAP_PMU_CAPABILITY is refused once a vCPU or a claim exists, for unknown bits, and without a PMU",
     "kvm_vm_ioctl_enable_cap()")
{
	const int64_t disable = 1; /* KVM_PMU_CAP_DISABLE */
	bool refused;

	STATED(cap_bits);
	STATED(vcpus);
	STATED(kvm_enable_pmu);
	refused = !s->kvm_enable_pmu || (s->cap_bits & ~disable) ||
		  s->vcpus > 0 || s->claim_tried == 1;
	EXACTLY(err, refused ? EINVAL : 0);
}

static void expect_claim_kept(const struct scenario *s, struct demands *d)
{
	STATED(refs);
	STATED(claim_tried);
	EXACTLY(claimed, s->claim_tried && s->refs > 0);
}

RULE(M8, "the claim survives a vCPU creation that fails after it",
     "kvm_arch_vcpu_precreate()")
{
	expect_claim_kept(s, d);
}

RULE(M9, "the claim is released when the last reference to the VM goes",
     "kvm_arch_destroy_vm(), perf_release_mediated_pmu()")
{
	expect_claim_kept(s, d);
}

RULE(M11,
     "while a VM holds the claim, opening an include-guest event of a capable PMU is refused",
     "perf_event_alloc(), mediated_pmu_account_event()")
{
	STATED(claims);
	STATED(exclude_guest);
	STATED(pmu);
	STATED(own_errno);
	EXACTLY(err, open_errno(s));
}

/* An inherited event must not be refused: its parent exists already. */
RULE(M13, "no fork() is refused for an inherited event",
     "mediated_pmu_account_event()")
{
	NEEDS(s->inherited == 1);
	STATED(exclude_guest);
	NEEDS(s->host_work > 0);
	EXACTLY(err, 0);
	EXACTLY(claimed, 0);
	/* The child's, that is: its parent works less. */
	AT_LEAST(counted_after, s->host_work);
}

RULE(M14, "of an event and a first vCPU that race, exactly one is refused",
     "perf_mediated_pmu_mutex")
{
	NEEDS(s->attempts_asked > 0);
	CONTROL(attempts, s->attempts_asked);
	EXACTLY(both, 0);
	EXACTLY(neither, 0);
	EXACTLY(err, EOPNOTSUPP);
	EXACTLY(vcpu_err, EBUSY);
	EXACTLY(strange, 0);
	EXACTLY(left_over, 0);
}

/* What perf(1) does when it is refused: once more, without the guest. */
RULE(M18, "an open that was refused succeeds with exclude_guest",
     "evsel__open_cpu() of tools/perf")
{
	NEEDS(s->claims > 0);
	NEEDS(s->exclude_guest == 1);
	EXACTLY(err, open_errno(s));
}

RULE(M16, "events of PMUs that are never mediated are never refused",
     "is_include_guest_event()")
{
	STATED(pmu);
	NEEDS(s->pmu != PMU_CORE);
	STATED(own_errno);
	EXACTLY(err, open_errno(s));
}

RULE(M17, "the hard-lockup watchdog is an include-guest event like any other",
     "wd_hw_attr of kernel/watchdog_perf.c")
{
	/* The watchdog's own event is the include-guest event in question. */
	STATED(claims);
	STATED(include_events);
	EXACTLY(err, create_vcpu_errno(s));
	EXACTLY(sysctl_value, 1);
}

/* Counts before and after, not in between, and does not go to ERROR. */
static void expect_stands_aside(struct demands *d)
{
	CONTROL(counted_before, 1);
	EXACTLY(counted_inside, 0);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
}

RULE(M21,
     "exclude-guest events stop at guest entry, never go to ERROR, and count again after exit",
     "perf_load_guest_context(), perf_put_guest_context(), kvm_mediated_pmu_load(), kvm_mediated_pmu_put(), ctx_sched_out(), ctx_sched_in(), event_sched_out(), group_sched_out(), x86_perf_event_update()")
{
	NEEDS(s->guest_iterations > 0);
	NEEDS(s->pmu == PMU_CORE);
	NEEDS(s->exclude_guest == 1);
	expect_stands_aside(d);
}

RULE(M21.priority,
     "guest exit schedules pinned events before flexible ones, and puts none into ERROR",
     "perf_put_guest_context(), perf_event_sched_in()")
{
	NEEDS(s->guest_iterations > 0);
	STATED(pinned);
	EXACTLY(eof, 0);
	/* A flexible event shares the counters: its turn need not have come. */
	if (s->pinned != 1)
		return;
	CONTROL(counted_before, 1);
	AT_LEAST(counted_after, 1);
}

RULE(M22, "a second load and a put without load are warned about",
     "perf_load_guest_context(), perf_put_guest_context()")
{
	STATED(calls_alternate);
	EXACTLY(warned, !s->calls_alternate);
}

RULE(M23, "read() leaves the guest out of both times of an exclude-guest event",
     "ctx_time_update_event(), __perf_event_time_ctx_now(), ctx_sched_in()")
{
	GUEST_WOULD_SHOW();
	NEEDS(s->exclude_guest == 1);
	EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	EXACTLY(not_running_ns, 0);
}

/* Neither more nor less than the host's share of the wall time. */
RULE(M23.sum,
     "the times of an exclude-guest event are the wall time less the guest's",
     "update_perf_time_ctx()")
{
	STATED(guest_min_ns);
	STATED(guest_max_ns);
	STATED(wall_min_ns);
	STATED(wall_max_ns);
	GUEST_WOULD_SHOW();
	NEEDS(s->exclude_guest == 1);
	EXPECT(enabled_ns, s->wall_min_ns - s->guest_max_ns,
	       s->wall_max_ns - s->guest_min_ns);
	EXACTLY(not_running_ns, 0);
}

RULE(M26, "the times of a cgroup's event leave the guest out",
     "perf_cgroup_set_timestamp(), ctx_sched_in(), update_cgrp_time()")
{
	GUEST_WOULD_SHOW();
	NEEDS(s->exclude_guest == 1);
	CONTROL(counted_before, 1);
	EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
}

RULE(M26.running,
     "a cgroup's event that shares its counter with nobody runs as long as it is enabled",
     "ctx_sched_out()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_min_ns > 0);
	CONTROL(counted_before, 1);
	EXACTLY(not_running_ns, 0);
}

RULE(M27,
     "an event opened or enabled while a guest runs counts from the next exit on",
     "merge_sched_in(), ctx_sched_in(), event_sched_in(), group_sched_in()")
{
	NEEDS(s->guest_iterations > 0);
	NEEDS(s->exclude_guest == 1);
	EXACTLY(err, 0);
	EXACTLY(counted_inside, 0);
	EXACTLY(eof, 0);
	AT_LEAST(counted_after, 1);
}

RULE(M27.held, "nothing is scheduled in on a CPU whose counters a guest has",
     "merge_sched_in()")
{
	NEEDS(s->entered == 1);
	NEEDS(s->exclude_guest == 1);
	expect_stands_aside(d);
}

RULE(M23.monotonic,
     "time_enabled of an exclude-guest event never goes back, whoever reads it",
     "__perf_event_time_ctx_now()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_iterations > 0);
	EXACTLY(backward_steps, 0);
}

RULE(M23.page,
     "the mmap page of an exclude-guest event leaves the guest out of its times",
     "perf_event_update_userpage()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_min_ns > 0);
	AT_MOST(page_ahead_ns, 0);
	AT_MOST(page_behind_ns, 0);
}

RULE(M23.sample,
     "a sample of an exclude-guest event leaves the guest out of its times",
     "perf_output_read()")
{
	NEEDS(s->exclude_guest == 1);
	NEEDS(s->guest_min_ns > 0);
	AT_MOST(sample_ahead_ns, 0);
	AT_MOST(sample_behind_ns, 0);
}

RULE(M24,
     "an exclude-guest software event counts through the guest while its times leave it out",
     "update_perf_time_ctx(), ctx_sched_in()")
{
	STATED(guest_min_ns);
	STATED(wall_max_ns);
	NEEDS(s->pmu == PMU_SOFTWARE);
	NEEDS(s->exclude_guest == 1);
	AT_LEAST(count_ns, s->guest_min_ns);
	EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	AT_LEAST(left_out_ns, s->guest_min_ns);
}

RULE(M25, "include-guest events of other PMUs keep the full wall time",
     "update_perf_time_ctx()")
{
	STATED(wall_min_ns);
	STATED(wall_max_ns);
	NEEDS(s->pmu != PMU_CORE);
	NEEDS(s->exclude_guest == 0);
	EXPECT(enabled_ns, s->wall_min_ns, s->wall_max_ns);
	EXACTLY(not_running_ns, 0);
}
