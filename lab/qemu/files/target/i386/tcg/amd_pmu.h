/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD core performance counters for TCG.
 *
 * Each CPU keeps running totals of what it retired, one per mode (host or
 * guest, kernel or user).  The mode is part of the flags a
 * translation block is looked up with, so translated code adds to the right
 * total without asking, and a counter is nothing but a sum over the modes its
 * event select names.  A transition between modes therefore takes effect between
 * two instructions, and costs nothing.
 *
 * Only the thread of a CPU touches that CPU's state (reset excepted, when the
 * CPU does not run), so there is nothing to lock.
 */
#ifndef I386_TCG_AMD_PMU_H
#define I386_TCG_AMD_PMU_H

#define AMD_PMU_NUM_CTRS 6
#define AMD_PMU_NUM_LEGACY 4
#define AMD_PMU_WIDTH 48
#define AMD_PMU_NUM_MODES 4

/* Bits of an event select. */
#define AMD_PMU_CTL_USR BIT_ULL(16)
#define AMD_PMU_CTL_OS BIT_ULL(17)
#define AMD_PMU_CTL_EDGE BIT_ULL(18)
#define AMD_PMU_CTL_INT BIT_ULL(20)
#define AMD_PMU_CTL_EN BIT_ULL(22)
#define AMD_PMU_CTL_INV BIT_ULL(23)
#define AMD_PMU_CTL_GUEST_ONLY BIT_ULL(40)
#define AMD_PMU_CTL_HOST_ONLY BIT_ULL(41)

#define AMD_PMU_CTR_MASK MAKE_64BIT_MASK(0, AMD_PMU_WIDTH)
#define AMD_PMU_GLOBAL_MASK MAKE_64BIT_MASK(0, AMD_PMU_NUM_CTRS)

/* Longest translation block while a counter runs: bounds the PMI's skid. */
#define AMD_PMU_MAX_INSNS 32

/* Mode: an index into the totals. */
#define AMD_PMU_MODE_USER 1
#define AMD_PMU_MODE_GUEST 2

/* What is totalled.  An instruction with a memory operand is one of the last. */
enum {
    AMD_PMU_INSNS,
    AMD_PMU_BRANCHES,
    AMD_PMU_LOADS,
    AMD_PMU_STORES,
    AMD_PMU_LOAD_STORES,
    AMD_PMU_NUM_TOTALS,
};

/* What the instruction in flight has added to the totals of its mode. */
#define AMD_PMU_INFLIGHT_MODE 3
#define AMD_PMU_INFLIGHT(total) (4u << (total))

/* Bits of CPUX86State::hflags that nothing else uses. */
#define HF_AMD_PMU_MASK (1u << 29)    /* a counter runs */
#define HF_AMD_PMU_LS_MASK (1u << 30) /* and one counts memory operands */

typedef struct AMDPMUState {
    /* Registers. A counter holds its value as of the last fold. */
    uint64_t ctl[AMD_PMU_NUM_CTRS];
    uint64_t ctr[AMD_PMU_NUM_CTRS];
    uint64_t global_ctl;
    uint64_t global_status;

    /* Retired so far, the instruction in flight included. */
    uint64_t total[AMD_PMU_NUM_TOTALS][AMD_PMU_NUM_MODES];

    /* How much of it the counters have been given. */
    uint64_t folded[AMD_PMU_NUM_TOTALS][AMD_PMU_NUM_MODES];

    /* No counter can overflow while a mode's instructions stay below limit[mode]. */
    uint64_t limit[AMD_PMU_NUM_MODES];

    /* A PMI comes when so many instructions have retired in all; 0: none. */
    uint64_t pmi_due;

    uint32_t inflight;
} AMDPMUState;

typedef struct CPUArchState CPUX86State;

/* The instruction in flight has retired. */
void amd_pmu_commit(CPUX86State *env);
/* The instruction in flight faulted, was intercepted or will be restarted. */
void amd_pmu_abandon(CPUX86State *env);
/* An exception is raised; arguments as of raise_interrupt2(). */
void amd_pmu_exception(CPUX86State *env, int intno, int is_int,
                       uintptr_t retaddr);
/* Look for an overflow now. */
void amd_pmu_settle(CPUX86State *env);
/* The CPU halts: nothing is late any more. */
void amd_pmu_halts(CPUX86State *env);
/*
 * hflags have the mode that follows. What is in flight leads there, and counts
 * there; an overflow up to here is noticed now.
 */
void amd_pmu_mode_changes(CPUX86State *env);
/* VMRUN is in flight, and the guest's state about to be loaded. */
void amd_pmu_enters_guest(CPUX86State *env);
/* EFER is about to become @efer: host-only and guest-only need its SVME. */
void amd_pmu_load_efer(CPUX86State *env, uint64_t efer);
/* INIT has restored the registers, and cleared hflags. */
void amd_pmu_init(CPUX86State *env);
/* Values after reset. */
void amd_pmu_reset(CPUX86State *env);

/* True if the MSR in ECX is one of ours; raises #GP where hardware does. */
bool amd_pmu_rdmsr(CPUX86State *env, uint64_t *val, uintptr_t retaddr);
bool amd_pmu_wrmsr(CPUX86State *env, uint64_t val, uintptr_t retaddr);
uint64_t amd_pmu_rdpmc(CPUX86State *env, uintptr_t retaddr);

/*
 * Between the two halves of the model: give the counters what was retired
 * (@retires: what is in flight as well; true if that delivered a PMI), and
 * work out anew who runs and how soon one could overflow.
 */
bool amd_pmu_fold(CPUX86State *env, bool retires);
void amd_pmu_arm(CPUX86State *env);
bool amd_pmu_has_v2(CPUX86State *env);
int amd_pmu_num_counters(CPUX86State *env);

/* In what migration saves of a CPU. */
extern const struct VMStateDescription vmstate_amd_pmu;

/* hw/intc/apic.c: an overflow interrupt, by the local APIC's entry. */
void apic_deliver_pmi(DeviceState *dev);

#endif
