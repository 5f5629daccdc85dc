// SPDX-License-Identifier: GPL-2.0-only
/* A guest of the guest, and the guest as its host. */
#include "script.h"
#include "kvm_compat.h"

#include "nested.h"

/* The step that the nested guest is to take. */
static struct guest_step *nested_step;

/* A selftests library before 7.3 gives a nested guest no registers but RSP. */
#define LOST                                                          \
	"rbx", "rbp", "rsi", "rdi", "r8", "r12", "r13", "r14", "r15", \
		"memory", KVM_ASM_SAFE_CLOBBERS

static uint8_t read_msr(uint32_t msr, uint64_t *value)
{
	uint64_t low, high, error_code;
	uint8_t vector;

	asm volatile(KVM_ASM_SAFE("rdmsr")
		     : KVM_ASM_SAFE_OUTPUTS(vector, error_code), "=a"(low),
		       "=d"(high), "+c"(msr)
		     :
		     : LOST);
	*value = (uint32_t)low | high << 32;
	return vector;
}

static uint8_t write_msr(uint32_t msr, uint64_t value)
{
	uint64_t low = (uint32_t)value, high = value >> 32, error_code;
	uint8_t vector;

	asm volatile(KVM_ASM_SAFE("wrmsr")
		     : KVM_ASM_SAFE_OUTPUTS(vector, error_code), "+a"(low),
		       "+d"(high), "+c"(msr)
		     :
		     : LOST);
	return vector;
}

static void go_round(uint64_t turns)
{
	asm volatile("1: sub $1, %0; jnz 1b" : "+r"(turns) : : "cc");
}

void nested_do(void)
{
	struct guest_step *step = nested_step;
	uint64_t turns = step->times, value = 0;

	switch (step->op) {
	case GUEST_NESTED:
		go_round(turns);
		break;
	case GUEST_NESTED_OUT:
		go_round(turns);
		asm volatile("outb %%al, %%dx" : : "a"(0), "d"(GUEST_PORT));
		go_round(turns);
		break;
	case GUEST_NESTED_READ:
	case GUEST_NESTED_READ_KEPT:
		for (uint64_t i = 0; i < turns && !step->vector; i++)
			step->vector = read_msr(step->index, &value);
		step->seen = value;
		break;
	default:
		for (uint64_t i = 0; i < turns && !step->vector; i++)
			step->vector = write_msr(step->index, step->value);
	}
}

void guest_run_nested(struct guest_step *step)
{
	const bool write = step->op == GUEST_NESTED_WRITE_KEPT;
	const bool kept = write || step->op == GUEST_NESTED_READ_KEPT;
	const struct nested_vendor *vendor =
		guest_script.nested_vmx ? &nested_vmx : &nested_svm;
	uint8_t *bitmap = (uint8_t *)guest_script.nested_msrs;
	void *data = (void *)guest_script.nested;
	enum nested_exit exit = NESTED_EXIT_MSR;
	uint64_t why = 0, handed_on = 0;

	GUEST_ASSERT(data);
	if (!step->times)
		return;
	if (step->op == GUEST_NESTED_ENTER) {
		GUEST_ASSERT(vendor->enter_often);
		vendor->enter_often(data, step->times);
		return;
	}
	nested_step = step;
	memset(bitmap, 0, NESTED_MSRS_SIZE);
	if (kept)
		vendor->keep(bitmap, step->index, write);
	vendor->set_up(data, guest_script.nested_msrs_gpa);
	while (exit == NESTED_EXIT_MSR) {
		exit = vendor->enter(data, &why);
		handed_on += exit == NESTED_EXIT_MSR;
	}
	if (kept)
		step->seen = handed_on;
	if (exit == NESTED_EXIT_OTHER) {
		step->vector = NESTED_DIED;
		step->seen = why;
	}
}
