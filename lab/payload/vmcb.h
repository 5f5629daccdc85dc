/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest of the payload: one virtual machine control block, and how it is run.
 */
#ifndef PAYLOAD_VMCB_H
#define PAYLOAD_VMCB_H

#include "payload.h"

#define MSR_VM_HSAVE_PA 0xc0010117

#define EXIT_INTR 0x60
#define EXIT_NMI 0x61
#define EXIT_RDPMC 0x6f
#define EXIT_CPUID 0x72
#define EXIT_INVD 0x76
#define EXIT_HLT 0x78
#define EXIT_MSR 0x7c
#define EXIT_VMMCALL 0x81
#define EXIT_NPF 0x400

/* AMD APM volume 2, appendix "Layout of VMCB". */
#define VMCB_INTERCEPT3 0x00c
#define INTERCEPT_INTR 1u
#define INTERCEPT_NMI 2u
#define INTERCEPT_RDPMC (1u << 15)
#define INTERCEPT_CPUID (1u << 18)
#define INTERCEPT_INVD (1u << 22)
#define INTERCEPT_HLT (1u << 24)
#define INTERCEPT_MSR (1u << 28)
#define VMCB_INTERCEPT4 0x010
#define INTERCEPT_VMRUN 1u
#define INTERCEPT_VMMCALL 2u
#define VMCB_ASID 0x058
#define VMCB_TLB_CONTROL 0x05c
#define TLB_CONTROL_FLUSH_ALL 1
#define VMCB_INT_CTL 0x060
#define V_INTR_MASKING (1u << 24)
#define VMCB_EXIT_CODE 0x070
#define VMCB_EVENT_INJECTION 0x0a8
#define EVENT_IS_INTERRUPT(vector) (1u << 31 | (vector))
#define VMCB_MSRPM 0x048
#define VMCB_NRIP 0x0c8
#define VMCB_SEGMENT(n) (0x400 + 16 * (n))
#define VMCB_GDTR VMCB_SEGMENT(6)
#define VMCB_IDTR VMCB_SEGMENT(8)
#define VMCB_EFER 0x4d0
#define VMCB_CR4 0x548
#define VMCB_CR3 0x550
#define VMCB_CR0 0x558
#define VMCB_RFLAGS 0x570
#define VMCB_RIP 0x578
#define VMCB_RSP 0x5d8
#define VMCB_RAX 0x5f8

extern uint8_t vmcb[4096];

void vmrun(uint64_t vmcb);

/* Allow VMRUN, and give it a place for the host's state. */
void svm_enable(void);

/* A guest in the host's own address space, that begins at @entry. */
void guest_start(void (*entry)(void));

/* Fields of the control block, by their offsets. */
static inline void put32(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(vmcb + offset) = value;
}

static inline void put64(uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(vmcb + offset) = value;
}

static inline uint64_t get64(uint32_t offset)
{
	return *(volatile uint64_t *)(vmcb + offset);
}

static inline uint64_t exit_code(void)
{
	return get64(VMCB_EXIT_CODE);
}

#endif
