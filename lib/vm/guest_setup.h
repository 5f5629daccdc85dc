/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM may do to a vCPU besides running it. The guest must not be
 * running.
 */
#ifndef PMU_VM_GUEST_SETUP_H
#define PMU_VM_GUEST_SETUP_H

#include "guest.h"
#include "pmu.h"

/* Let the vectors of guest_code/script.h reach their handlers. */
void guest_take_interrupts(struct guest *guest);

/* Open the page of guest_user_turns() and its like to CPL 3. */
void guest_open_user_page(struct guest *guest);

/* Let GUEST_JUMP come to where no memory is. */
void guest_map_nowhere(struct guest *guest);

/* Give GUEST_NESTED what it needs. Returns false where there is no nesting. */
bool guest_open_nested(struct guest *guest);

/*
 * Announce a lesser PMU than the host has (KVM_SET_CPUID2), before the first
 * run: @counters general counters, and the architectural version @version; on
 * AMD version 1 is one without PerfMonV2.
 */
void guest_limit_pmu(struct guest *guest, unsigned int counters,
		     unsigned int version);

/*
 * KVM_SET_CPUID2 once more, also after the first run: with @counters general
 * counters, and the rest as it is. Returns 0 or an errno.
 */
int guest_set_counters(struct guest *guest, unsigned int counters);

/* KVM_GET_MSRS and KVM_SET_MSRS of one register. Return 0, or EINVAL. */
int guest_get_msr(struct guest *guest, uint32_t msr, uint64_t *value);
int guest_set_msr(struct guest *guest, uint32_t msr, uint64_t value);

/*
 * Send the vCPU an INIT and a SIPI, on its own thread, and then put back what
 * they reset except the PMU, so that it follows its script as before.
 */
void guest_send_init_and_sipi(struct guest *guest);

/*
 * Save all of the vCPU, end the VM, and restore it in a new one with the same
 * memory, as the KVM selftests library does it: nested guest included, but
 * without the APIC.
 */
void guest_recreate(struct guest *guest);

/* The leaf and EAX, EBX, ECX, EDX that KVM_GET_SUPPORTED_CPUID offers. */
bool guest_offered(uint32_t leaf, uint32_t regs[4]);

/*
 * How many registers of kind @reg, from the first on, KVM says it can save and
 * restore (KVM_GET_MSR_INDEX_LIST).
 */
unsigned int guest_listed(const struct pmu *pmu, enum pmu_register reg);

/* The PMU that KVM offers to guests: it may be less than the host's. */
struct pmu guest_pmu_offered(void);

/*
 * Enter a guest whose script ends with GUEST_DIE.
 * Returns true if it shut down (KVM_EXIT_SHUTDOWN).
 */
bool guest_dies(struct guest *guest);

/*
 * Enter a guest whose script has a GUEST_OUT, up to its exit to user space: the
 * instruction is not completed then. Entering the guest again completes it.
 * Returns false if it came out for another reason.
 */
bool guest_goes_to_port(struct guest *guest);

/* Take the memory of guest_page away: the next touch faults (madvise()). */
void guest_drop_page(struct guest *guest);

#endif
