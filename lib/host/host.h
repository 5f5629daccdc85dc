/* SPDX-License-Identifier: GPL-2.0-only */
/* What this host is, and what it lacks for a program to run. */
#ifndef PMU_HOST_HOST_H
#define PMU_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "../contract/contract.h"

#define HOST_NEEDS_ROOT (1u << 0)
#define HOST_NEEDS_KVM (1u << 1)
#define HOST_NEEDS_CORE_PMU (1u << 2)
/* The kernel speaks the mediated contract, and enable_mediated_pmu is on. */
#define HOST_NEEDS_MEDIATED (1u << 3)
/* The hard-lockup watchdog holds no event. */
#define HOST_NEEDS_NO_WATCHDOG (1u << 4)
/* CPU 0 and CPU 1 are online. */
#define HOST_NEEDS_TWO_CPUS (1u << 5)
/* KVM has enable_mediated_pmu, whatever it reads as. */
#define HOST_NEEDS_PARAMETER (1u << 6)
/* The kernel speaks the RFC's contract, and KVM uses it. */
#define HOST_NEEDS_RFC (1u << 7)
/* Guests have a PMU, under whatever contract. */
#define HOST_NEEDS_VPMU (1u << 8)
/* A guest's counters are perf events of the host. */
#define HOST_NEEDS_EMULATED (1u << 10)

/*
 * CLOCK_MONOTONIC_RAW and perf's clock run at one rate: the kernel has finished
 * calibrating the TSC. Asked for, it is waited for.
 */
#define HOST_NEEDS_STEADY_CLOCK (1u << 9)

#define HOST_NEEDS_A_VM                                           \
	(HOST_NEEDS_ROOT | HOST_NEEDS_KVM | HOST_NEEDS_CORE_PMU | \
	 HOST_NEEDS_NO_WATCHDOG)

/* For programs about VMs that hold the claim. */
#define HOST_NEEDS_CLAIMS (HOST_NEEDS_A_VM | HOST_NEEDS_MEDIATED)

/* For programs about guests of a kernel that speaks the RFC's contract. */
#define HOST_NEEDS_RFC_GUESTS \
	(HOST_NEEDS_A_VM | HOST_NEEDS_RFC | HOST_NEEDS_TWO_CPUS)

/* For programs about a guest's own PMU, under whatever contract. */
#define HOST_NEEDS_GUEST_PMU \
	(HOST_NEEDS_A_VM | HOST_NEEDS_VPMU | HOST_NEEDS_TWO_CPUS)

/* The first need that is absent, in a few constant words, or NULL. */
const char *host_missing(unsigned int needs);

/*
 * The contract of the running kernel, or what PMU_CONTRACT forces: emulated if
 * KVM gives guests a PMU (kvm.enable_pmu) and hands none over
 * (enable_mediated_pmu); else what perf_guest.contract says or, on a kernel
 * without that, mediated. CONTRACT_NONE if it is none this suite knows.
 */
enum contract host_contract(void);

/* Is the RFC as posted spoken? 1 or 0, for struct scenario. */
int64_t host_as_posted(void);

/*
 * Does the kernel check its assertions about locks (CONFIG_PROVE_LOCKING)? It
 * stops doing so with the first report. 1 or 0.
 */
int64_t host_proves_locking(void);

/* enable_mediated_pmu as it reads back: 1, 0, or -1 if there is none. */
int host_mediated_parameter(void);

/* The same as asked for on the kernel's command line, or NOT_KNOWN. */
int64_t host_mediated_requested(void);

/* kvm.enable_pmu: 1, 0, or -1. */
int host_kvm_enable_pmu(void);

/*
 * Do the cores of this machine differ (CPUID leaf 7, EDX bit 15)? Then KVM has
 * no PMU for guests: kvm_init_pmu_capability().
 */
bool host_hybrid(void);

/*
 * Can the core PMU be handed to guests, going by CPUID alone (M2)? AMD: leaf
 * 0x80000022 EAX bit 0; Intel: leaf 0xA version 4 and full-width writes.
 */
bool host_core_capable(void);

#endif
