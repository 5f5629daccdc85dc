/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of host and guest side by side, as the tag of an address space
 * (ASID) keeps them apart: AMD64 APM volume 2, "TLB Control". Neither VMRUN nor
 * the exit flushes the other's, and a guest that comes back under its ASID finds
 * its own.
 */
#ifndef I386_TCG_SVM_TLB_H
#define I386_TCG_SVM_TLB_H

/* What translations depend on, beside the tables in memory. */
typedef struct SVMTLBSpace {
    uint64_t asid;
    uint64_t nested_cr3, nested_pg_mode;
    uint64_t cr0, cr3, cr4, efer;
} SVMTLBSpace;

/*
 * @host: the host's, while a guest runs
 * @guest: whose translations are kept; of ASID 0, which no guest has: nobody's
 * @switches: registers are loaded for the other side
 */
typedef struct SVMTLBState {
    SVMTLBSpace host, guest;
    bool switches;
} SVMTLBState;

typedef struct CPUArchState CPUX86State;

/* What is added to an MMU index, by hflags. */
static inline int svm_tlb_mode(uint32_t hflags)
{
    return hflags & (1u << 21) ? 8 : 0;
}

/*
 * A control register changes: forget the translations of the side that runs,
 * or @all; none if the side changes, too.
 */
void svm_tlb_flush(CPUX86State *env, bool all);

/*
 * VMRUN, before the guest's registers are loaded and after that. Its TLB control
 * is served beside; a flush of one ASID is not announced by CPUID.
 */
void svm_tlb_leaves_host(CPUX86State *env);
void svm_tlb_enters_guest(CPUX86State *env, uint32_t asid);

/* An exit, likewise. */
void svm_tlb_leaves_guest(CPUX86State *env);
void svm_tlb_enters_host(CPUX86State *env);

#endif
