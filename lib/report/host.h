/* SPDX-License-Identifier: GPL-2.0-only */
/* What this host is, and what it lacks for a program to run. */
#ifndef PMU_REPORT_HOST_H
#define PMU_REPORT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "../contract/contract.h"

#define HOST_NEEDS_ROOT (1u << 0)
#define HOST_NEEDS_KVM (1u << 1)
#define HOST_NEEDS_CORE_PMU (1u << 2)
/* enable_mediated_pmu is in force. */
#define HOST_NEEDS_MEDIATED (1u << 3)
/* The hard-lockup watchdog holds no event. */
#define HOST_NEEDS_NO_WATCHDOG (1u << 4)
#define HOST_NEEDS_TWO_CPUS (1u << 5)
/* The kernel has the parameter at all, whatever its value. */
#define HOST_NEEDS_CONTRACT (1u << 6)

/* For programs about VMs that hold the claim. */
#define HOST_NEEDS_CLAIMS                                         \
	(HOST_NEEDS_ROOT | HOST_NEEDS_KVM | HOST_NEEDS_CORE_PMU | \
	 HOST_NEEDS_MEDIATED | HOST_NEEDS_NO_WATCHDOG)

/* The first need that is absent, in a few constant words, or NULL. */
const char *host_missing(unsigned int needs);

/* The contract of the running kernel, or what PMU_CONTRACT forces. */
enum contract host_contract(void);

/* enable_mediated_pmu as it reads back: 1, 0, or -1 if there is none. */
int host_mediated_parameter(void);

/* The same as asked for on the kernel's command line, or NOT_KNOWN. */
int64_t host_mediated_requested(void);

/* kvm.enable_pmu: 1, 0, or -1. */
int host_kvm_enable_pmu(void);

/*
 * Can the core PMU be handed to guests, going by CPUID alone (M2)? AMD: leaf
 * 0x80000022 EAX bit 0; Intel: leaf 0xA version 4 and full-width writes.
 */
bool host_core_capable(void);

#endif
