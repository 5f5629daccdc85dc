// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a guest reaches its PMU: what takes an exit and what does not, what is
 * not there, and what the VMM sees of it (docs/contract/guest.md, M30, M31,
 * M35, M36, M44.init, D26; docs/contract/emulated.md, E10).
 */
#include <cpuid.h>

#include "guest_reach.h"
#include "vm/pattern.h"

#define PATTERN 0x123456780000ull
/* Intel's old numbers take 32 bits with a sign, AMD's all 48. */
#define NEGATIVE 0x80000001ull
#define NEGATIVE_WIDE 0xffff80000001ull

FIXTURE(reach)
{
	struct guest_case c;
};

FIXTURE_SETUP(reach)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(reach)
{
	guest_case_end(&self->c, _metadata);
}

static void reach_msr(struct guest_case *c, enum guest_op op,
		      enum pmu_register reg, unsigned int index)
{
	struct guest_step step = {
		.op = op,
		.index = pmu_msr(&c->pmu, reg, index),
	};

	c->s.reg = register_kind(reg);
	c->s.absent = (reg != PMU_LEGACY_COUNTER || !c->pmu.amd) &&
		      index >= (reg == PMU_FIXED_COUNTER ? c->pmu.fixed
							 : c->pmu.general);
	count_exits(c, &step);
}

static void reach_rdpmc(struct guest_case *c, bool fixed, unsigned int index)
{
	struct guest_step step = {
		.op = GUEST_RDPMC,
		.index = pmu_rdpmc_index(fixed, index),
	};

	c->s.reg = REGISTER_RDPMC;
	c->s.absent = index >= (fixed ? c->pmu.fixed : c->pmu.general);
	count_exits(c, &step);
}

static void judge_read(struct guest_case *c, struct __test_metadata *_metadata,
		       const char *rule, enum pmu_register reg,
		       unsigned int index)
{
	reach_msr(c, GUEST_READ, reg, index);
	JUDGE(rule, &c->s, &c->o, "read of MSR %#x",
	      (unsigned int)pmu_msr(&c->pmu, reg, index));
}

/* Every register that there is, read and written, and the first absent one. */
static void judge_reach(struct guest_case *c, struct __test_metadata *_metadata,
			const char *rule)
{
	static const enum pmu_register several[] = { PMU_EVENTSEL,
						     PMU_COUNTER };
	static const enum pmu_register single[] = { PMU_GLOBAL_CTRL, PMU_STATUS,
						    PMU_STATUS_CLEAR };

	for (unsigned int i = 0; i < 2 * (c->pmu.general + 1); i++) {
		enum pmu_register reg = several[i % 2];

		judge_read(c, _metadata, rule, reg, i / 2);
		reach_msr(c, GUEST_WRITE, reg, i / 2);
		JUDGE(rule, &c->s, &c->o, "write of MSR %#x",
		      (unsigned int)pmu_msr(&c->pmu, reg, i / 2));
	}
	for (unsigned int i = 0; !c->pmu.amd && i <= c->pmu.general; i++)
		judge_read(c, _metadata, rule, PMU_LEGACY_COUNTER, i);
	for (int i = 0; i < 3 && c->pmu.version > 1; i++)
		judge_read(c, _metadata, rule, single[i], 0);
	if (pmu_can_set_status(&c->pmu))
		judge_read(c, _metadata, rule, PMU_STATUS_SET, 0);
	for (unsigned int i = 0; !c->pmu.amd && i <= c->pmu.fixed; i++)
		judge_read(c, _metadata, rule, PMU_FIXED_COUNTER, i);
	if (c->pmu.fixed)
		judge_read(c, _metadata, rule, PMU_FIXED_CTRL, 0);
}

TEST_F(reach, M30_a_guest_with_all_counters)
{
	judge_reach(&self->c, _metadata, "M30");
}

TEST_F(reach, M30_a_guest_with_fewer_counters)
{
	struct guest_case *c = &self->c;

	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_reach(c, _metadata, "M30");
}

TEST_F(reach, M30_old_numbers_of_the_counters)
{
	struct guest_case *c = &self->c;

	for (unsigned int i = 0; i < fewer_counters(c); i++)
		judge_read(c, _metadata, "M30", PMU_LEGACY_COUNTER, i);
}

/* An event select that counts nothing. */
static uint64_t eventsel_off(const struct pmu *pmu, unsigned int index)
{
	return pmu_select(pmu, index % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			  PMU_OFF);
}

/* Counters and event selects, written by the new number and read by the old. */
static void judge_alias(struct guest_case *c, struct __test_metadata *_metadata)
{
	const unsigned int count = fewer_counters(c);
	int read[COUNTERS_MAX], select[COUNTERS_MAX], wide;

	for (unsigned int i = 0; i < count; i++) {
		script_write(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, i),
			     PATTERN + i);
		script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, i),
			     eventsel_off(&c->pmu, i));
	}
	for (unsigned int i = 0; i < count; i++) {
		read[i] = script_read(&c->guest,
				      pmu_msr(&c->pmu, PMU_LEGACY_COUNTER, i));
		select[i] = script_read(
			&c->guest, pmu_msr(&c->pmu, PMU_LEGACY_EVENTSEL, i));
	}
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_LEGACY_COUNTER, 0),
		     NEGATIVE);
	wide = script_read(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, 0));
	script_run(&c->guest);
	c->o.mismatches = script_seen(&c->guest, wide) !=
			  (c->pmu.amd ? NEGATIVE : NEGATIVE_WIDE);
	for (unsigned int i = 0; i < count; i++) {
		c->o.mismatches += script_seen(&c->guest, read[i]) !=
				   PATTERN + i;
		c->o.mismatches += script_seen(&c->guest, select[i]) !=
				   eventsel_off(&c->pmu, i);
	}
	JUDGE("M30.alias", &c->s, &c->o);
}

TEST_F(reach, M30_alias_old_and_new_numbers_are_one_register)
{
	judge_alias(&self->c, _metadata);
}

/* Whether KVM knows an old number does not depend on PerfMonV2. */
TEST_F(reach, M30_alias_in_a_guest_with_the_first_version)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.amd, "an AMD processor");
	guest_case_limit(c, c->pmu.general, 1);
	NEEDS(c->pmu.core, "more than four counters");
	judge_alias(c, _metadata);
}

static void judge_rdpmc(struct guest_case *c, struct __test_metadata *_metadata,
			const char *rule)
{
	/*
	 * Where RDPMC is not intercepted, what lies beyond the core counters
	 * is the hardware's matter (AMD: northbridge and L3 counters).
	 */
	unsigned int beyond = !c->pmu.amd || c->pmu.general < c->host.general;

	for (unsigned int i = 0; i < c->pmu.general + beyond; i++) {
		reach_rdpmc(c, false, i);
		JUDGE(rule, &c->s, &c->o, "counter %u", i);
	}
	for (unsigned int i = 0; !c->pmu.amd && i <= c->pmu.fixed; i++) {
		reach_rdpmc(c, true, i);
		JUDGE(rule, &c->s, &c->o, "fixed counter %u", i);
	}
}

TEST_F(reach, M31_a_guest_with_all_counters)
{
	judge_rdpmc(&self->c, _metadata, "M31");
}

TEST_F(reach, M31_a_guest_with_fewer_counters)
{
	struct guest_case *c = &self->c;

	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_rdpmc(c, _metadata, "M31");
}

static void judge_agreement(struct guest_case *c,
			    struct __test_metadata *_metadata)
{
	int read[COUNTERS_MAX], rdpmc[COUNTERS_MAX];

	for (unsigned int i = 0; i < c->pmu.general; i++) {
		script_write(&c->guest, pmu_msr(&c->pmu, PMU_COUNTER, i),
			     PATTERN + i);
		read[i] = script_read(&c->guest,
				      pmu_msr(&c->pmu, PMU_COUNTER, i));
		rdpmc[i] = script_rdpmc(&c->guest, pmu_rdpmc_index(false, i));
	}
	script_run(&c->guest);
	c->o.mismatches = 0;
	for (unsigned int i = 0; i < c->pmu.general; i++)
		c->o.mismatches += script_seen(&c->guest, read[i]) !=
				   script_seen(&c->guest, rdpmc[i]);
	JUDGE("M31.agree", &c->s, &c->o);
}

TEST_F(reach, M31_agree_rdpmc_and_rdmsr)
{
	judge_agreement(&self->c, _metadata);
}

/* Of a guest with fewer counters KVM serves RDPMC. */
TEST_F(reach, M31_agree_rdpmc_that_exits_and_rdmsr)
{
	struct guest_case *c = &self->c;

	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	NEEDS(c->pmu.version > 1, "a PMU that CPUID can make smaller");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_agreement(c, _metadata);
}

TEST_F(reach, E10_a_guest_with_all_counters)
{
	judge_reach(&self->c, _metadata, "E10");
	judge_rdpmc(&self->c, _metadata, "E10");
}

TEST_F(reach, E10_a_guest_with_fewer_counters)
{
	struct guest_case *c = &self->c;

	NEEDS(!c->pmu.amd || c->pmu.version > 1, "PerfMonV2");
	NEEDS(fewer_counters(c) < c->host.general, "more than four counters");
	guest_case_limit(c, fewer_counters(c), c->pmu.version);
	judge_reach(c, _metadata, "E10");
	judge_rdpmc(c, _metadata, "E10");
}

TEST_F(reach, E10_old_numbers_of_the_counters)
{
	struct guest_case *c = &self->c;

	for (unsigned int i = 0; i < fewer_counters(c); i++)
		judge_read(c, _metadata, "E10", PMU_LEGACY_COUNTER, i);
}

/* A guest without a global control, but with all counters. */
TEST_F(reach, D26_rdpmc_without_a_global_control)
{
	struct guest_case *c = &self->c;

	/* Version 1 has no fixed counters: a host with some has more. */
	NEEDS(!c->host.fixed, "a host without fixed counters");
	guest_case_limit(c, c->host.general, 1);
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		reach_rdpmc(c, false, i);
		JUDGE("D26", &c->s, &c->o, "counter %u", i);
	}
}

TEST_F(reach, M35_kvm_gets_what_the_guest_wrote)
{
	struct guest_case *c = &self->c;

	pattern_write(&c->guest, &c->pmu);
	c->o.mismatches = pattern_kvm_mismatches(&c->guest, &c->pmu);
	JUDGE("M35", &c->s, &c->o);
}

TEST_F(reach, M35_the_guest_finds_what_kvm_set)
{
	struct guest_case *c = &self->c;

	MUST(pattern_kvm_write(&c->guest, &c->pmu));
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	JUDGE("M35", &c->s, &c->o);
}

/* The guest wrote it without an exit: KVM must have looked. */
TEST_F(reach, M35_kvm_gets_the_global_control)
{
	struct guest_case *c = &self->c;
	uint64_t value = 0, wrote = pmu_all(&c->pmu) & ~1ull;

	NEEDS(c->pmu.version > 1, "a PMU with a global control");
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0), wrote);
	script_run(&c->guest);
	GRANTED("M35.taken",
		guest_get_msr(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			      &value));
	c->o.mismatches = value != wrote;
	JUDGE("M35", &c->s, &c->o);
}

TEST_F(reach, M35_the_guest_finds_the_global_control_and_status_kvm_set)
{
	struct guest_case *c = &self->c;
	uint64_t ctrl = pmu_all(&c->pmu) & ~1ull;
	int read[2];

	NEEDS(c->pmu.version > 1, "a PMU with a global control");
	GRANTED("M35.taken",
		guest_set_msr(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			      ctrl));
	GRANTED("M35.taken",
		guest_set_msr(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0), 2));
	read[0] = script_read(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0));
	read[1] = script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
	script_run(&c->guest);
	c->o.mismatches = (script_seen(&c->guest, read[0]) != ctrl) +
			  (script_seen(&c->guest, read[1]) != 2);
	JUDGE("M35", &c->s, &c->o);
}

static void host_work(void *arg)
{
	(void)arg;
	work(TURNS);
}

/*
 * What a counter left running gains over two visits, with @between on the vCPU
 * thread between them: by the guest's own reading.
 */
static int64_t gain_over_two_visits(struct guest_case *c,
				    void (*between)(void *arg))
{
	uint32_t counter = pmu_msr(&c->pmu, PMU_COUNTER, 0);
	uint64_t from;
	int read;

	script_clear(&c->guest);
	read = script_read(&c->guest, counter);
	script_do(&c->guest, GUEST_WORK, TURNS);
	script_run(&c->guest);
	from = script_seen(&c->guest, read);
	if (between)
		guest_call(&c->guest, between, NULL);
	script_run(&c->guest);
	return (int64_t)(script_seen(&c->guest, read) - from);
}

/* A counter that runs stands still while the guest is out. */
TEST_F(reach, M35_a_running_counter_stands_still_outside)
{
	struct guest_case *c = &self->c;
	struct least_of_two least = LEAST_OF_NONE;
	int64_t alone, beside;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_EVENTSEL, 0),
		     pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS));
	script_run(&c->guest);
	do {
		alone = gain_over_two_visits(c, NULL);
		beside = gain_over_two_visits(c, host_work);
	} while (least_wants_more(&least, alone, beside));
	MUST_BE(least.first.value > 0 && least.second.value > 0);
	c->o.mismatches = least_difference(&least);
	if (c->o.mismatches != NOT_KNOWN)
		c->o.mismatches = c->o.mismatches != 0;
	JUDGE("M35", &c->s, &c->o);
}

#define LBR_OR_FREEZE 6u
#define ARCH_LBR (1u << 19)
#define DEBUG_STORE (1u << 21)
#define HIGHEST_VERSION 2

/* Extensions that leaves of CPUID announce: @leaf gives the registers. */
static int64_t extensions(bool amd, bool (*leaf)(uint32_t, uint32_t regs[4]))
{
	uint32_t regs[4];
	int64_t found = 0;

	if (amd)
		return leaf(0x80000022, regs) && (regs[0] & LBR_OR_FREEZE);
	if (leaf(1, regs))
		found += !!(regs[3] & DEBUG_STORE);
	if (leaf(7, regs))
		found += !!(regs[3] & ARCH_LBR);
	if (leaf(0xa, regs))
		found += (regs[0] & 0xff) > HIGHEST_VERSION;
	return found;
}

static bool leaf_of_host(uint32_t leaf, uint32_t regs[4])
{
	return __get_cpuid_count(leaf, 0, &regs[0], &regs[1], &regs[2],
				 &regs[3]);
}

TEST_F(reach, M36_extensions_are_not_announced)
{
	struct guest_case *c = &self->c;

	NEEDS(extensions(c->pmu.amd, leaf_of_host), "a host with LBR or PEBS");
	c->o.announced = extensions(c->pmu.amd, guest_offered);
	JUDGE("M36", &c->s, &c->o);
}

TEST_F(reach, M44_init_and_sipi_leave_the_pmu_as_it_is)
{
	struct guest_case *c = &self->c;

	pattern_write(&c->guest, &c->pmu);
	guest_send_init_and_sipi(&c->guest);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	JUDGE("M44.init", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
