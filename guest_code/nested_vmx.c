// SPDX-License-Identifier: GPL-2.0-only
#include "nested.h"
#include "kvm_compat.h"

#include "vmx.h"

/* 7.3 took the stack into what the host allocates. */
#ifdef PMU_KVM_NESTED_VMX_RSP
static uint64_t nested_stack[512] __attribute__((aligned(16)));
#define SET_UP(vmx, code) \
	prepare_vmcs(vmx, code, nested_stack + ARRAY_SIZE(nested_stack) - 1)
#else
#define SET_UP(vmx, code) prepare_vmcs(vmx, code)
#endif

/* The VMCS is current and clear: the next entry is its launch. */
static bool nested_launch;

static void nested_guest(void)
{
	nested_do();
	vmcall();
}

/*
 * One bit an MSR, for reading the low range, reading the high one, and writing
 * either, of 8192 each (Intel SDM volume 3, "MSR-Bitmap Address").
 */
static void keep(uint8_t *bitmap, uint32_t msr, bool write)
{
	uint32_t quarter = (msr >= 0xc0000000) + 2 * write;
	uint32_t bit = quarter * 8192 + (msr & 8191);

	bitmap[bit / 8] |= 1 << bit % 8;
}

static void set_up(void *data, uint64_t msrs)
{
	struct vmx_pages *vmx = data;
	/* Stays on: from now on the vCPU takes no INIT. */
	static bool vmx_is_on;

	if (!vmx_is_on)
		GUEST_ASSERT(prepare_for_vmx_operation(vmx));
	vmx_is_on = true;
	GUEST_ASSERT(load_vmcs(vmx));
	nested_launch = true;
	SET_UP(vmx, nested_guest);
	vmwrite(CPU_BASED_VM_EXEC_CONTROL,
		vmreadz(CPU_BASED_VM_EXEC_CONTROL) | CPU_BASED_USE_MSR_BITMAPS);
	vmwrite(MSR_BITMAP, msrs);
}

static enum nested_exit enter(void *data, uint64_t *why)
{
	GUEST_ASSERT(!(nested_launch ? vmlaunch() : vmresume()));
	nested_launch = false;
	*why = vmreadz(VM_EXIT_REASON);
	if (*why == EXIT_REASON_VMCALL)
		return NESTED_EXIT_DONE;
	if (*why != EXIT_REASON_MSR_READ && *why != EXIT_REASON_MSR_WRITE)
		return NESTED_EXIT_OTHER;
	vmwrite(GUEST_RIP,
		vmreadz(GUEST_RIP) + vmreadz(VM_EXIT_INSTRUCTION_LEN));
	return NESTED_EXIT_MSR;
}

const struct nested_vendor nested_vmx = { keep, set_up, enter, NULL };
