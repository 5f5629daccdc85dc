/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt that VMRUN injects (AMD64 APM volume 2, "Event Injection") is
 * taken once.
 *
 * It was taken again if the main loop was left before anything else had
 * happened to the vCPU, as it is at the end of a turn with more than one vCPU
 * in one thread.  So the guest spins for several turns, and touches no device.
 */

#include <stdint.h>
#include <minilib.h>
#include "msr.h"

#define MSR_VM_HSAVE_PA 0xc0010117

#define VECTOR 0x40
#define EXIT_VMMCALL 0x81

/* Offsets in the VMCB: APM volume 2, "Layout of VMCB". */
#define INTERCEPTS_4 0x010 /* VMRUN, VMMCALL */
#define ASID 0x058
#define EXIT_CODE 0x070
#define EVENT_INJECTION 0x0a8
#define SEGMENT(n) (0x400 + 16 * (n)) /* ES, CS, SS, DS, .., GDTR 6, IDTR 8 */
#define EFER 0x4d0
#define CR4 0x548
#define CR3 0x550
#define CR0 0x558
#define RFLAGS 0x570
#define RIP 0x578
#define RSP 0x5d8

static uint8_t vmcb[4096] __attribute__((aligned(4096)));
static uint8_t host_save[4096] __attribute__((aligned(4096)));
static uint8_t guest_stack[4096] __attribute__((aligned(16)));
static uint64_t gates[2 * (VECTOR + 1)] __attribute__((aligned(16)));
static uint32_t taken;

static __attribute__((naked)) void guest(void)
{
    asm volatile("mov $400000000, %ebx\n\t"
                 "1: dec %ebx\n\t"
                 "jnz 1b\n\t"
                 "vmmcall");
}

static __attribute__((naked)) void guest_interrupt(void)
{
    asm volatile("incl %0\n\tiretq" : "+m"(taken));
}

static void put32(uint32_t offset, uint32_t value)
{
    *(uint32_t *)(vmcb + offset) = value;
}

static void put64(uint32_t offset, uint64_t value)
{
    *(uint64_t *)(vmcb + offset) = value;
}

static void put_segment(int index, uint16_t selector, uint16_t attributes)
{
    put32(SEGMENT(index), selector | (uint32_t)attributes << 16);
    put32(SEGMENT(index) + 4, 0xffffffff);
}

/* A guest with the registers, the page tables and the GDT of the host. */
static void make_guest(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdt;
    uint64_t cr0, cr3, cr4, handler = (uint64_t)guest_interrupt;

    asm volatile("sgdt %0" : "=m"(gdt));
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    put32(INTERCEPTS_4, 3);
    put32(ASID, 1);
    put_segment(0, 0x10, 0xc93);
    put_segment(1, 0x08, 0xa9b);
    put_segment(2, 0x10, 0xc93);
    put_segment(3, 0x10, 0xc93);
    put32(SEGMENT(6) + 4, gdt.limit);
    put64(SEGMENT(6) + 8, gdt.base);
    put32(SEGMENT(8) + 4, sizeof(gates) - 1);
    put64(SEGMENT(8) + 8, (uint64_t)gates);
    put64(EFER, rdmsr(MSR_EFER));
    put64(CR0, cr0);
    put64(CR3, cr3);
    put64(CR4, cr4);
    put64(RFLAGS, 2);
    put64(RIP, (uint64_t)guest);
    put64(RSP, (uint64_t)guest_stack + sizeof(guest_stack));

    /* An interrupt gate: APM volume 2, "Gate Descriptors". */
    gates[2 * VECTOR] = (handler & 0xffff) | 0x08 << 16 | 0x8e00ull << 32 |
                        (handler >> 16 & 0xffff) << 48;
    gates[2 * VECTOR + 1] = handler >> 32;
}

int main(void)
{
    uint64_t rax = (uint64_t)vmcb, exit_code;
    int failed;

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, (uint64_t)host_save);
    make_guest();
    put32(EVENT_INJECTION, 1u << 31 | VECTOR);
    /* The guest leaves all other registers alone. */
    asm volatile("clgi\n\tvmrun\n\tstgi" : "+a"(rax) : :
                 "rbx", "memory", "cc");
    exit_code = *(uint64_t *)(vmcb + EXIT_CODE);
    failed = exit_code != EXIT_VMMCALL || taken != 1;
    ml_printf("%s: exit code %lx, interrupt taken %d times, injected once\n",
              failed ? "FAIL" : "PASS", exit_code, taken);
    return failed;
}
