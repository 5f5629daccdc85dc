/* SPDX-License-Identifier: GPL-2.0-only */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cputlb.h"
#include "tcg/svm_tlb.h"

/* The first six of MMU indexes, and what a guest adds to them. */
#define HOST_INDEXES MAKE_64BIT_MASK(0, MMU_PHYS_IDX)
#define GUEST_INDEXES (HOST_INDEXES << MMU_GUEST | 1u << MMU_NESTED_IDX)

#define CR0_BITS (CR0_PG_MASK | CR0_WP_MASK | CR0_PE_MASK)
#define CR4_BITS (CR4_PGE_MASK | CR4_PAE_MASK | CR4_PSE_MASK | \
                  CR4_SMEP_MASK | CR4_SMAP_MASK | CR4_LA57_MASK | \
                  CR4_PKE_MASK | CR4_PKS_MASK | CR4_LAM_SUP_MASK)
#define EFER_BITS (MSR_EFER_LMA | MSR_EFER_LME | MSR_EFER_NXE)

QEMU_BUILD_BUG_ON(HF_GUEST_MASK != 1u << 21);
QEMU_BUILD_BUG_ON(MMU_GUEST != 8);

static SVMTLBSpace space_of(CPUX86State *env, uint32_t asid)
{
    bool nested = env->hflags2 & HF2_NPT_MASK;

    return (SVMTLBSpace){
        .asid = asid,
        .nested_cr3 = nested ? env->nested_cr3 : 0,
        .nested_pg_mode = nested ? env->nested_pg_mode : 0,
        .cr0 = env->cr[0] & CR0_BITS,
        .cr3 = env->cr[3],
        .cr4 = env->cr[4] & CR4_BITS,
        .efer = env->efer & EFER_BITS,
    };
}

static bool is_same(const SVMTLBSpace *a, const SVMTLBSpace *b)
{
    return !memcmp(a, b, sizeof(*a));
}

void svm_tlb_flush(CPUX86State *env, bool all)
{
    if (env->svm_tlb.switches) {
        return;
    }
    if (all) {
        tlb_flush(env_cpu(env));
    } else if (env->hflags & HF_GUEST_MASK) {
        /* What translates the guest's physical addresses stays. */
        tlb_flush_by_mmuidx(env_cpu(env), HOST_INDEXES << MMU_GUEST);
    } else {
        tlb_flush_by_mmuidx(env_cpu(env), HOST_INDEXES);
    }
}

void svm_tlb_leaves_host(CPUX86State *env)
{
    env->svm_tlb.host = space_of(env, 0);
    env->svm_tlb.switches = true;
}

void svm_tlb_enters_guest(CPUX86State *env, uint32_t asid)
{
    SVMTLBSpace guest = space_of(env, asid);

    env->svm_tlb.switches = false;
    if (!is_same(&guest, &env->svm_tlb.guest)) {
        tlb_flush_by_mmuidx(env_cpu(env), GUEST_INDEXES);
    }
    env->svm_tlb.guest = guest;
}

void svm_tlb_leaves_guest(CPUX86State *env)
{
    uint32_t asid = env->svm_tlb.guest.asid;

    /*
     * The guest may have loaded others, and what went with them is flushed. Of
     * a VMRUN that fails nobody knows which registers were loaded.
     */
    env->svm_tlb.guest = space_of(env, env->svm_tlb.switches ? 0 : asid);
    env->svm_tlb.switches = true;
}

void svm_tlb_enters_host(CPUX86State *env)
{
    SVMTLBSpace host = space_of(env, 0);

    env->svm_tlb.switches = false;
    if (!is_same(&host, &env->svm_tlb.host)) {
        tlb_flush(env_cpu(env));
    }
}
