/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD core performance counters for TCG: the registers, as RDMSR, WRMSR and
 * RDPMC see them.
 *
 * AMD64 Architecture Programmer's Manual, volume 2, "Hardware Performance
 * Monitoring and Control"; the Processor Programming Reference of family 19h
 * model 11h, "Core Performance Monitor Counters".
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "tcg/rough.h"

#define MSR_PERF_CTL0 0xc0010200u
#define MSR_PERF_CTR_LAST 0xc001020fu
#define MSR_LEGACY_CTL0 0xc0010000u
#define MSR_LEGACY_CTR0 0xc0010004u
#define MSR_LEGACY_CTR_LAST 0xc0010007u
#define MSR_GLOBAL_STATUS 0xc0000300u
#define MSR_GLOBAL_CTL 0xc0000301u
#define MSR_GLOBAL_STATUS_CLR 0xc0000302u
#define MSR_GLOBAL_STATUS_SET 0xc0000303u

/* Everything else of an event select is reserved, and reads as zero. */
#define CTL_WRITABLE                                                          \
    (MAKE_64BIT_MASK(0, 16) | AMD_PMU_CTL_USR | AMD_PMU_CTL_OS | AMD_PMU_CTL_EDGE | AMD_PMU_CTL_INT | AMD_PMU_CTL_EN | \
     AMD_PMU_CTL_INV | MAKE_64BIT_MASK(24, 8) | MAKE_64BIT_MASK(32, 4) |              \
     AMD_PMU_CTL_GUEST_ONLY | AMD_PMU_CTL_HOST_ONLY)

typedef enum RegisterKind {
    REG_NOT_OURS,
    REG_ABSENT,
    REG_CTL,
    REG_CTR,
    REG_GLOBAL,
} RegisterKind;

/* Intel's PMU registers, absent here: a kernel that probes them must see #GP. */
static bool is_foreign(uint32_t msr)
{
    return (msr >= 0xc1 && msr <= 0xc8) || (msr >= 0x186 && msr <= 0x18d) ||
           (msr >= 0x309 && msr <= 0x30c) || (msr >= 0x38d && msr <= 0x391) ||
           msr == 0x345;
}

/* What an MSR is; *@index says which counter, where it is one. */
static RegisterKind classify(CPUX86State *env, uint32_t msr, int *index)
{
    bool core = env->features[FEAT_8000_0001_ECX] & CPUID_EXT3_PERFCORE;
    bool is_ctl;

    if (!env_archcpu(env)->enable_pmu) {
        return REG_NOT_OURS;
    }
    if (msr >= MSR_GLOBAL_STATUS && msr <= MSR_GLOBAL_STATUS_SET) {
        return amd_pmu_has_v2(env) ? REG_GLOBAL : REG_ABSENT;
    }
    if (msr >= MSR_PERF_CTL0 && msr <= MSR_PERF_CTR_LAST) {
        is_ctl = !(msr & 1);
        *index = core ? (msr - MSR_PERF_CTL0) / 2 : AMD_PMU_NUM_CTRS;
    } else if (msr >= MSR_LEGACY_CTL0 && msr <= MSR_LEGACY_CTR_LAST) {
        is_ctl = msr < MSR_LEGACY_CTR0;
        *index = (msr - MSR_LEGACY_CTL0) % AMD_PMU_NUM_LEGACY;
    } else {
        return is_foreign(msr) ? REG_ABSENT : REG_NOT_OURS;
    }
    if (*index >= amd_pmu_num_counters(env)) {
        return REG_ABSENT;
    }
    return is_ctl ? REG_CTL : REG_CTR;
}

bool amd_pmu_rdmsr(CPUX86State *env, uint64_t *val, uintptr_t retaddr)
{
    AMDPMUState *pmu = &env->amd_pmu;
    uint32_t msr = env->regs[R_ECX];
    int i;

    switch (classify(env, msr, &i)) {
    case REG_NOT_OURS:
        return false;
    case REG_ABSENT:
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    case REG_CTL:
        *val = pmu->ctl[i];
        break;
    case REG_CTR:
        amd_pmu_fold(env, false);
        *val = pmu->ctr[i];
        break;
    case REG_GLOBAL:
        amd_pmu_fold(env, false);
        *val = msr == MSR_GLOBAL_STATUS ? pmu->global_status :
               msr == MSR_GLOBAL_CTL ? pmu->global_ctl : 0;
        break;
    }
    return true;
}

static void write_global(AMDPMUState *pmu, uint32_t msr, uint64_t val)
{
    if (msr == MSR_GLOBAL_CTL) {
        pmu->global_ctl = val & AMD_PMU_GLOBAL_MASK;
    } else if (msr == MSR_GLOBAL_STATUS_CLR) {
        pmu->global_status &= ~val;
    } else {
        pmu->global_status |= val & AMD_PMU_GLOBAL_MASK;
    }
}

/* Programming the PMU retires under the old settings, then they change. */
bool amd_pmu_wrmsr(CPUX86State *env, uint64_t val, uintptr_t retaddr)
{
    AMDPMUState *pmu = &env->amd_pmu;
    uint32_t msr = env->regs[R_ECX];
    RegisterKind kind;
    int i;

    kind = classify(env, msr, &i);
    if (kind == REG_NOT_OURS) {
        return false;
    }
    if (kind == REG_ABSENT || msr == MSR_GLOBAL_STATUS) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
    amd_pmu_fold(env, true);
    amd_pmu_commit(env);
    if (kind == REG_CTL) {
        pmu->ctl[i] = val & CTL_WRITABLE;
        if (val & AMD_PMU_CTL_EN) {
            rough_begins(env);
        }
    } else if (kind == REG_CTR) {
        pmu->ctr[i] = val & AMD_PMU_CTR_MASK;
    } else {
        write_global(pmu, msr, val);
    }
    amd_pmu_arm(env);
    return true;
}

uint64_t amd_pmu_rdpmc(CPUX86State *env, uintptr_t retaddr)
{
    uint32_t i = env->regs[R_ECX];

    if (!env_archcpu(env)->enable_pmu) {
        raise_exception_ra(env, EXCP06_ILLOP, retaddr);
    }
    if (i >= amd_pmu_num_counters(env)) {
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
    amd_pmu_fold(env, false);
    return env->amd_pmu.ctr[i];
}
