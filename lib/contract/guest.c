// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest that was handed the PMU finds there, and what it leaves to the
 * host. Asked under every contract: how the host gives its events up differs,
 * that the guest then owns the counters does not. docs/contract/guest.md has
 * the words and the sources.
 */
#include "expect.h"

#define GP_VECTOR 13
/* Intel SDM volume 3, "Architectural Performance Monitoring Version 4". */
#define VERSION_SETS_STATUS 4
/*
 * The least of KVM_MAX_NR_AMD_GP_COUNTERS, KVM_MAX_NR_INTEL_GP_COUNTERS and
 * KVM_MAX_NR_FIXED_COUNTERS; the version is kvm_init_pmu_capability()'s.
 */
#define KVM_AMD_COUNTERS 6
#define KVM_INTEL_COUNTERS 8
#define KVM_FIXED 3
#define KVM_VERSION 2

static int64_t low_bits(int64_t count)
{
	return (int64_t)((1ull << count) - 1);
}

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
	case REGISTER_SELECTOR:
		return true;
	case REGISTER_GLOBAL:
		return !all || s->guest_version < 2;
	case REGISTER_RDPMC:
		return !all;
	default:
		return false;
	}
}

static int expect_m20(const struct scenario *s, struct expectation *e)
{
	if (!known(s->host_counters))
		return 0;
	e[0] = CONTROL(leak_control, 1);
	e[1] = EXACTLY(leaked, 0);
	return 2;
}

static int expect_m29(const struct scenario *s, struct expectation *e)
{
	int64_t reach;

	if (!known(s->overflows) || !known(s->pmi_masked) || !known(s->amd))
		return 0;
	reach = s->pmi_masked ? 0 : s->overflows;
	e[0] = EXACTLY(interrupts, reach);
	e[1] = EXACTLY(guest_pmis, reach);
	e[2] = EXACTLY(nmis_inside, 0);
	e[3] = EXACTLY(status_made, s->status);
	/* Intel masks the entry when it delivers. */
	e[4] = EXACTLY(lvt_masked, s->pmi_masked || !s->amd);
	return 5;
}

static int expect_access(const struct scenario *s, struct expectation *e)
{
	if (!known(s->reg) || !known(s->guest_counters) ||
	    !known(s->host_counters) || !known(s->guest_version) ||
	    !known(s->absent))
		return 0;
	e[0] = EXACTLY(vector, s->absent ? GP_VECTOR : 0);
	if (s->absent)
		return 1;
	e[1] = EXACTLY(access_exits, intercepted(s) ? s->accesses : 0);
	return 2;
}

static int expect_m37_kept(const struct scenario *s, struct expectation *e)
{
	if (!(s->accesses > 0))
		return 0;
	e[0] = EXACTLY(vector, 0);
	e[1] = EXACTLY(handed_on, s->accesses);
	return 2;
}

static int expect_m32(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!known(s->filtered) || !guest_count(s, &count) ||
	    !(count.least > 0))
		return 0;
	e[0] = CONTROL(guest_control, 1);
	e[1] = s->filtered ? EXACTLY(guest_counted, 0)
			   : COUNTS(guest_counted, count);
	e[2] = EXACTLY(mismatches, 0);
	e[3] = EXACTLY(vector, 0);
	return 4;
}

/* AMD64 APM volume 2, "PERF_CTL": Host/Guest Only. */
static int expect_m33(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;
	bool counts;

	if (!known(s->host_only) || !known(s->guest_only) || !known(s->svme) ||
	    !known(s->nested) || !guest_count(s, &count) || !(count.least > 0))
		return 0;
	if (!s->host_only && !s->guest_only)
		counts = true;
	else if (!s->svme)
		counts = false;
	else
		counts = s->nested ? s->guest_only : s->host_only;
	e[0] = counts ? COUNTS(guest_counted, count)
		      : EXACTLY(guest_counted, 0);
	return 1;
}

static int expect_exact(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!guest_count(s, &count))
		return 0;
	e[0] = COUNTS(guest_counted, count);
	if (count.least > 0)
		return 1;
	/* "Nothing" means something only beside a counter that moved. */
	e[1] = CONTROL(guest_control, 1);
	return 2;
}

/* As many as there were, and each as the processor counts it. */
static int expect_m57(const struct scenario *s, struct expectation *e)
{
	struct guest_count count;

	if (!(s->guest_entries > 0) || !guest_count(s, &count))
		return 0;
	e[0] = COUNTS(guest_counted, count);
	return 1;
}

static int expect_m58(const struct scenario *s, struct expectation *e)
{
	int64_t count;

	if (!nested_count(s, &count))
		return 0;
	e[0] = EXACTLY(guest_counted, count);
	return 1;
}

static int expect_m34_overflow(const struct scenario *s, struct expectation *e)
{
	if (!(s->overflows > 0) || !known(s->status))
		return 0;
	e[0] = EXACTLY(status_made, s->status);
	e[1] = EXACTLY(interrupts, s->overflows);
	return 2;
}

static int expect_kept(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_counters > 0))
		return 0;
	e[0] = EXACTLY(mismatches, 0);
	return 1;
}

static int expect_m36(const struct scenario *s, struct expectation *e)
{
	if (!known(s->amd))
		return 0;
	e[0] = EXACTLY(announced, 0);
	return 1;
}

static int expect_m38(const struct scenario *s, struct expectation *e)
{
	if (!(s->counter_width > 0))
		return 0;
	e[0] = EXACTLY(highest, low_bits(s->counter_width));
	e[1] = EXACTLY(vector, 0);
	return 2;
}

static int expect_m42(const struct scenario *s, struct expectation *e)
{
	if (!(s->exits_asked > 0))
		return 0;
	e[0] = CONTROL(exits_made, s->exits_asked);
	e[1] = CONTROL(counted_before, 1);
	e[2] = EXACTLY(mismatches, 0);
	return 3;
}

static int expect_m43(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !(s->guest_beats > 0))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(host_surplus, 0);
	return 2;
}

static int expect_m44(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_counters > 0) || !known(s->guest_version))
		return 0;
	e[0] = EXACTLY(selectors_or, 0);
	e[1] = EXACTLY(counters_or, 0);
	if (s->guest_version < 2)
		return 2;
	e[2] = EXACTLY(global_ctrl, low_bits(s->guest_counters));
	return 3;
}

static int expect_m45(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_counters > 0))
		return 0;
	e[0] = EXACTLY(registers_found, s->guest_counters);
	/* Only Intel has fixed ones. */
	if (s->amd != 0 || !known(s->guest_fixed))
		return 1;
	e[1] = EXACTLY(fixed_found, s->guest_fixed);
	return 2;
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

/*
 * All that KVM lists, and no fewer than any KVM with a mediated PMU has room
 * for; a newer one may have more.
 */
static int expect_m56(const struct scenario *s, struct expectation *e)
{
	if (!known(s->amd) || !known(s->host_counters) ||
	    !known(s->host_fixed) || !known(s->host_version) ||
	    !known(s->listed_counters) || !known(s->listed_fixed))
		return 0;
	e[0] = EXPECT(offered_counters,
		      at_most(s->host_counters,
			      s->amd ? KVM_AMD_COUNTERS : KVM_INTEL_COUNTERS),
		      s->host_counters);
	e[1] = EXPECT(offered_fixed, at_most(s->host_fixed, KVM_FIXED),
		      s->host_fixed);
	e[2] = EXPECT(offered_version, at_most(s->host_version, KVM_VERSION),
		      s->host_version);
	e[3] = EXACTLY(offered_counters, s->listed_counters);
	e[4] = EXACTLY(offered_fixed, s->listed_fixed);
	return 5;
}

static int expect_m46(const struct scenario *s, struct expectation *e)
{
	if (!(s->status > 0))
		return 0;
	e[0] = EXACTLY(status_made, s->status);
	e[1] = EXACTLY(status_cleared, 0);
	/* Intel's guests get a PMU of version 2, which cannot set bits. */
	if (s->amd == 0 && s->guest_version < VERSION_SETS_STATUS)
		return 2;
	e[2] = EXACTLY(status_set, s->status);
	return 3;
}

/* Inside is only where nothing of the host runs: there the guest must stay. */
static int expect_m47(const struct scenario *s, struct expectation *e)
{
	if (s->exclude_guest != 1 || !known(s->exits_asked))
		return 0;
	e[0] = CONTROL(counted_before, 1);
	e[1] = EXACTLY(eof, 0);
	e[2] = AT_LEAST(counted_after, 1);
	if (s->exits_asked)
		return 3;
	e[3] = EXACTLY(counted_inside, 0);
	return 4;
}

static int expect_m19(const struct scenario *s, struct expectation *e)
{
	if (!(s->exits_asked > 0) || s->exclude_guest != 1)
		return 0;
	e[0] = CONTROL(exits_made, s->exits_asked);
	e[1] = CONTROL(counted_before, 1);
	e[2] = EXACTLY(counted_inside, 0);
	return 3;
}

static int expect_m48(const struct scenario *s, struct expectation *e)
{
	if (!(s->guest_counters > 0) || !(s->attempts_asked > 0))
		return 0;
	e[0] = EXACTLY(mismatches, 0);
	e[1] = EXACTLY(failed, 0);
	e[2] = AT_LEAST(counted_after, 1);
	return 3;
}

static int expect_m49(const struct scenario *s, struct expectation *e)
{
	if (!known(s->host_counters))
		return 0;
	e[0] = CONTROL(leak_control, 1);
	e[1] = EXACTLY(left_over, 0);
	e[2] = EXACTLY(leaked, 0);
	e[3] = AT_LEAST(counted_after, 1);
	e[4] = AT_LEAST(samples_after, 1);
	return 5;
}

static int expect_m50(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = CONTROL(exits_made, s->attempts_asked);
	e[2] = EXACTLY(failed, 0);
	e[3] = EXACTLY(left_over, 0);
	e[4] = EXACTLY(mismatches, 0);
	e[5] = AT_LEAST(counted_after, 1);
	return 6;
}

static int expect_m51(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = CONTROL(counted_before, 1);
	e[2] = EXACTLY(failed, 0);
	return 3;
}

/* Whatever came before it: only a condemned event is in ERROR. */
static int expect_m52(const struct scenario *s, struct expectation *e)
{
	if (!known(s->condemned))
		return 0;
	e[0] = EXACTLY(eof, s->condemned);
	return 1;
}

static int expect_m53(const struct scenario *s, struct expectation *e)
{
	if (!known(s->host_work) || !known(s->host_work_most))
		return 0;
	e[0] = EXPECT(counted_after, s->host_work, s->host_work_most);
	return 1;
}

static int expect_m54(const struct scenario *s, struct expectation *e)
{
	if (!known(s->time_before))
		return 0;
	e[0] = AT_LEAST(enabled_ns, s->time_before);
	e[1] = AT_LEAST(not_running_ns, 0);
	return 2;
}

static int expect_m55(const struct scenario *s, struct expectation *e)
{
	if (!(s->attempts_asked > 0))
		return 0;
	e[0] = CONTROL(attempts, s->attempts_asked);
	e[1] = EXACTLY(warned, 0);
	return 2;
}

#define GUEST(...) RULE(CONTRACT_ANY, __VA_ARGS__)

static const struct rule rules[] = {
	GUEST("M19", expect_m19,
	      "an exit that KVM serves in its fast path gives nothing back to the host"),
	GUEST("M20", expect_m20,
	      "neither side finds a value of the other in a counter"),
	GUEST("M29", expect_m29,
	      "an overflow of the guest's counter interrupts the guest, and nobody else"),
	GUEST("M30", expect_access,
	      "the guest reaches its counters without an exit, its selectors only through KVM"),
	GUEST("M30.alias", expect_kept,
	      "AMD's old and new numbers of a counter are one register"),
	GUEST("M31", expect_access,
	      "RDPMC needs no exit if the guest has all counters of the host"),
	GUEST("M31.agree", expect_kept, "RDPMC and RDMSR of a counter agree"),
	GUEST("M32", expect_m32,
	      "the event filter stops a counter, and the guest reads back what it wrote"),
	GUEST("M33", expect_m33,
	      "the guest's host-only and guest-only bits mean its own guests"),
	GUEST("M34", expect_exact,
	      "what KVM emulates for the guest is counted"),
	GUEST("M34.overflow", expect_m34_overflow,
	      "an overflow by an emulated instruction is one like any other"),
	GUEST("M35", expect_kept,
	      "KVM_GET_MSRS and KVM_SET_MSRS see the guest's registers"),
	GUEST("M36", expect_m36,
	      "what cannot be handed over is not announced to the guest"),
	GUEST("M37", expect_access,
	      "a nested guest reaches what its own host lets through"),
	GUEST("M37.same", expect_kept,
	      "guest and nested guest find in a register what either wrote"),
	GUEST("M37.kept", expect_m37_kept,
	      "a nested guest does not reach what its own host keeps"),
	GUEST("M38", expect_m38, "a counter has the width the vendor gives it"),
	GUEST("M41", expect_exact,
	      "a counter of the guest counts exactly what the guest retires at the levels it selects"),
	GUEST("M42", expect_m42,
	      "what the guest wrote survives every exit, whatever the host counts meanwhile"),
	GUEST("M43", expect_m43,
	      "what a host event counts does not depend on how long a guest ran"),
	GUEST("M44", expect_m44,
	      "a new vCPU finds its PMU in the state after reset"),
	GUEST("M44.init", expect_kept, "INIT leaves the PMU as it is"),
	GUEST("M45", expect_m45,
	      "there are as many counters as CPUID announces"),
	GUEST("M46", expect_m46,
	      "an overflow sets its status bit, and the guest can clear and set it"),
	GUEST("M47", expect_m47,
	      "an exclude-guest event of whatever kind counts the host, not the guest, and is never condemned"),
	GUEST("M48", expect_m48,
	      "guest and host keep their counters when a CPU goes and comes back"),
	GUEST("M49", expect_m49,
	      "a guest that is gone, however it ended, leaves the PMU as it was"),
	GUEST("M50", expect_m50,
	      "races of opening, closing, forking and enabling with guest entry leave nothing behind"),
	GUEST("M51", expect_m51,
	      "whoever reads an event around a guest, by whatever way, reads the same"),
	GUEST("M52", expect_m52,
	      "after any history, an event is in ERROR if the contract condemned it, and only then"),
	GUEST("M53", expect_m53,
	      "after any history, an event has counted the work it was on for, and no other"),
	GUEST("M54", expect_m54,
	      "after any history, the times of an event have not gone back, and it ran no longer than it was enabled"),
	GUEST("M55", expect_m55, "no history makes the kernel complain"),
	GUEST("M56", expect_m56,
	      "a guest is offered all counters of the host that KVM has room for"),
	GUEST("M57", expect_m57,
	      "a VM entry adds to the guest's counts what the processor counts for it, and no more"),
	GUEST("M58", expect_m58,
	      "VMRUN of a nested hypervisor counts in its guest-only counters"),
};

const struct rules guest_rules = RULES(rules);
