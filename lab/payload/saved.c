// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine that is saved while it counts, and goes on from there: the lab
 * saves and restores this program's while it waits here for a byte
 * (docs/lab.md).
 */
#include "payload.h"

#define PORT 0x3f8
#define LINE_STATUS (PORT + 5)
/* Counters that stand still meanwhile. */
#define FIRST_STILL 2
#define STATUS 0x14

static uint64_t still_value(int i)
{
	return 0x100000ull * (unsigned int)i + 5;
}

/* Turn until a byte was received, four instructions a turn, and take it. */
static uint64_t turns_until_byte(void)
{
	uint64_t turns = 0;
	uint8_t byte;

	__asm__ volatile("1: inc %0\n\tinb %%dx, %%al\n\ttest $1, %%al\n\tjz 1b"
			 : "+r"(turns)
			 : "d"((uint16_t)LINE_STATUS)
			 : "rax", "cc");
	__asm__ volatile("inb %%dx, %%al" : "=a"(byte) : "d"((uint16_t)PORT));
	return turns;
}

/* What was counted beside the turns: the same each time. */
static uint64_t __attribute__((noinline)) count_beside_turns(void)
{
	uint64_t turns;

	wrmsr(MSR_CTR(0), 0);
	wrmsr(MSR_CTR(1), 0);
	wrmsr(MSR_GLOBAL_CTL, 0x3);
	turns = turns_until_byte();
	wrmsr(MSR_GLOBAL_CTL, 0);
	return rdmsr(MSR_CTR(0)) - 4 * turns;
}

void test_saved(void)
{
	uint64_t first, kept = 0;

	pmu_clear();
	wrmsr(MSR_GLOBAL_CTL, 0);
	wrmsr(MSR_CTL(0), EN | OS | INSNS);
	wrmsr(MSR_CTL(1), EN | USR | OS | INSNS);
	for (int i = FIRST_STILL; i < NUM_CTRS; i++) {
		wrmsr(MSR_CTL(i), OS | BRANCHES);
		wrmsr(MSR_CTR(i), still_value(i));
	}
	wrmsr(MSR_GLOBAL_SET, STATUS);
	report_waits();
	first = count_beside_turns();
	check("two counters of the same count the same", rdmsr(MSR_CTR(0)),
	      rdmsr(MSR_CTR(1)));
	check("a loop is counted exactly while the machine is saved", first,
	      count_beside_turns());
	for (int i = FIRST_STILL; i < NUM_CTRS; i++)
		kept += rdmsr(MSR_CTR(i)) == still_value(i) &&
			rdmsr(MSR_CTL(i)) == (OS | BRANCHES);
	check("counters that stand still keep value and event select",
	      NUM_CTRS - FIRST_STILL, kept);
	check("status bits stay", STATUS, rdmsr(MSR_GLOBAL_STATUS));
	pmu_clear();
}
