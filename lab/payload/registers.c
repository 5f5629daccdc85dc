// SPDX-License-Identifier: GPL-2.0-only
/* What is there, what it holds, and what raises #GP. */
#include "payload.h"

static void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b, uint32_t *c)
{
	uint32_t d;

	__asm__ volatile("cpuid"
			 : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(d)
			 : "a"(leaf), "c"(0));
}

static int rdmsr_faults(uint32_t msr)
{
	uint64_t value = 0;

	return probe_rdmsr(msr, &value);
}

static int wrmsr_faults(uint32_t msr, uint64_t value)
{
	return probe_wrmsr(msr, &value);
}

static void test_reset_values(void)
{
	uint64_t ctl = 0, ctr = 0;

	for (int i = 0; i < NUM_CTRS; i++) {
		ctl |= rdmsr(MSR_CTL(i));
		ctr |= rdmsr(MSR_CTR(i));
	}
	check("event selects are zero after reset", 0, ctl);
	check("counters are zero after reset", 0, ctr);
	check("global control enables every counter after reset", 0x3f,
	      rdmsr(MSR_GLOBAL_CTL));
	check("global status is zero after reset", 0, rdmsr(MSR_GLOBAL_STATUS));
}

static void test_aliases(void)
{
	uint64_t differences = 0;

	for (int i = 0; i < 4; i++) {
		wrmsr(MSR_LEGACY_CTL(i), INSNS | i << 8);
		wrmsr(MSR_LEGACY_CTR(i), 1000 + i);
		differences += rdmsr(MSR_CTL(i)) != (INSNS | i << 8);
		differences += rdmsr(MSR_CTR(i)) != 1000u + i;
		wrmsr(MSR_CTL(i), BRANCHES);
		wrmsr(MSR_CTR(i), 2000 + i);
		differences += rdmsr(MSR_LEGACY_CTL(i)) != BRANCHES;
		differences += rdmsr(MSR_LEGACY_CTR(i)) != 2000u + i;
	}
	check("the legacy pairs are the first four core pairs", 0, differences);
	pmu_clear();
}

static void test_widths(void)
{
	wrmsr(MSR_CTR(5), ~0ull);
	check("counters are 48 bits wide", CTR_MASK, rdmsr(MSR_CTR(5)));
	wrmsr(MSR_CTL(5), ~EN);
	check("reserved bits of an event select read back as zero",
	      0xfull << 32 | GUEST_ONLY | HOST_ONLY |
		      (0xffffffff & ~(EN | 1u << 19 | 1u << 21)),
	      rdmsr(MSR_CTL(5)));
	wrmsr(MSR_GLOBAL_CTL, ~0ull);
	check("global control holds one bit per counter", 0x3f,
	      rdmsr(MSR_GLOBAL_CTL));
	pmu_clear();
}

static void test_status(void)
{
	wrmsr(MSR_GLOBAL_SET, 0x2a);
	check("status-set sets bits", 0x2a, rdmsr(MSR_GLOBAL_STATUS));
	wrmsr(MSR_GLOBAL_SET, 0x01);
	check("status-set keeps the others", 0x2b, rdmsr(MSR_GLOBAL_STATUS));
	wrmsr(MSR_GLOBAL_CLR, 0x0a);
	check("status-clear clears what it names", 0x21,
	      rdmsr(MSR_GLOBAL_STATUS));
	check("status-clear and status-set read as zero", 0,
	      rdmsr(MSR_GLOBAL_CLR) | rdmsr(MSR_GLOBAL_SET));
	pmu_clear();
}

static void test_faults(void)
{
	uint64_t value = 0;

	check("writing the status register raises #GP", 1,
	      wrmsr_faults(MSR_GLOBAL_STATUS, 0));
	check("reading the event select of an absent counter raises #GP", 1,
	      rdmsr_faults(MSR_CTL(NUM_CTRS)));
	check("writing an absent counter raises #GP", 1,
	      wrmsr_faults(MSR_CTR(NUM_CTRS), 0));
	check("Intel's event selects raise #GP", 1, rdmsr_faults(0x186));
	check("Intel's global control raises #GP", 1, rdmsr_faults(0x38f));
	check("RDPMC of the last counter works", 0,
	      probe_rdpmc(NUM_CTRS - 1, &value));
	check("RDPMC of an absent counter raises #GP", 1,
	      probe_rdpmc(NUM_CTRS, &value));
	check("RDPMC with a high bit set raises #GP", 1,
	      probe_rdpmc(1u << 30, &value));
}

void test_registers(void)
{
	uint32_t a, b, c;

	cpuid(0x80000022, &a, &b, &c);
	check("CPUID announces PerfMonV2", 1, a & 1);
	check("CPUID announces six core counters", NUM_CTRS, b & 0xf);
	check("CPUID announces no LBR and no northbridge counters", 0,
	      (a & ~1u) | (b & ~0xfu) | c);
	cpuid(0x80000001, &a, &b, &c);
	check("CPUID announces the core counter extension", 1, c >> 23 & 1);
	test_reset_values();
	test_aliases();
	test_widths();
	test_status();
	test_faults();
}
