// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts, the local APIC, ring 3, and a page that faults once. */
#include "payload.h"

#define APIC_BASE 0xfee00000ul
#define APIC_EOI 0xb0
#define APIC_SPURIOUS 0xf0
#define APIC_LVT_PMI 0x340
#define FAULT_PAGE 0x40000000ul
#define PAGE_BACKING 0x800000ul

struct gate {
	uint16_t offset_low, selector, flags, offset_mid;
	uint32_t offset_high, zero;
};

struct frame {
	uint64_t r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct tss {
	uint32_t zero;
	uint64_t rsp[3];
	uint64_t reserved[9];
	uint32_t iomap;
} __attribute__((packed));

volatile uint32_t interrupts[256];
volatile uint64_t counter_at_interrupt;
uint64_t fixup;

extern uint64_t page_dirs[2048], gdt[], gdt_tss[2];
extern uint8_t gdt_pointer[], irq_stack[];
void stub_1(void), stub_2(void), stub_6(void), stub_13(void), stub_14(void),
	stub_64(void), stub_65(void), stub_user_exit(void);
void enter_user(void (*entry)(void), void *stack);
void handle_interrupt(struct frame *frame);

static struct gate idt[256];
static struct tss tss;
static uint8_t user_stack[4096] __attribute__((aligned(16)));

static void set_gate(int vector, void (*stub)(void), int dpl)
{
	uint64_t address = (uint64_t)stub;

	idt[vector] = (struct gate){
		.offset_low = address,
		.selector = 0x08,
		.flags = 0x8e00 | dpl << 13,
		.offset_mid = address >> 16,
		.offset_high = address >> 32,
	};
}

void apic_write(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(APIC_BASE + reg) = value;
}

uint32_t apic_read(uint32_t reg)
{
	return *(volatile uint32_t *)(APIC_BASE + reg);
}

void set_pmi(uint32_t lvt)
{
	apic_write(APIC_LVT_PMI, lvt);
}

/* Everything off and zero; the enables as after reset. */
void pmu_clear(void)
{
	for (int i = 0; i < NUM_CTRS; i++) {
		wrmsr(MSR_CTL(i), 0);
		wrmsr(MSR_CTR(i), 0);
	}
	wrmsr(MSR_GLOBAL_CTL, 0x3f);
	wrmsr(MSR_GLOBAL_CLR, ~0ull);
	set_pmi(LVT_MASKED);
	for (int i = 0; i < 256; i++)
		interrupts[i] = 0;
}

void handle_interrupt(struct frame *frame)
{
	interrupts[frame->vector]++;
	switch (frame->vector) {
	case VECTOR_DB:
		break;
	case VECTOR_NMI:
		counter_at_interrupt = rdmsr(MSR_CTR(0));
		break;
	case VECTOR_FIXED:
		counter_at_interrupt = rdmsr(MSR_CTR(0));
		apic_write(APIC_EOI, 0);
		break;
	case VECTOR_TIMER:
		apic_write(APIC_EOI, 0);
		break;
	case VECTOR_PF:
		page_dirs[FAULT_PAGE >> 21] = PAGE_BACKING | 0x87;
		__asm__ volatile("invlpg (%0)" : : "r"(FAULT_PAGE) : "memory");
		break;
	default:
		if (!fixup)
			machine_exit(2);
		frame->rip = fixup;
	}
}

void unmap_fault_page(void)
{
	page_dirs[FAULT_PAGE >> 21] = 0;
	__asm__ volatile("invlpg (%0)" : : "r"(FAULT_PAGE) : "memory");
}

volatile uint8_t *fault_page(void)
{
	return (volatile uint8_t *)FAULT_PAGE;
}

void user_run(void (*entry)(void))
{
	enter_user(entry, user_stack + sizeof(user_stack));
}

void cpu_init(int cpu)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
	if (cpu == 0)
		__asm__ volatile("ltr %w0" : : "r"(0x28));
	apic_write(APIC_SPURIOUS, 0x1ff);
	set_pmi(LVT_MASKED);
	__asm__ volatile("sti");
}

void machine_init(void)
{
	uint64_t base = (uint64_t)&tss;

	/* No interrupt from the 8259s: only the local APIC is of interest. */
	__asm__ volatile("outb %0, $0x21\n\toutb %0, $0xa1"
			 :
			 : "a"((uint8_t)0xff));
	set_gate(1, stub_1, 0);
	set_gate(2, stub_2, 0);
	set_gate(6, stub_6, 0);
	set_gate(13, stub_13, 0);
	set_gate(14, stub_14, 0);
	set_gate(VECTOR_FIXED, stub_64, 0);
	set_gate(VECTOR_TIMER, stub_65, 0);
	set_gate(0x80, stub_user_exit, 3);
	tss.rsp[0] = (uint64_t)irq_stack;
	gdt_tss[0] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
		     0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt_tss[1] = base >> 32;
	cpu_init(0);
}

/* isa-debug-exit: QEMU leaves with status 2 * value + 1. */
void machine_exit(int status)
{
	for (;;)
		__asm__ volatile("outl %0, %1"
				 :
				 : "a"(status), "Nd"((uint16_t)0xf4));
}
