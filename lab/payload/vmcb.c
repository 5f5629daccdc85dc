// SPDX-License-Identifier: GPL-2.0-only
#include "vmcb.h"

uint8_t vmcb[4096] __attribute__((aligned(4096)));
static uint8_t host_save[4096] __attribute__((aligned(4096)));
static uint8_t guest_stack[4096] __attribute__((aligned(16)));

static void put_segment(int index, uint16_t selector, uint16_t attributes)
{
	put32(VMCB_SEGMENT(index), selector | (uint32_t)attributes << 16);
	put32(VMCB_SEGMENT(index) + 4, 0xffffffff);
	put64(VMCB_SEGMENT(index) + 8, 0);
}

void guest_start(void (*entry)(void))
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table;

	for (unsigned int i = 0; i < sizeof(vmcb); i++)
		vmcb[i] = 0;
	put32(VMCB_INTERCEPT3, INTERCEPT_INTR | INTERCEPT_NMI);
	put32(VMCB_INTERCEPT4, INTERCEPT_VMRUN | INTERCEPT_VMMCALL);
	put32(VMCB_ASID, 1);
	put32(VMCB_INT_CTL, V_INTR_MASKING);
	put_segment(0, 0x10, 0xc93);
	put_segment(1, 0x08, 0xa9b);
	put_segment(2, 0x10, 0xc93);
	put_segment(3, 0x10, 0xc93);
	__asm__ volatile("sgdt %0" : "=m"(table));
	put32(VMCB_GDTR + 4, table.limit);
	put64(VMCB_GDTR + 8, table.base);
	__asm__ volatile("sidt %0" : "=m"(table));
	put32(VMCB_IDTR + 4, table.limit);
	put64(VMCB_IDTR + 8, table.base);
	put64(VMCB_EFER, rdmsr(MSR_EFER));
	put64(VMCB_CR0, read_cr(0));
	put64(VMCB_CR3, read_cr(3));
	put64(VMCB_CR4, read_cr(4));
	put64(VMCB_RFLAGS, 2);
	put64(VMCB_RIP, (uint64_t)entry);
	put64(VMCB_RSP, (uint64_t)guest_stack + sizeof(guest_stack));
}

void svm_enable(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (uint64_t)host_save);
}
