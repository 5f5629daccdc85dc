// SPDX-License-Identifier: GPL-2.0-only
/* KTAP on the first serial port. */
#include "payload.h"

static unsigned int total, failed;

static void put_char(char c)
{
	__asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)0x3f8));
}

static void put(const char *text)
{
	while (*text)
		put_char(*text++);
}

static void put_number(uint64_t value)
{
	char digits[21];
	int i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	put(digits + i);
}

void report_plan(void)
{
	put("KTAP version 1\n");
}

void report_waits(void)
{
	put("# waits for a byte\n");
}

void check_range(const char *sentence, uint64_t lo, uint64_t hi, uint64_t seen)
{
	bool ok = seen >= lo && seen <= hi;

	total++;
	failed += !ok;
	put(ok ? "ok " : "not ok ");
	put_number(total);
	put(" ");
	put(sentence);
	put("\n");
	if (ok)
		return;
	put("# expected ");
	put_number(lo);
	if (hi != lo) {
		put(" to ");
		put_number(hi);
	}
	put(", seen ");
	put_number(seen);
	put("\n");
}

void check(const char *sentence, uint64_t expected, uint64_t seen)
{
	check_range(sentence, expected, expected, seen);
}

int report_end(void)
{
	put("1..");
	put_number(total);
	put("\n");
	return failed ? 1 : 0;
}
