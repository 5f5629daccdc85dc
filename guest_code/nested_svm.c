// SPDX-License-Identifier: GPL-2.0-only
#include "nested.h"
#include "kvm_compat.h"

#include "svm_util.h"

/* RDMSR and WRMSR. Where the next one is, SVM says only to guests with NRIPS.
 */
#define MSR_ACCESS_LENGTH 2

/* 7.3 took the stack into what the host allocates. */
#ifdef PMU_KVM_NESTED_SVM_RSP
static uint64_t nested_stack[512] __attribute__((aligned(16)));
#define SET_UP(svm, code)            \
	generic_svm_setup(svm, code, \
			  nested_stack + ARRAY_SIZE(nested_stack) - 1)
#else
#define SET_UP(svm, code) generic_svm_setup(svm, code)
#endif

static void nested_guest(void)
{
	nested_do();
	vmmcall();
}

/*
 * Two bits an MSR, reading and writing, for three ranges of 8192 (AMD64 APM
 * volume 2, "MSR Intercepts").
 */
static void keep(uint8_t *bitmap, uint32_t msr, bool write)
{
	uint32_t range = msr < 0xc0000000 ? 0 : msr < 0xc0010000 ? 1 : 2;
	uint32_t bit = range * 8192 * 2 + (msr & 8191) * 2 + write;

	bitmap[bit / 8] |= 1 << bit % 8;
}

static void set_up(void *data, uint64_t msrs)
{
	struct svm_test_data *svm = data;

	SET_UP(svm, nested_guest);
	svm->vmcb->control.intercept |= 1ull << INTERCEPT_MSR_PROT;
	svm->vmcb->control.msrpm_base_pa = msrs;
}

static enum nested_exit enter(void *data, uint64_t *why)
{
	struct svm_test_data *svm = data;
	struct vmcb *vmcb = svm->vmcb;

	run_guest(vmcb, svm->vmcb_gpa);
	*why = vmcb->control.exit_code;
	if (*why == SVM_EXIT_VMMCALL)
		return NESTED_EXIT_DONE;
	if (*why != SVM_EXIT_MSR)
		return NESTED_EXIT_OTHER;
	vmcb->save.rip += MSR_ACCESS_LENGTH;
	return NESTED_EXIT_MSR;
}

/* It exits where it was entered, with no instruction retired. */
static void nested_idle(void)
{
	vmmcall();
}

/*
 * All registers of the nested guest but RAX, RSP and RIP are the guest's own.
 * An exit leaves the GIF clear.
 */
static void enter_often(void *data, uint64_t times)
{
	struct svm_test_data *svm = data;

	SET_UP(svm, nested_idle);
	svm->vmcb->save.rflags = 2;
	asm volatile("1:\n\tvmrun %%rax\n\tsub $1, %[left]\n\tjnz 1b\n\tstgi"
		     : [left] "+r"(times)
		     : "a"(svm->vmcb_gpa)
		     : "cc", "memory");
}

const struct nested_vendor nested_svm = { keep, set_up, enter, enter_often };
