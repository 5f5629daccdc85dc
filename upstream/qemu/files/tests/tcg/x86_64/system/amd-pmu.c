/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD's core performance counters: what they count and when, the status of an
 * overflow, and the other ways to read them.
 *
 * AMD64 APM volume 2, "Hardware Performance Monitoring and Control".
 */

#include <stdint.h>
#include <stdbool.h>
#include <minilib.h>
#include "msr.h"

#define MSR_GLOBAL_STATUS 0xc0000300
#define MSR_GLOBAL_CTL 0xc0000301
#define MSR_GLOBAL_STATUS_CLR 0xc0000302
#define MSR_CTL(n) (0xc0010200 + 2 * (n))
#define MSR_CTR(n) (0xc0010201 + 2 * (n))
#define MSR_LEGACY_CTL0 0xc0010000
#define MSR_LEGACY_CTR0 0xc0010004

#define INSNS 0xc0u
#define BRANCHES 0xc2u
#define USR (1ull << 16)
#define OS (1ull << 17)
#define EN (1ull << 22)
#define GUEST_ONLY (1ull << 40)
#define HOST_ONLY (1ull << 41)
#define WIDTH 48

/* 1 + 2 * 1000 instructions, 1000 of them branches. */
#define LOOP "mov $1000, %%ebx\n\t1: dec %%ebx\n\tjnz 1b\n\t"
/* WRMSR that stops the counter, and the three before it. */
#define STOP_INSNS 4

static int failures;

static void check(const char *what, uint64_t expected, uint64_t seen)
{
    if (seen != expected) {
        failures++;
    }
    ml_printf("%s: %s: expected %ld, seen %ld\n",
              seen == expected ? "PASS" : "FAIL", what, expected, seen);
}

static uint64_t rdpmc(uint32_t counter)
{
    uint32_t low, high;

    asm volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
    return low | (uint64_t)high << 32;
}

/* The counter 0 over the loop, from @start. */
static uint64_t count(uint64_t ctl, uint64_t start)
{
    uint32_t low = ctl, high = ctl >> 32, msr = MSR_CTL(0);

    wrmsr(MSR_CTL(0), 0);
    wrmsr(MSR_CTR(0), start);
    asm volatile("wrmsr\n\t" LOOP
                 "nop\n\txor %%eax, %%eax\n\txor %%edx, %%edx\n\twrmsr"
                 : "+a"(low), "+d"(high), "+c"(msr) : : "rbx", "memory", "cc");
    return rdmsr(MSR_CTR(0));
}

static bool has_perfmon_v2(void)
{
    uint32_t eax = 0x80000000, ebx, ecx = 0, edx;

    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (eax < 0x80000022) {
        return false;
    }
    eax = 0x80000022;
    ecx = 0;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return eax & 1;
}

int main(void)
{
    const uint64_t insns = 2001 + STOP_INSNS;

    if (!has_perfmon_v2()) {
        ml_printf("FAIL: the CPU has no PerfMonV2\n");
        return 1;
    }
    wrmsr(MSR_GLOBAL_CTL, 1);
    check("retired instructions", insns, count(EN | OS | INSNS, 0));
    check("retired branches", 1000, count(EN | OS | BRANCHES, 0));
    check("CPL 3 only", 0, count(EN | USR | INSNS, 0));
    check("not enabled", 0, count(OS | INSNS, 0));
    wrmsr(MSR_GLOBAL_CTL, 0);
    check("not enabled globally", 0, count(EN | OS | INSNS, 0));
    wrmsr(MSR_GLOBAL_CTL, 1);
    check("host only, without SVM", 0, count(EN | OS | INSNS | HOST_ONLY, 0));
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    check("guest only", 0, count(EN | OS | INSNS | GUEST_ONLY, 0));
    check("host only", insns, count(EN | OS | INSNS | HOST_ONLY, 0));
    check("RDPMC", insns, rdpmc(0));

    wrmsr(MSR_GLOBAL_STATUS_CLR, ~0ull);
    check("the counter wraps", 1,
          count(EN | OS | INSNS, (1ull << WIDTH) - insns + 1));
    check("its status bit", 1, rdmsr(MSR_GLOBAL_STATUS));
    wrmsr(MSR_GLOBAL_STATUS_CLR, 1);
    check("cleared", 0, rdmsr(MSR_GLOBAL_STATUS));
    wrmsr(MSR_LEGACY_CTR0, 1234);
    check("the legacy counter is an alias", 1234, rdmsr(MSR_CTR(0)));
    wrmsr(MSR_CTL(0), OS | BRANCHES);
    check("and its event select", OS | BRANCHES, rdmsr(MSR_LEGACY_CTL0));
    return failures != 0;
}
