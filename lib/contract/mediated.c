// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mediated contract, as Linux 7.x merged it: a VM claims the PMU when its
 * first vCPU is created, and include-guest events and such VMs exclude each
 * other. docs/contract/mediated.md has the words and the sources.
 */
#include <errno.h>

#include "expect.h"

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

static int expect_m1(const struct scenario *s, struct expectation *e)
{
	if (!known(s->kvm_enable_pmu) || !known(s->core_capable))
		return 0;
	if (!s->kvm_enable_pmu || !s->core_capable)
		e[0] = EXACTLY(param_effective, 0);
	else if (known(s->param_requested))
		e[0] = EXACTLY(param_effective, s->param_requested);
	else
		e[0] = EXPECT(param_effective, 0, 1);
	return 1;
}

/* Only a PMU that can be handed over is ever claimed. */
static int expect_m2(const struct scenario *s, struct expectation *e)
{
	if (!known(s->core_capable) || !known(s->param_requested) ||
	    !known(s->kvm_enable_pmu))
		return 0;
	e[0] = EXACTLY(claimed, s->core_capable && s->param_requested &&
					s->kvm_enable_pmu);
	return 1;
}

static int expect_claimed(const struct scenario *s, struct expectation *e)
{
	if (!known(s->claims))
		return 0;
	e[0] = EXACTLY(claimed, s->claims > 0);
	return 1;
}

static int expect_m4(const struct scenario *s, struct expectation *e)
{
	if (s->irqchip != 0)
		return 0;
	e[0] = EXACTLY(err, create_vcpu_errno(s));
	e[1] = EXACTLY(claimed, 0);
	return 2;
}

static int expect_m5(const struct scenario *s, struct expectation *e)
{
	if (!known(s->vcpus) || !known(s->irqchip))
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(claimed, s->vcpus > 0 && vm_claims(s));
	return 2;
}

static int expect_create(const struct scenario *s, struct expectation *e)
{
	int err;

	if (!known(s->include_events) || !known(s->claims) ||
	    !known(s->vcpus) || !known(s->irqchip))
		return 0;
	err = create_vcpu_errno(s);
	e[0] = EXACTLY(err, err);
	/* Asking needs an include-guest event, so there is no second claim. */
	e[1] = EXACTLY(claimed, !err && vm_claims(s));
	return 2;
}

static int expect_m7(const struct scenario *s, struct expectation *e)
{
	const int64_t disable = 1; /* KVM_PMU_CAP_DISABLE */
	bool refused;

	if (!known(s->cap_bits) || !known(s->vcpus) ||
	    !known(s->kvm_enable_pmu))
		return 0;
	refused = !s->kvm_enable_pmu || (s->cap_bits & ~disable) ||
		  s->vcpus > 0 || s->claim_tried == 1;
	e[0] = EXACTLY(err, refused ? EINVAL : 0);
	return 1;
}

static int expect_claim_kept(const struct scenario *s, struct expectation *e)
{
	if (!known(s->refs) || !known(s->claim_tried))
		return 0;
	e[0] = EXACTLY(claimed, s->claim_tried && s->refs > 0);
	return 1;
}

static int expect_m11(const struct scenario *s, struct expectation *e)
{
	if (!known(s->claims) || !known(s->exclude_guest) || !known(s->pmu) ||
	    !known(s->own_errno))
		return 0;
	e[0] = EXACTLY(err, open_errno(s));
	return 1;
}

/* An inherited event must not be refused: its parent exists already. */
static int expect_m13(const struct scenario *s, struct expectation *e)
{
	if (s->inherited != 1 || !known(s->exclude_guest) ||
	    !(s->host_work > 0))
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(claimed, 0);
	/* The child's, that is: its parent works less. */
	e[2] = AT_LEAST(counted_after, s->host_work);
	return 3;
}

static int expect_m14(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = EXACTLY(both, 0);
	e[2] = EXACTLY(neither, 0);
	e[3] = EXACTLY(strange, 0);
	e[4] = EXACTLY(left_over, 0);
	return 5;
}

/* What perf(1) does when it is refused: once more, without the guest. */
static int expect_m18(const struct scenario *s, struct expectation *e)
{
	if (!(s->claims > 0) || s->exclude_guest != 1)
		return 0;
	e[0] = EXACTLY(err, open_errno(s));
	return 1;
}

static int expect_m16(const struct scenario *s, struct expectation *e)
{
	if (!known(s->pmu) || s->pmu == PMU_CORE || !known(s->own_errno))
		return 0;
	e[0] = EXACTLY(err, open_errno(s));
	return 1;
}

static int expect_m17(const struct scenario *s, struct expectation *e)
{
	/* The watchdog's own event is the include-guest event in question. */
	if (!known(s->claims) || !known(s->include_events))
		return 0;
	e[0] = EXACTLY(err, create_vcpu_errno(s));
	e[1] = EXACTLY(sysctl_value, 1);
	return 2;
}

/* Counts before and after, not in between, and is not condemned. */
static int expect_stands_aside(struct expectation *e)
{
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(counted_inside, 0);
	e[2] = EXACTLY(eof, 0);
	e[3] = AT_LEAST(counted_after, 1);
	return 4;
}

static int expect_m21(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0) || s->pmu != PMU_CORE || !s->exclude_guest)
		return 0;
	return expect_stands_aside(e);
}

static int expect_m21_priority(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0) || !known(s->pinned))
		return 0;
	e[0] = EXACTLY(eof, 0);
	/* A flexible event shares the counters: its turn need not have come. */
	if (s->pinned != 1)
		return 1;
	e[1] = CONTROL(counted_before, 1);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

static int expect_m22(const struct scenario *s, struct expectation *e)
{
	if (!known(s->calls_alternate))
		return 0;
	e[0] = EXACTLY(warned, !s->calls_alternate);
	return 1;
}

static int expect_m23(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_min_ns) || !known(s->wall_max_ns) ||
	    s->exclude_guest != 1)
		return 0;
	e[0] = EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	e[1] = EXACTLY(not_running_ns, 0);
	return 2;
}

/* Neither more nor less than the host's share of the wall time. */
static int expect_m23_sum(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_min_ns) || !known(s->guest_max_ns) ||
	    !known(s->wall_min_ns) || !known(s->wall_max_ns) ||
	    s->exclude_guest != 1)
		return 0;
	e[0] = EXPECT(enabled_ns, s->wall_min_ns - s->guest_max_ns,
		      s->wall_max_ns - s->guest_min_ns);
	e[1] = EXACTLY(not_running_ns, 0);
	return 2;
}

static int expect_m26(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_min_ns) || !known(s->wall_max_ns) ||
	    s->exclude_guest != 1)
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	e[2] = EXPECT(running_ns, 1, s->wall_max_ns - s->guest_min_ns);
	return 3;
}

static int expect_m26_running(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_min_ns > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(not_running_ns, 0);
	return 2;
}

static int expect_m27(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_beats > 0) || s->exclude_guest != 1)
		return 0;
	e[0] = EXACTLY(err, 0);
	e[1] = EXACTLY(counted_inside, 0);
	e[2] = EXACTLY(eof, 0);
	e[3] = AT_LEAST(counted_after, 1);
	return 4;
}

static int expect_m27_held(const struct scenario *s, struct expectation *e)
{
	if (s->entered != 1 || s->exclude_guest != 1)
		return 0;
	return expect_stands_aside(e);
}

static int expect_m28(const struct scenario *s, struct expectation *e)
{
	if (!(s->crowd > s->counters) || !(s->exits_asked > 0))
		return 0;
	e[0] = CONTROL(exits_made, s->exits_asked);
	e[1] = EXACTLY(starved, 0);
	e[2] = EXACTLY(eof, 0);
	return 3;
}

static int expect_m23_monotonic(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_beats > 0))
		return 0;
	e[0] = EXACTLY(backward_steps, 0);
	return 1;
}

static int expect_m23_page(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_min_ns > 0))
		return 0;
	e[0] = AT_MOST(page_ahead_ns, 0);
	e[1] = AT_MOST(page_behind_ns, 0);
	return 2;
}

static int expect_m23_sample(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_min_ns > 0))
		return 0;
	e[0] = AT_MOST(sample_ahead_ns, 0);
	e[1] = AT_MOST(sample_behind_ns, 0);
	return 2;
}

static int expect_m24(const struct scenario *s, struct expectation *e)
{
	if (!known(s->guest_min_ns) || !known(s->wall_max_ns) ||
	    s->pmu != PMU_SOFTWARE || s->exclude_guest != 1)
		return 0;
	e[0] = AT_LEAST(count_ns, s->guest_min_ns);
	e[1] = EXPECT(enabled_ns, 1, s->wall_max_ns - s->guest_min_ns);
	e[2] = AT_LEAST(left_out_ns, s->guest_min_ns);
	return 3;
}

static int expect_m25(const struct scenario *s, struct expectation *e)
{
	if (!known(s->wall_min_ns) || !known(s->wall_max_ns) ||
	    s->pmu == PMU_CORE || s->exclude_guest != 0)
		return 0;
	e[0] = EXPECT(enabled_ns, s->wall_min_ns, s->wall_max_ns);
	e[1] = EXACTLY(not_running_ns, 0);
	return 2;
}

#define MEDIATED(...) RULE(CONTRACT_MEDIATED, __VA_ARGS__)

static const struct rule rules[] = {
	MEDIATED("M1", expect_m1,
		 "enable_mediated_pmu reads back what is really in force"),
	MEDIATED("M2", expect_m2,
		 "only a core PMU that can be handed over is claimed"),
	MEDIATED("M3", expect_claimed,
		 "every VM claims that has an irqchip and not refused its PMU"),
	MEDIATED(
		"M4", expect_m4,
		"a VM without an in-kernel irqchip loses its PMU silently and claims nothing"),
	MEDIATED(
		"M5", expect_m5,
		"the claim is made by the first KVM_CREATE_VCPU of a VM, not before and not again"),
	MEDIATED(
		"M6", expect_create,
		"KVM_CREATE_VCPU is refused while an include-guest event of a capable PMU exists"),
	MEDIATED(
		"M7", expect_m7,
		"KVM_CAP_PMU_CAPABILITY is refused once a vCPU or a claim exists, for unknown bits, and without a PMU"),
	MEDIATED("M8", expect_claim_kept,
		 "the claim survives a vCPU creation that fails after it"),
	MEDIATED("M9", expect_claim_kept,
		 "the claim is released when the last reference to the VM goes"),
	MEDIATED(
		"M10", expect_claimed,
		"a vCPU without a PMU in its CPUID holds the claim all the same"),
	MEDIATED(
		"M11", expect_m11,
		"while a VM holds the claim, opening an include-guest event of a capable PMU is refused"),
	MEDIATED(
		"M12", expect_create,
		"what blocks a VM is the existence of an include-guest event, not its activity"),
	MEDIATED("M13", expect_m13,
		 "no fork() is refused for an inherited event"),
	MEDIATED(
		"M14", expect_m14,
		"of an event and a first vCPU that race, exactly one is refused"),
	MEDIATED(
		"M16", expect_m16,
		"events of PMUs that are not handed to guests are never refused"),
	MEDIATED(
		"M17", expect_m17,
		"the hard-lockup watchdog is an include-guest event like any other"),
	MEDIATED("M18", expect_m18,
		 "an open that was refused succeeds with exclude_guest"),
	MEDIATED(
		"M21", expect_m21,
		"exclude-guest events stop at guest entry, never go to ERROR, and count again after exit"),
	MEDIATED(
		"M21.priority", expect_m21_priority,
		"guest exit schedules by priority: pinned before flexible, and nobody is condemned"),
	MEDIATED("M22", expect_m22,
		 "a second load and a put without load are warned about"),
	MEDIATED(
		"M23", expect_m23,
		"read() leaves the guest out of both times of an exclude-guest event"),
	MEDIATED(
		"M23.sum", expect_m23_sum,
		"the times of an exclude-guest event are the wall time less the guest's"),
	MEDIATED(
		"M23.monotonic", expect_m23_monotonic,
		"time_enabled of an exclude-guest event never goes back, whoever reads it"),
	MEDIATED(
		"M23.page", expect_m23_page,
		"the mmap page of an exclude-guest event leaves the guest out of its times"),
	MEDIATED(
		"M23.sample", expect_m23_sample,
		"a sample of an exclude-guest event leaves the guest out of its times"),
	MEDIATED(
		"M24", expect_m24,
		"an exclude-guest software event counts through the guest while its times leave it out"),
	MEDIATED("M25", expect_m25,
		 "include-guest events of other PMUs keep the full wall time"),
	MEDIATED("M26", expect_m26,
		 "the times of a cgroup's event leave the guest out"),
	MEDIATED(
		"M26.running", expect_m26_running,
		"a cgroup's event that shares its counter with nobody runs as long as it is enabled"),
	MEDIATED(
		"M27", expect_m27,
		"an event opened or enabled while a guest runs counts from the next exit on"),
	MEDIATED("M27.held", expect_m27_held,
		 "nothing is scheduled in on a CPU whose counters a guest has"),
	MEDIATED("M28", expect_m28,
		 "events that share counters go on taking turns between exits"),
};

const struct rules mediated_rules = RULES(rules);
