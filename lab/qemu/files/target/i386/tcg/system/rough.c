/* SPDX-License-Identifier: GPL-2.0-only */
#include "qemu/osdep.h"
#include <math.h>
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "cpu.h"
#include "hw/i386/apic.h"
#include "system/cpu-timers.h"
#include "tcg/rough.h"

/*
 * Linux' RESCHEDULE_VECTOR (arch/x86/include/asm/irq_vectors.h): an interrupt
 * between processors that any may get at any time, for nothing.
 */
#define RESCHEDULE_VECTOR 0xfd

#define CPUS_MAX 64
#define SMI_INSNS 3000
#define SMI_US 100

enum {
    LATE,    /* instructions: an overflow interrupt is up to so many late */
    CYCLES,  /* so many of 1000 instructions take two cycles, at most 1000 */
    GARBAGE, /* counters hold something when the machine starts */
    IPI,     /* interrupts a second that nobody asked for, by CPU */
    NMI,     /* the same, not maskable */
    SMI,     /* the same, for system management */
    SEED,    /* of all that is random here */
    NUMBERS,
};

static const char *const names[NUMBERS] = {
    "late", "cycles", "garbage", "ipi", "nmi", "smi", "seed",
};

static uint64_t number[NUMBERS];

/* Of one CPU.  A timer's callback runs with the BQL, never beside another. */
typedef struct Rough {
    CPUState *cs;
    bool begun, running;
    bool smi; /* one of these is on its way */
    uint64_t random, timing;
    struct Disturbance {
        QEMUTimer *timer;
        struct Rough *rough;
        int what;
    } disturbance[NUMBERS];
} Rough;

static Rough roughs[CPUS_MAX];

static void __attribute__((constructor)) rough_parse(void)
{
    const char *text = getenv("LAB_ROUGH");
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", 0);
    int i, n;

    for (i = 0; words[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(words[i], "=", 2);

        for (n = 0; n < NUMBERS && g_strcmp0(pair[0], names[n]); n++) {
        }
        if (n < NUMBERS && pair[1]) {
            number[n] = g_ascii_strtoull(pair[1], NULL, 10);
        } else if (*words[i]) {
            fprintf(stderr, "LAB_ROUGH: not '%s'\n", words[i]);
            exit(2);
        }
    }
}

/* xorshift64; one state for each thread that draws. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return below ? *state % below : 0;
}

static Rough *rough_of(CPUX86State *env)
{
    CPUState *cs = env_cpu(env);
    Rough *rough = &roughs[cs->cpu_index % CPUS_MAX];

    if (!rough->random) {
        rough->cs = cs;
        rough->random = (number[SEED] + 1) * 0x9e3779b97f4a7c15ull +
                        cs->cpu_index;
        rough->timing = ~rough->random;
    }
    return rough;
}

/*
 * As what comes from many sources that know nothing of each other: any distance
 * can follow any other, so that there are long ones whatever the mean is.
 */
static int64_t draw_distance(uint64_t *state, int64_t mean)
{
    return 1 + mean * -log((draw(state, 1 << 30) + 1.0) / (1 << 30));
}

static void disturb_again(struct Disturbance *d)
{
    int64_t mean = NANOSECONDS_PER_SECOND / number[d->what];

    timer_mod(d->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                        draw_distance(&d->rough->timing, mean));
}

static void disturb(void *opaque)
{
    struct Disturbance *d = opaque;
    CPUState *cs = d->rough->cs;

    if (!d->rough->running) {
        /* Waits for a startup interrupt, or has no tables yet. */
    } else if (d->what == IPI) {
        apic_deliver_vector(X86_CPU(cs)->apic_state, RESCHEDULE_VECTOR);
    } else {
        d->rough->smi |= d->what == SMI;
        cpu_interrupt(cs, d->what == NMI ? CPU_INTERRUPT_NMI :
                                           CPU_INTERRUPT_SMI);
    }
    disturb_again(d);
}

void rough_begins(CPUX86State *env)
{
    Rough *rough = rough_of(env);
    int what;

    rough->running = true;
    if (rough->begun) {
        return;
    }
    rough->begun = true;
    for (what = IPI; what <= SMI; what++) {
        struct Disturbance *d = &rough->disturbance[what];

        d->rough = rough;
        d->what = what;
        if (number[what]) {
            d->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, disturb, d);
            disturb_again(d);
        }
    }
}

void rough_ends(CPUX86State *env)
{
    rough_of(env)->running = false;
}

uint64_t rough_late(CPUX86State *env)
{
    return number[LATE] ? 1 + draw(&rough_of(env)->random, number[LATE]) : 0;
}

/* It runs at CPL 0, is counted there, and takes its time. */
bool rough_takes_smi(CPUX86State *env)
{
    unsigned mode = env->hflags & HF_GUEST_MASK ? AMD_PMU_MODE_GUEST : 0;
    Rough *rough = rough_of(env);

    /* The firmware makes some of its own. */
    if (!rough->smi) {
        return false;
    }
    rough->smi = false;
    env->amd_pmu.total[AMD_PMU_INSNS][mode] += SMI_INSNS;
    amd_pmu_settle(env);
    if (!icount_enabled()) {
        g_usleep(SMI_US);
    }
    return true;
}

uint64_t rough_cycles(CPUX86State *env, uint64_t insns)
{
    uint64_t more = insns * number[CYCLES] / 1000;

    /* No fixed ratio either: the remainder falls this way or that. */
    if (number[CYCLES]) {
        more += draw(&rough_of(env)->random, 2);
    }
    return insns + MIN(more, insns);
}

uint64_t rough_garbage(CPUX86State *env, int index)
{
    return number[GARBAGE] ?
               draw(&rough_of(env)->random, AMD_PMU_CTR_MASK) : 0;
}
