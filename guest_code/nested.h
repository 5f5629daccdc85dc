/* SPDX-License-Identifier: GPL-2.0-only */
/* A nested guest: what it does, and what either vendor does for it. */
#ifndef PMU_GUEST_NESTED_H
#define PMU_GUEST_NESTED_H

#include <stdbool.h>
#include <stdint.h>

/* How an entry ended: of the last, @why is the reason as the CPU gives it. */
enum nested_exit {
	NESTED_EXIT_DONE,
	NESTED_EXIT_MSR,
	NESTED_EXIT_OTHER,
};

/* In the nested guest: what the step asks for. */
void nested_do(void);

/*
 * What either vendor has its own way for:
 *
 *   keep    in an empty bitmap of MSRs, that reading or writing @msr exits
 *   set_up  a nested guest that has done nothing yet; @data is what the KVM
 *           selftests library laid out for it, @msrs the physical address of
 *           the bitmap
 *   enter   the first time or again; an MSR access that exited is stepped over
 *   enter_often
 *           @times one that exits with its first instruction; NULL if there is
 * no instruction of the vendor's whose count is asked for
 */
struct nested_vendor {
	void (*keep)(uint8_t *bitmap, uint32_t msr, bool write);
	void (*set_up)(void *data, uint64_t msrs);
	enum nested_exit (*enter)(void *data, uint64_t *why);
	void (*enter_often)(void *data, uint64_t times);
};

extern const struct nested_vendor nested_svm, nested_vmx;

#endif
