// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side where it has the counters of the hardware: under the
 * mediated contract and the RFC's passthrough. Where a guest's counters are
 * events of the host, KVM sees every access, and AMD's mode bits mean nothing.
 * docs/contract/guest.md has the words and the sources.
 */
#define RULES_OF BY_PASSTHROUGH
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

/*
 * Does KVM see this access, or does the guest make it without an exit? Global
 * control and RDPMC reach all counters, the fixed ones among them
 * (kvm_need_any_pmc_intercept()).
 */
static bool intercepted(const struct scenario *s)
{
	bool all = s->guest_counters == s->host_counters &&
		   s->guest_fixed == s->host_fixed;

	switch (s->reg) {
	case REGISTER_EVENTSEL:
		return true;
	case REGISTER_GLOBAL:
		return !all || s->guest_version < 2;
	case REGISTER_RDPMC:
		return !all;
	default:
		return false;
	}
}

RULE(M19,
     "an exit that KVM serves in its fast path gives nothing back to the host",
     "vcpu_enter_guest(), svm_exit_handlers_fastpath()")
{
	NEEDS(s->exits_asked > 0);
	NEEDS(s->exclude_guest == 1);
	CONTROL(exits_made, s->exits_asked);
	CONTROL(counted_before, 1);
	EXACTLY(counted_inside, 0);
}

static void expect_access(const struct scenario *s, struct demands *d)
{
	STATED(reg);
	STATED(guest_counters);
	STATED(host_counters);
	STATED(guest_version);
	STATED(absent);
	EXACTLY(vector, s->absent ? GP_VECTOR : 0);
	if (s->absent)
		return;
	EXACTLY(access_exits, intercepted(s) ? s->accesses : 0);
}

RULE(M30,
     "the guest accesses its counters without a VM exit, and its event selects only through KVM",
     "svm_recalc_pmu_msr_intercepts(), vmx_recalc_pmu_msr_intercepts(), kvm_need_perf_global_ctrl_intercept(), amd_pmu_get_msr(), amd_pmu_set_msr(), intel_pmu_get_msr(), intel_pmu_set_msr()")
{
	expect_access(s, d);
}

RULE(M31, "RDPMC needs no exit if the guest has all counters of the host",
     "kvm_need_rdpmc_intercept()")
{
	expect_access(s, d);
}

/* AMD64 APM volume 2, "PERF_CTL": Host/Guest Only. */
RULE(M33, "the guest's host-only and guest-only bits mean its own guests",
     "amd_pmc_is_disabled_in_current_mode(), svm_pmu_handle_nested_transition(), __kvm_pmu_reprogram_counters(); AMD64 APM volume 2, PERF_CTL Registers")
{
	struct guest_count count;
	bool counts;

	STATED(host_only);
	STATED(guest_only);
	STATED(svme);
	STATED(nested);
	if (!guest_count(s, d, &count))
		return;
	NEEDS(count.least > 0);
	if (!s->host_only && !s->guest_only)
		counts = true;
	else if (!s->svme)
		counts = false;
	else
		counts = s->nested ? s->guest_only : s->host_only;
	if (counts)
		COUNTS(guest_counted, count);
	else
		EXACTLY(guest_counted, 0);
}

RULE(M36, "what a mediated PMU cannot offer is not announced to the guest",
     "kvm_init_pmu_capability(), kvm_initialize_cpu_caps()")
{
	STATED(amd);
	EXACTLY(announced, 0);
}

RULE(M37,
     "a nested guest accesses without a VM exit what its own hypervisor passes through",
     "nested_svm_merge_msrpm(), nested_vmx_merge_pmu_msr_bitmaps()")
{
	expect_access(s, d);
}

RULE(M58, "VMRUN of a nested hypervisor counts in its guest-only counters",
     "nested_svm_vmrun()")
{
	int64_t count;

	if (!nested_count(s, d, &count))
		return;
	EXACTLY(guest_counted, count);
}

RULE(M64,
     "the host's PMU is set up after a guest as it was before it, whatever that left in its own",
     "kvm_pmu_put_guest_pmcs(), perf_put_guest_lvtpc(), svm_vcpu_run(), vmx_vcpu_run()")
{
	expect_set_up_again(s, d);
}

RULE(M64.quiet,
     "and where the host has no event whose interrupt would set it up",
     "amd_mediated_pmu_put(), intel_mediated_pmu_put(), kvm_pmu_put_guest_pmcs()")
{
	NEEDS(s->exits_asked > 0);
	CONTROL(exits_made, s->exits_asked);
	CONTROL_BY(M41, guest_control, 1);
	EXACTLY(registers_left, 0);
}
