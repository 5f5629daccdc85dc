// SPDX-License-Identifier: GPL-2.0-only
#include "nested.h"
#include "vm/kvm_compat.h"

#include "vmx.h"

#ifdef PMU_KVM_NESTED_VMX_RSP
static uint64_t nested_stack[512];
#define SET_UP(vmx, code) \
	prepare_vmcs(vmx, code, nested_stack + ARRAY_SIZE(nested_stack))
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

void nested_set_up_vmx(void *data, uint64_t msrs)
{
	struct vmx_pages *vmx = data;
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

enum nested_exit nested_enter_vmx(void *data)
{
	GUEST_ASSERT(!(nested_launch ? vmlaunch() : vmresume()));
	nested_launch = false;
	switch (vmreadz(VM_EXIT_REASON)) {
	case EXIT_REASON_MSR_READ:
	case EXIT_REASON_MSR_WRITE:
		vmwrite(GUEST_RIP,
			vmreadz(GUEST_RIP) + vmreadz(VM_EXIT_INSTRUCTION_LEN));
		return NESTED_EXIT_MSR;
	case EXIT_REASON_VMCALL:
		return NESTED_EXIT_DONE;
	default:
		return NESTED_EXIT_OTHER;
	}
}
