// SPDX-License-Identifier: GPL-2.0-only
#include "nested.h"
#include "vm/kvm_compat.h"

#include "svm_util.h"

/* RDMSR and WRMSR are two bytes, and SVM does not say where the next one is. */
#define MSR_ACCESS_LENGTH 2

/* 7.3 took the stack into what the host allocates. */
#ifdef PMU_KVM_NESTED_RSP
static uint64_t nested_stack[512];
#define SET_UP(svm, code) \
	generic_svm_setup(svm, code, nested_stack + ARRAY_SIZE(nested_stack))
#else
#define SET_UP(svm, code) generic_svm_setup(svm, code)
#endif

static void nested_guest(void)
{
	nested_do();
	vmmcall();
}

void nested_set_up_svm(void *data, uint64_t msrs)
{
	struct svm_test_data *svm = data;

	SET_UP(svm, nested_guest);
	svm->vmcb->control.intercept |= 1ull << INTERCEPT_MSR_PROT;
	svm->vmcb->control.msrpm_base_pa = msrs;
}

enum nested_exit nested_enter_svm(void *data)
{
	struct svm_test_data *svm = data;
	struct vmcb *vmcb = svm->vmcb;

	run_guest(vmcb, svm->vmcb_gpa);
	switch (vmcb->control.exit_code) {
	case SVM_EXIT_MSR:
		vmcb->save.rip += MSR_ACCESS_LENGTH;
		return NESTED_EXIT_MSR;
	case SVM_EXIT_VMMCALL:
		return NESTED_EXIT_DONE;
	default:
		return NESTED_EXIT_OTHER;
	}
}
