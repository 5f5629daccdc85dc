/* SPDX-License-Identifier: GPL-2.0-only */
/* What of a nested guest the vendors do alike, and what each does its own way.
 */
#ifndef PMU_GUEST_NESTED_H
#define PMU_GUEST_NESTED_H

#include <stdbool.h>
#include <stdint.h>

/* Why the nested guest was left to its own host, the guest. */
enum nested_exit {
	NESTED_EXIT_DONE,
	NESTED_EXIT_MSR,
	NESTED_EXIT_OTHER,
};

/* In the nested guest: what the step of GUEST_NESTED asks for. */
void nested_do(void);

/*
 * Prepare a nested guest that has done nothing yet: @data is what the KVM
 * selftests library laid out for it, @msrs the physical address of the bitmap
 * of the MSRs that take an exit to the guest.
 */
void nested_set_up_svm(void *data, uint64_t msrs);
void nested_set_up_vmx(void *data, uint64_t msrs);

/* Enter it, the first time or again; an access to an MSR is stepped over. */
enum nested_exit nested_enter_svm(void *data);
enum nested_exit nested_enter_vmx(void *data);

#endif
