/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM saves of a vCPU and restores in another one, of a guest's PMU and
 * of what its overflows have set off: registers, local APIC, pending NMI. The
 * guests must not be running.
 */
#ifndef PMU_VM_GUEST_SAVED_H
#define PMU_VM_GUEST_SAVED_H

#include <stdbool.h>
#include <stdint.h>

#include "guest.h"

struct saved;

/*
 * Complete what the last exit to user space left undone (immediate_exit of
 * KVM_RUN), then get every register of a PMU that KVM_GET_MSR_INDEX_LIST has,
 * the APIC and the pending events. A register that KVM refuses is left out.
 * Returns NULL if there is not the memory or the room for it; else it is the
 * caller's to give to saved_free().
 */
struct saved *saved_take(struct guest *guest);
void saved_free(struct saved *saved);

/*
 * Set the registers, in the order of the list or from its end, in one
 * KVM_SET_MSRS each. Returns how many KVM refused.
 */
int64_t saved_restore_registers(struct guest *guest, const struct saved *saved,
				bool backwards);

/* Set the APIC and the pending events. */
void saved_restore_interrupts(struct guest *guest, const struct saved *saved);

/* Make it that of a PMU after reset: zero in every register but what is fixed.
 */
void saved_reset(struct saved *saved);

/* How many registers were got, and how many KVM refused to give. */
int64_t saved_got(const struct saved *saved);
int64_t saved_refused(const struct saved *saved);

/* How many of them differ. */
int64_t saved_differences(const struct saved *saved, const struct saved *other);

#endif
