// SPDX-License-Identifier: GPL-2.0-only
/* A second CPU: counters of its own, and what INIT leaves alone. */
#include "payload.h"

#define AP_PAGE 0x8000ul
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define ICR_INIT 0x4500
#define ICR_STARTUP 0x4600

#define ROUNDS 500
#define PATIENCE 2000000000ul

extern uint8_t ap_page[], ap_page_end[];
void ap_main(void);

static volatile uint32_t starts;
static volatile uint32_t go;
static volatile uint32_t ap_exact;
static volatile uint64_t ap_ctl, ap_ctr, ap_global, ap_status;

static uint64_t exact_rounds(void)
{
	uint64_t exact = 0;

	for (int i = 0; i < ROUNDS; i++)
		exact += COUNT(EN | OS | INSNS,
			       "mov $1000, %%ebx\n1: dec %%ebx\njnz 1b") ==
			 2001 + COUNT_OVERHEAD;
	return exact;
}

void ap_main(void)
{
	cpu_init(1);
	if (starts == 0) {
		starts = 1;
		while (!go)
			__asm__ volatile("pause");
		ap_exact = exact_rounds();
		wrmsr(MSR_CTL(2), BRANCHES | OS);
		wrmsr(MSR_CTR(2), 77);
		wrmsr(MSR_GLOBAL_CTL, 0x15);
		wrmsr(MSR_GLOBAL_SET, 0x4);
		starts = 2;
	} else {
		ap_ctl = rdmsr(MSR_CTL(2));
		ap_ctr = rdmsr(MSR_CTR(2));
		ap_global = rdmsr(MSR_GLOBAL_CTL);
		ap_status = rdmsr(MSR_GLOBAL_STATUS);
		starts = 3;
	}
	for (;;)
		__asm__ volatile("cli\nhlt");
}

static bool wait_for(volatile uint32_t *what, uint32_t value)
{
	for (uint64_t i = 0; i < PATIENCE; i++) {
		if (*what == value)
			return true;
		__asm__ volatile("pause");
	}
	return false;
}

static void send_ipi(uint32_t command)
{
	apic_write(APIC_ICR_HIGH, 1u << 24);
	apic_write(APIC_ICR_LOW, command);
}

static void start_ap(void)
{
	send_ipi(ICR_INIT);
	send_ipi(ICR_STARTUP | AP_PAGE >> 12);
}

void test_smp(void)
{
	for (uint8_t *from = ap_page; from < ap_page_end; from++)
		*(volatile uint8_t *)(AP_PAGE + (from - ap_page)) = *from;

	pmu_clear();
	start_ap();
	check("the second CPU starts", true, wait_for(&starts, 1));
	go = 1;
	check("this CPU counts exactly beside it", ROUNDS, exact_rounds());
	check("the second CPU is done", true, wait_for(&starts, 2));
	check("and counted exactly, too", ROUNDS, ap_exact);
	check("its registers are not this CPU's", 0, rdmsr(MSR_CTR(2)));

	start_ap();
	check("it starts again after INIT", true, wait_for(&starts, 3));
	check("INIT keeps event selects", BRANCHES | OS, ap_ctl);
	check("INIT keeps counters", 77, ap_ctr);
	check("INIT keeps global control", 0x15, ap_global);
	check("INIT keeps global status", 0x4, ap_status);
}
