/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD core performance counters for TCG: what they count, and overflow.
 *
 * Registers and their behaviour: AMD64 Architecture Programmer's Manual,
 * volume 2, "Hardware Performance Monitoring and Control", and the Processor
 * Programming Reference of family 19h model 11h, "Core Performance Monitor
 * Counters".  docs/lab.md of the project lists what is not modelled.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/main-loop.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "hw/i386/apic.h"
#include "tcg/helper-tcg.h"
#include "tcg/rough.h"

/* Event selects: PMCx029 (its unit mask adds up), PMCx076, PMCx0C0, PMCx0C2. */
#define EVENT_LS_DISPATCH 0x029
#define EVENT_CYCLES 0x076
#define EVENT_INSNS 0x0c0
#define EVENT_BRANCHES 0x0c2

/* How a counter advances: this much for each unit of each total. */
typedef struct CounterRate {
    int of[AMD_PMU_NUM_TOTALS];
    bool any;
    bool cycles;
} CounterRate;

static AMDPMUState *pmu_of(CPUX86State *env)
{
    return &env->amd_pmu;
}

bool amd_pmu_has_v2(CPUX86State *env)
{
    return env->features[FEAT_8000_0022_EAX] & CPUID_8000_0022_EAX_PERFMON_V2;
}

int amd_pmu_num_counters(CPUX86State *env)
{
    return env->features[FEAT_8000_0001_ECX] & CPUID_EXT3_PERFCORE ?
               AMD_PMU_NUM_CTRS : AMD_PMU_NUM_LEGACY;
}

/*
 * One instruction takes one cycle, so an event happens at most once in a
 * cycle: a counter mask of one counts the cycles it happened in, a larger mask
 * none, and the inverted forms the other cycles.  Edge detection would need
 * the order of events and is not modelled: such a counter stands still.
 */
static CounterRate counter_rate(uint64_t ctl)
{
    unsigned event = extract64(ctl, 0, 8) | extract64(ctl, 32, 4) << 8;
    unsigned umask = extract64(ctl, 8, 8);
    unsigned cmask = extract64(ctl, 24, 8);
    CounterRate rate = { 0 };
    int i;

    if (ctl & AMD_PMU_CTL_EDGE) {
        return rate;
    }
    switch (event) {
    case EVENT_LS_DISPATCH:
        rate.of[AMD_PMU_LOADS] = umask & 1;
        rate.of[AMD_PMU_STORES] = umask >> 1 & 1;
        rate.of[AMD_PMU_LOAD_STORES] = umask >> 2 & 1;
        break;
    case EVENT_CYCLES:
        rate.cycles = true;
        /* fall through */
    case EVENT_INSNS:
        rate.of[AMD_PMU_INSNS] = 1;
        break;
    case EVENT_BRANCHES:
        rate.of[AMD_PMU_BRANCHES] = 1;
        break;
    default:
        return rate;
    }
    if (cmask > 1) {
        rate = (CounterRate){ 0 };
    }
    /* Without a counter mask the invert bit has nothing to invert. */
    if (cmask && (ctl & AMD_PMU_CTL_INV)) {
        for (i = 0; i < AMD_PMU_NUM_TOTALS; i++) {
            rate.of[i] = (i == AMD_PMU_INSNS) - rate.of[i];
        }
    }
    for (i = 0; i < AMD_PMU_NUM_TOTALS; i++) {
        rate.any |= rate.of[i] != 0;
    }
    return rate;
}

/* The set of modes a counter counts in, one bit each. */
static unsigned counter_modes(CPUX86State *env, uint64_t ctl)
{
    uint64_t who = ctl & (AMD_PMU_CTL_GUEST_ONLY | AMD_PMU_CTL_HOST_ONLY);
    unsigned modes = 0;
    int mode;

    if (who && !(env->efer & MSR_EFER_SVME)) {
        return 0;
    }
    for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
        bool user = mode & AMD_PMU_MODE_USER;
        bool guest = mode & AMD_PMU_MODE_GUEST;

        if ((ctl & (user ? AMD_PMU_CTL_USR : AMD_PMU_CTL_OS)) &&
            (!who || (who & (guest ? AMD_PMU_CTL_GUEST_ONLY : AMD_PMU_CTL_HOST_ONLY)))) {
            modes |= 1u << mode;
        }
    }
    return modes;
}

static bool counter_runs(CPUX86State *env, int i, CounterRate *rate,
                         unsigned *modes)
{
    AMDPMUState *pmu = pmu_of(env);

    if (i >= amd_pmu_num_counters(env) || !(pmu->ctl[i] & AMD_PMU_CTL_EN)) {
        return false;
    }
    if (amd_pmu_has_v2(env) && !(pmu->global_ctl & BIT_ULL(i))) {
        return false;
    }
    *rate = counter_rate(pmu->ctl[i]);
    *modes = counter_modes(env, pmu->ctl[i]);
    return *modes && rate->any;
}

void amd_pmu_commit(CPUX86State *env)
{
    pmu_of(env)->inflight = 0;
}

void amd_pmu_abandon(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);
    unsigned mode = pmu->inflight & AMD_PMU_INFLIGHT_MODE;
    int i;

    for (i = 0; i < AMD_PMU_NUM_TOTALS; i++) {
        pmu->total[i][mode] -= !!(pmu->inflight & AMD_PMU_INFLIGHT(i));
    }
    pmu->inflight = 0;
}

void amd_pmu_exception(CPUX86State *env, int intno, int is_int,
                       uintptr_t retaddr)
{
    if (is_int) {
        /* INT n retires, unless it is intercepted or its delivery faults. */
        return;
    }
    if (intno == EXCP01_DB && !retaddr) {
        /* A trap, or a breakpoint ahead: what was in flight has retired. */
        amd_pmu_commit(env);
    } else {
        amd_pmu_abandon(env);
    }
}

/*
 * Retired since the last fold, by total and mode.  Negative where an
 * instruction was abandoned after it was folded.
 * @retires: the instruction in flight counts as retired.
 */
static void take_news(AMDPMUState *pmu, bool retires,
                      int64_t news[AMD_PMU_NUM_TOTALS][AMD_PMU_NUM_MODES])
{
    unsigned inflight_mode = pmu->inflight & AMD_PMU_INFLIGHT_MODE;
    unsigned i, mode;

    for (i = 0; i < AMD_PMU_NUM_TOTALS; i++) {
        for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
            uint64_t now = pmu->total[i][mode];

            if (!retires && mode == inflight_mode) {
                now -= !!(pmu->inflight & AMD_PMU_INFLIGHT(i));
            }
            news[i][mode] = now - pmu->folded[i][mode];
            pmu->folded[i][mode] = now;
        }
    }
}

static uint64_t retired(const AMDPMUState *pmu)
{
    uint64_t sum = 0;
    int mode;

    for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
        sum += pmu->total[AMD_PMU_INSNS][mode];
    }
    return sum;
}

static void deliver_pmi(CPUX86State *env)
{
    CPUState *cs = env_cpu(env);
    bool can_do_io = cs->neg.can_do_io;

    /*
     * With -icount an interrupt may only be raised at the end of a block.
     * This one is part of what the instructions do, not of a device whose
     * time would be counted wrongly; it is taken at the end all the same.
     */
    BQL_LOCK_GUARD();
    cs->neg.can_do_io = true;
    apic_deliver_pmi(env_archcpu(env)->apic_state);
    cs->neg.can_do_io = can_do_io;
}

/*
 * One is wanted, or was.  A second before the first has come is one with it.
 * Returns true if it was delivered.
 */
static bool pmi_comes(CPUX86State *env, bool wanted)
{
    AMDPMUState *pmu = pmu_of(env);
    uint64_t late;

    if (wanted && !pmu->pmi_due) {
        late = rough_late(env);
        if (!late) {
            deliver_pmi(env);
            return true;
        }
        pmu->pmi_due = retired(pmu) + late;
    }
    if (!pmu->pmi_due || retired(pmu) < pmu->pmi_due) {
        return false;
    }
    pmu->pmi_due = 0;
    deliver_pmi(env);
    return true;
}

/* Give them to the counters.  Returns true if a PMI was delivered. */
bool amd_pmu_fold(CPUX86State *env, bool retires)
{
    AMDPMUState *pmu = pmu_of(env);
    int64_t news[AMD_PMU_NUM_TOTALS][AMD_PMU_NUM_MODES];
    bool pmi = false;
    int i, j, mode;

    take_news(pmu, retires, news);
    for (i = 0; i < AMD_PMU_NUM_CTRS; i++) {
        CounterRate rate;
        unsigned modes;
        int64_t delta = 0;

        if (!counter_runs(env, i, &rate, &modes)) {
            continue;
        }
        for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
            for (j = 0; modes & (1u << mode) && j < AMD_PMU_NUM_TOTALS; j++) {
                delta += rate.of[j] * news[j][mode];
            }
        }
        if (delta > 0 && rate.cycles) {
            delta = rough_cycles(env, delta);
        }
        if (delta > 0 && delta > AMD_PMU_CTR_MASK - pmu->ctr[i]) {
            if (amd_pmu_has_v2(env)) {
                pmu->global_status |= BIT_ULL(i);
            }
            pmi |= !!(pmu->ctl[i] & AMD_PMU_CTL_INT);
        }
        pmu->ctr[i] = (pmu->ctr[i] + delta) & AMD_PMU_CTR_MASK;
    }
    return pmi_comes(env, pmi);
}

/*
 * Work out who runs and how soon one could overflow.  No counter advances by
 * more than one per instruction, or two if it counts cycles.  One that counts in several modes gets an
 * equal share of what is left in each, so that no mix of them passes the
 * overflow unseen.
 */
void amd_pmu_arm(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);
    uint32_t flags = 0;
    int i, mode;

    for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
        pmu->limit[mode] = UINT64_MAX;
    }
    for (i = 0; i < AMD_PMU_NUM_CTRS; i++) {
        CounterRate rate;
        unsigned modes;
        uint64_t share;

        if (!counter_runs(env, i, &rate, &modes)) {
            continue;
        }
        flags |= HF_AMD_PMU_MASK;
        if (rate.of[AMD_PMU_LOADS] || rate.of[AMD_PMU_STORES] ||
            rate.of[AMD_PMU_LOAD_STORES]) {
            flags |= HF_AMD_PMU_LS_MASK;
        }
        share = AMD_PMU_CTR_MASK + 1 - pmu->ctr[i];
        if (rate.cycles) {
            share = DIV_ROUND_UP(share, 2);
        }
        share = DIV_ROUND_UP(share, ctpop32(modes));
        for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
            uint64_t limit = pmu->folded[AMD_PMU_INSNS][mode] + share;

            if ((modes & (1u << mode)) && limit < pmu->limit[mode]) {
                pmu->limit[mode] = limit;
            }
        }
    }
    /* One that is late comes whether its counter still runs or not. */
    if (pmu->pmi_due) {
        uint64_t left = pmu->pmi_due - MIN(pmu->pmi_due, retired(pmu));

        flags |= HF_AMD_PMU_MASK;
        for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
            uint64_t limit = pmu->total[AMD_PMU_INSNS][mode] +
                             DIV_ROUND_UP(left, AMD_PMU_NUM_MODES);

            pmu->limit[mode] = MIN(pmu->limit[mode], limit);
        }
    }
    env->hflags &= ~(HF_AMD_PMU_MASK | HF_AMD_PMU_LS_MASK);
    env->hflags |= flags;
}

void amd_pmu_settle(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);
    int mode;

    if (!(env->hflags & HF_AMD_PMU_MASK)) {
        return;
    }
    for (mode = 0; mode < AMD_PMU_NUM_MODES; mode++) {
        if (pmu->total[AMD_PMU_INSNS][mode] >= pmu->limit[mode]) {
            amd_pmu_fold(env, true);
            amd_pmu_arm(env);
            return;
        }
    }
}

void amd_pmu_halts(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);

    if (pmu->pmi_due) {
        pmu->pmi_due = retired(pmu);
        amd_pmu_fold(env, true);
        amd_pmu_arm(env);
        return;
    }
    amd_pmu_settle(env);
}

/*
 * An instruction that changes the mode counts in the one it leads to: VMRUN in
 * the guest, SYSRET and IRET at CPL 3 (S. Das, AMD, to the kvm list, 26 April
 * 2023; comment at the end of Linux' nested_svm_vmrun()).
 */
void amd_pmu_mode_changes(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);
    unsigned from = pmu->inflight & AMD_PMU_INFLIGHT_MODE;
    unsigned to = (env->hflags & HF_CPL_MASK ? AMD_PMU_MODE_USER : 0) |
                  (env->hflags & HF_GUEST_MASK ? AMD_PMU_MODE_GUEST : 0);
    int i;

    if (pmu->inflight && from != to) {
        for (i = 0; i < AMD_PMU_NUM_TOTALS; i++) {
            int one = !!(pmu->inflight & AMD_PMU_INFLIGHT(i));

            pmu->total[i][from] -= one;
            pmu->total[i][to] += one;
        }
        pmu->inflight = (pmu->inflight & ~AMD_PMU_INFLIGHT_MODE) | to;
    }
    amd_pmu_settle(env);
}

/* VMRUN is a branch (PMCx0C2), whose decoder is not that of the others. */
void amd_pmu_enters_guest(CPUX86State *env)
{
    AMDPMUState *pmu = pmu_of(env);

    if (pmu->inflight) {
        pmu->total[AMD_PMU_BRANCHES][pmu->inflight & AMD_PMU_INFLIGHT_MODE]++;
        pmu->inflight |= AMD_PMU_INFLIGHT(AMD_PMU_BRANCHES);
    }
}

void amd_pmu_load_efer(CPUX86State *env, uint64_t efer)
{
    if (!((env->efer ^ efer) & MSR_EFER_SVME)) {
        return;
    }
    amd_pmu_fold(env, true);
    amd_pmu_commit(env);
    env->efer = efer;
    amd_pmu_arm(env);
}

void amd_pmu_init(CPUX86State *env)
{
    amd_pmu_commit(env);
    pmu_of(env)->pmi_due = 0;
    rough_ends(env);
    amd_pmu_arm(env);
}

void amd_pmu_reset(CPUX86State *env)
{
    int i;

    /* All enabled, so that software that knows no global control works. */
    pmu_of(env)->global_ctl = AMD_PMU_GLOBAL_MASK;
    pmu_of(env)->pmi_due = 0;
    for (i = 0; i < AMD_PMU_NUM_CTRS; i++) {
        pmu_of(env)->ctr[i] = rough_garbage(env, i);
    }
}

void helper_amd_pmu_overflow(CPUX86State *env)
{
    CPUState *cs = env_cpu(env);
    bool pmi;

    amd_pmu_commit(env);
    pmi = amd_pmu_fold(env, true);
    amd_pmu_arm(env);
    if (pmi) {
        /* Nothing of this block has run yet: take the interrupt first. */
        cpu_restore_state(cs, GETPC());
        cpu_loop_exit_noexc(cs);
    }
}
