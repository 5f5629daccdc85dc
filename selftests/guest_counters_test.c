// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a guest as registers: how many there are, how wide, what they
 * hold after reset, and their overflow status (docs/contract/guest.md, M38, M44
 * to M46, M56).
 */
#include "all_registers.h"
#include "base/file.h"
#include "guest_case.h"

#define EMULATED_TURNS 50
/* Four bits each: Intel SDM volume 3, "IA32_FIXED_CTR_CTRL". */
#define FIXED_CONTROLS 16

/* Where a script reads what it does not read. */
#define NOT_READ -1

FIXTURE(counters)
{
	struct guest_case c;
};

FIXTURE_SETUP(counters)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(counters)
{
	guest_case_end(&self->c, _metadata);
}

/*
 * Set the first counter so that the step overflows it, and let it.
 * Returns where the script reads the status.
 */
static int overflow(struct guest_case *c, enum guest_op op, uint64_t times,
		    uint64_t before)
{
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;
	uint64_t bit = 1;

	script_clear(guest);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(guest, pmu_msr(pmu, PMU_EVENTSEL, 0),
		     pmu_select(pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS));
	script_write(guest, pmu_msr(pmu, PMU_COUNTER, 0),
		     pmu_counter_max(pmu) - before);
	script_write(guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), pmu_all(pmu));
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), bit);
	script_do(guest, op, times);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	c->s.status = (int64_t)bit;
	return script_read(guest, pmu_msr(pmu, PMU_STATUS, 0));
}

/* The status after @reg was written. Returns where the script reads it. */
static int status_after(struct guest_case *c, enum pmu_register reg)
{
	script_write(&c->guest, pmu_msr(&c->pmu, reg, 0),
		     (uint64_t)c->s.status);
	return script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
}

static int status_after_exits(struct guest_case *c)
{
	script_do(&c->guest, GUEST_OUT, EMULATED_TURNS);
	return script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
}

/* @made, @cleared, @set: where the script read the status, the last if it can
 * be set at all.
 */
static void judge_status(struct guest_case *c,
			 struct __test_metadata *_metadata, int made,
			 int cleared, int set)
{
	c->o.status_made = (int64_t)script_seen(&c->guest, made);
	c->o.status_cleared = (int64_t)script_seen(&c->guest, cleared);
	if (set != NOT_READ)
		c->o.status_set = (int64_t)script_seen(&c->guest, set);
	JUDGE("M46", &c->s, &c->o);
}

TEST_F(counters, M46_overflow_sets_its_status_bit)
{
	struct guest_case *c = &self->c;
	int made, cleared, set = NOT_READ;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	made = overflow(c, GUEST_WORK, TURNS, TURNS);
	cleared = status_after(c, PMU_STATUS_CLEAR);
	if (pmu_can_set_status(&c->pmu)) {
		set = status_after(c, PMU_STATUS_SET);
		status_after(c, PMU_STATUS_CLEAR);
	}
	script_run(&c->guest);
	judge_status(c, _metadata, made, cleared, set);
}

static void judge_exits(struct guest_case *c, struct __test_metadata *_metadata)
{
	int made, cleared, set = NOT_READ;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	overflow(c, GUEST_WORK, TURNS, TURNS);
	made = status_after_exits(c);
	cleared = status_after(c, PMU_STATUS_CLEAR);
	if (pmu_can_set_status(&c->pmu)) {
		status_after(c, PMU_STATUS_SET);
		set = status_after_exits(c);
		status_after(c, PMU_STATUS_CLEAR);
	}
	script_run(&c->guest);
	judge_status(c, _metadata, made, cleared, set);
}

TEST_F(counters, M46_status_survives_exits)
{
	judge_exits(&self->c, _metadata);
}

/* Then KVM answers, whatever the mode. */
TEST_F(counters, M46_status_of_a_guest_with_fewer_counters)
{
	struct guest_case *c = &self->c;

	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_exits(c, _metadata);
}

/* Let the first counter count @event, from @from. */
static void script_count_from(struct guest_case *c, enum pmu_event event,
			      uint64_t from)
{
	const struct pmu *pmu = &c->pmu;
	struct guest *guest = &c->guest;

	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(guest, pmu_eventsel_msr(pmu, 0),
		     pmu_select(pmu, event, PMU_USER | PMU_OS));
	script_write(guest, pmu_counter_msr(pmu, 0), from);
	script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 1);
	script_do(guest, GUEST_WORK, 2 * TURNS);
}

/* The rest of the script, which has to leave the status empty. */
static void judge_none(struct guest_case *c, struct __test_metadata *_metadata)
{
	int count, status;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0), 0);
	count = script_read(&c->guest, pmu_counter_msr(&c->pmu, 0));
	status = script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
	script_run(&c->guest);
	c->o.guest_control = (int64_t)script_seen(&c->guest, count);
	c->o.status_made = (int64_t)script_seen(&c->guest, status);
	JUDGE("M46.none", &c->s, &c->o);
}

TEST_F(counters, M46_none_from_zero)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	script_write(&c->guest, pmu_counter_msr(&c->pmu, 0), 1);
	script_count_from(c, PMU_INSTRUCTIONS, 0);
	judge_none(c, _metadata);
}

/* Nothing here makes KVM emulate a branch, and so set up the counter anew. */
TEST_F(counters, M46_none_after_an_overflow)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with a status register");
	script_count_from(c, PMU_BRANCHES, pmu_counter_max(&c->pmu) - TURNS);
	script_do(&c->guest, GUEST_WORK, calibration_late_turns());
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_STATUS_CLEAR, 0), 1);
	script_do(&c->guest, GUEST_WORK, 4 * TURNS);
	judge_none(c, _metadata);
}

TEST_F(counters, M38_a_counter_has_its_width)
{
	struct guest_case *c = &self->c;
	int wrote, read;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0), 0);
	wrote = script_write(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, 0),
			     pmu_counter_max(&c->pmu));
	read = script_read(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, 0));
	script_run(&c->guest);
	c->o.vector = script_vector(&c->guest, wrote);
	c->o.highest = (int64_t)script_seen(&c->guest, read);
	JUDGE("M38", &c->s, &c->o);
}

/* KVM, which keeps counters by that width, hands over all of it. */
TEST_F(counters, M38_all_of_it_is_loaded)
{
	struct guest_case *c = &self->c;
	uint32_t msr = pmu_msr(&c->pmu, PMU_COUNTER, 0);
	int read;

	GRANTED("M35.taken",
		guest_set_msr(&c->guest, msr, pmu_counter_max(&c->pmu)));
	read = script_read(&c->guest, msr);
	script_run(&c->guest);
	c->o.vector = script_vector(&c->guest, read);
	c->o.highest = (int64_t)script_seen(&c->guest, read);
	JUDGE("M38", &c->s, &c->o);
}

TEST_F(counters, M44_a_new_guest_finds_the_state_after_reset)
{
	struct guest_case *c = &self->c;

	read_all_registers(&c->guest, &c->pmu, &c->o);
	JUDGE("M44", &c->s, &c->o);
}

/* How many of the registers from the first on can be read without #GP. */
static int64_t registers_found(struct guest_case *c, enum pmu_register reg)
{
	int step[COUNTERS_MAX];
	int64_t found = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		step[i] = script_read(&c->guest, pmu_msr(&c->pmu, reg, i));
	script_run(&c->guest);
	while (found < COUNTERS_MAX && !script_vector(&c->guest, step[found]))
		found++;
	return found;
}

static int64_t rdpmc_found(struct guest_case *c)
{
	int step[COUNTERS_MAX];
	int64_t found = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		step[i] = script_rdpmc(&c->guest, pmu_rdpmc_index(false, i));
	script_run(&c->guest);
	while (found < COUNTERS_MAX && !script_vector(&c->guest, step[found]))
		found++;
	return found;
}

static void judge_found(struct guest_case *c, struct __test_metadata *_metadata)
{
	NEEDS(!guest_msrs_are_ignored(), "kvm.ignore_msrs=N");
	c->o.registers_found = registers_found(c, PMU_COUNTER);
	if (!c->pmu.amd)
		c->o.fixed_found = registers_found(c, PMU_FIXED_COUNTER);
	JUDGE("M45", &c->s, &c->o, "by RDMSR");
	/* With all of them RDPMC is the hardware's: it may have others beyond.
	 */
	if (c->pmu.general == c->host.general && c->pmu.fixed == c->host.fixed)
		return;
	c->o.registers_found = rdpmc_found(c);
	JUDGE("M45", &c->s, &c->o, "by RDPMC");
}

TEST_F(counters, M56_all_counters_of_the_host_are_offered)
{
	struct guest_case *c = &self->c;

	c->o.offered_counters = c->pmu.general;
	c->o.offered_fixed = c->pmu.fixed;
	c->o.offered_version = c->pmu.version;
	/* The numbers that a counter had first. */
	c->s.listed_counters = guest_listed(
		&c->pmu, c->pmu.amd ? PMU_COUNTER : PMU_LEGACY_COUNTER);
	c->s.listed_fixed =
		c->pmu.amd ? 0 : guest_listed(&c->pmu, PMU_FIXED_COUNTER);
	JUDGE("M56", &c->s, &c->o);
}

TEST_F(counters, M45_as_many_counters_as_announced)
{
	judge_found(&self->c, _metadata);
}

TEST_F(counters, M45_fewer_announced_than_there_are)
{
	struct guest_case *c = &self->c;

	NEEDS(!c->pmu.amd || c->pmu.version > 1, "PerfMonV2");
	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_found(c, _metadata);
}

/* For how many fixed counters the control can be written. */
static int64_t fixed_controls_found(struct guest_case *c)
{
	int step[FIXED_CONTROLS];
	int64_t found = 0;

	script_clear(&c->guest);
	for (unsigned int i = 0; i < FIXED_CONTROLS; i++)
		step[i] = script_write(&c->guest,
				       pmu_msr(&c->pmu, PMU_FIXED_CTRL, 0),
				       pmu_select_fixed(i, PMU_USER | PMU_OS));
	script_run(&c->guest);
	for (unsigned int i = 0; i < FIXED_CONTROLS; i++)
		found += !script_vector(&c->guest, step[i]);
	return found;
}

TEST_F(counters, M45_as_many_controls_of_fixed_counters_as_announced)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.fixed > 0, "a PMU with fixed counters");
	c->o.fixed_found = fixed_controls_found(c);
	JUDGE("M45.fixed", &c->s, &c->o);
}

/* Of IA32_PERF_GLOBAL_STATUS: SDM volume 4, "Trace_ToPA_PMI". */
#define STATUS_TOPA (1ull << 55)

/* With Intel PT of their own; then KVM takes its bit from any guest. */
static bool guests_may_trace(void)
{
	return file_number("/sys/module/kvm_intel/parameters/pt_mode", 0);
}

/*
 * With fewer counters than the host has, so that KVM, and not the hardware,
 * answers.
 */
TEST_F(counters, M45_M46_no_bit_of_what_is_not_announced)
{
	struct guest_case *c = &self->c;
	uint64_t others;
	int bit[3], bits = 0, status, control[2];

	NEEDS(!c->pmu.amd, "an Intel processor");
	NEEDS(c->pmu.version > 1 && c->pmu.general > 1,
	      "a PMU with a global control");
	guest_case_limit(c, c->pmu.general - 1, c->pmu.version);
	others = 1ull << c->pmu.general;
	control[0] = script_write(&c->guest,
				  pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
				  pmu_all(&c->pmu));
	control[1] = script_write(&c->guest,
				  pmu_msr(&c->pmu, PMU_STATUS_CLEAR, 0),
				  pmu_all(&c->pmu));
	bit[bits++] = script_write(
		&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0), others);
	bit[bits++] = script_write(
		&c->guest, pmu_msr(&c->pmu, PMU_STATUS_CLEAR, 0), others);
	if (!guests_may_trace())
		bit[bits++] = script_write(
			&c->guest, pmu_msr(&c->pmu, PMU_STATUS_CLEAR, 0),
			STATUS_TOPA);
	status = script_write(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0), 1);
	script_run(&c->guest);
	c->o.guest_control = !script_vector(&c->guest, control[0]) &&
			     !script_vector(&c->guest, control[1]);
	c->o.bits_found = 0;
	for (int i = 0; i < bits; i++)
		c->o.bits_found += !script_vector(&c->guest, bit[i]);
	c->o.status_writes = !script_vector(&c->guest, status);
	JUDGE("M45.bits", &c->s, &c->o);
	JUDGE("M46.written", &c->s, &c->o);
}

/* With all counters of the host, so that nothing else makes them exit. */
TEST_F(counters, M45_no_global_control_where_none_is_announced)
{
	struct guest_case *c = &self->c;
	const enum pmu_register absent[] = { PMU_GLOBAL_CTRL, PMU_STATUS,
					     PMU_STATUS_CLEAR };
	int counter, step[6], steps = 0;

	NEEDS(c->host.version > 1, "a PMU with a global control");
	NEEDS(!guest_msrs_are_ignored(), "kvm.ignore_msrs=N");
	guest_case_limit(c, c->host.general, 1);
	counter = script_read(&c->guest, pmu_counter_msr(&c->pmu, 0));
	for (unsigned int i = 0; i < 3; i++) {
		step[steps++] =
			script_read(&c->guest, pmu_msr(&c->host, absent[i], 0));
		step[steps++] = script_write(
			&c->guest, pmu_msr(&c->host, absent[i], 0), 0);
	}
	script_run(&c->guest);
	c->o.guest_control = !script_vector(&c->guest, counter);
	c->o.registers_found = 0;
	for (int i = 0; i < steps; i++)
		c->o.registers_found += !script_vector(&c->guest, step[i]);
	JUDGE("M45.control", &c->s, &c->o);
}

/* Intel SDM volume 4, "Architectural MSRs" and those of processors with LBR. */
#define PERF_CAPABILITIES 0x345
#define CAPABILITIES_LBR_FMT 0x3full
#define LBR_SELECT 0x1c8
#define LBR_TOS 0x1c9

/* Returns 0 or an errno: of a vCPU that has not run. */
static int take_lbr_away(struct guest *guest)
{
	uint64_t all;

	if (guest_get_msr(guest, PERF_CAPABILITIES, &all) ||
	    !(all & CAPABILITIES_LBR_FMT))
		return 0;
	return guest_set_msr(guest, PERF_CAPABILITIES,
			     all & ~CAPABILITIES_LBR_FMT);
}

/* Read them in one run with a register that the guest does have. */
static void judge_no_lbr(struct guest_case *c,
			 struct __test_metadata *_metadata, uint32_t there)
{
	int control = script_read(&c->guest, there);
	int select = script_read(&c->guest, LBR_SELECT);
	int top = script_read(&c->guest, LBR_TOS);

	script_run(&c->guest);
	c->o.guest_control = !script_vector(&c->guest, control);
	c->o.registers_found = !script_vector(&c->guest, select) +
			       !script_vector(&c->guest, top);
	JUDGE("M45.lbr", &c->s, &c->o);
}

TEST_F(counters, M45_no_branch_record_where_none_is_announced)
{
	struct guest_case *c = &self->c;

	NEEDS(!c->pmu.amd, "an Intel processor");
	NEEDS(!guest_msrs_are_ignored(), "kvm.ignore_msrs=N");
	MUST(take_lbr_away(&c->guest));
	judge_no_lbr(c, _metadata, pmu_counter_msr(&c->pmu, 0));
}

TEST_F(counters, M45_no_branch_record_without_a_pmu)
{
	struct guest_case *c = &self->c;

	NEEDS(!c->pmu.amd, "an Intel processor");
	NEEDS(!guest_msrs_are_ignored(), "kvm.ignore_msrs=N");
	guest_case_limit(c, 0, 0);
	judge_no_lbr(c, _metadata, GUEST_LVTPC_MSR);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, NULL);
}
