// SPDX-License-Identifier: GPL-2.0-only
/* A guest of the guest, on AMD. On other CPUs the host never asks for it. */
#include "script.h"
#include "vm/kvm_compat.h"

#include "svm_util.h"

/* 7.3 took the stack into what the host allocates. */
#ifdef PMU_KVM_NESTED_RSP
static uint64_t nested_stack[512];
#define SET_UP(svm, code) \
	generic_svm_setup(svm, code, nested_stack + ARRAY_SIZE(nested_stack))
#else
#define SET_UP(svm, code) generic_svm_setup(svm, code)
#endif

static struct guest_step *nested_step;

static void nested_guest(void)
{
	struct guest_step *step = nested_step;
	uint64_t turns = step->times;

	if (step->value == NESTED_READ) {
		uint64_t value = 0;

		for (uint64_t i = 0; i < turns; i++)
			value = rdmsr(step->index);
		step->seen = value;
	} else {
		asm volatile("1: sub $1, %0; jnz 1b" : "+r"(turns) : : "cc");
	}
	vmmcall();
}

void guest_run_nested(struct guest_step *step)
{
	struct svm_test_data *svm = (void *)guest_script.nested;

	if (!svm || !step->times)
		return;
	nested_step = step;
	SET_UP(svm, nested_guest);
	svm->vmcb->control.intercept &= ~(1ull << INTERCEPT_MSR_PROT);
	run_guest(svm->vmcb, svm->vmcb_gpa);
}
