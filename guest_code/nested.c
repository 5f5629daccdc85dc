// SPDX-License-Identifier: GPL-2.0-only
/* A guest of the guest, and the guest as its host. */
#include "script.h"
#include "vm/kvm_compat.h"

#include "nested.h"

static struct guest_step *nested_step;

void nested_do(void)
{
	struct guest_step *step = nested_step;
	uint64_t turns = step->times;

	if (step->value == NESTED_WORK) {
		asm volatile("1: sub $1, %0; jnz 1b" : "+r"(turns) : : "cc");
	} else {
		uint64_t value = 0;

		for (uint64_t i = 0; i < turns; i++)
			value = rdmsr(step->index);
		step->seen = value;
	}
}

void guest_run_nested(struct guest_step *step)
{
	void *data = (void *)guest_script.nested;
	enum nested_exit why = NESTED_EXIT_MSR;
	uint64_t kept = 0;

	if (!data || !step->times)
		return;
	nested_step = step;
	memset((void *)guest_script.nested_msrs,
	       step->value == NESTED_READ_KEPT ? 0xff : 0, NESTED_MSRS_SIZE);
	if (host_cpu_is_intel)
		nested_set_up_vmx(data, guest_script.nested_msrs_gpa);
	else
		nested_set_up_svm(data, guest_script.nested_msrs_gpa);
	while (why == NESTED_EXIT_MSR) {
		why = host_cpu_is_intel ? nested_enter_vmx(data)
					: nested_enter_svm(data);
		kept += why == NESTED_EXIT_MSR;
	}
	GUEST_ASSERT(why == NESTED_EXIT_DONE);
	if (step->value == NESTED_READ_KEPT)
		step->seen = kept;
}
