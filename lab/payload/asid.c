// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VMRUN and #VMEXIT leave of translations: AMD64 APM volume 2, "TLB
 * Control". The emulator keeps those of host and guest side by side.
 */
#include "vmcb.h"

/* A page that host and guest each have elsewhere, far from what is mapped
 * alike. */
#define WINDOW (1ull << 39)
#define PRESENT 3ull
#define ENTRIES 512

struct tables {
	uint64_t level[4][ENTRIES];
};

static struct tables host, guest __attribute__((aligned(4096)));
static uint64_t pages[3][ENTRIES] __attribute__((aligned(4096)));

/* Any writable register would do; RAX is in the control block. */
static NAKED void guest_looks(void)
{
	__asm__ volatile(
		"mov $1, %eax\nshl $39, %rax\nmov (%rax), %rax\nvmmcall");
}

static void show(struct tables *tables, int page)
{
	*(volatile uint64_t *)tables->level[3] = (uint64_t)pages[page] |
						 PRESENT;
}

/* All that is mapped now, and the window. */
static void build(struct tables *tables, int page)
{
	const uint64_t *now = (const uint64_t *)(read_cr(3) & ~0xfffull);

	for (int i = 0; i < ENTRIES; i++)
		tables->level[0][i] = now[i];
	tables->level[0][1] = (uint64_t)tables->level[1] | PRESENT;
	tables->level[1][0] = (uint64_t)tables->level[2] | PRESENT;
	tables->level[2][0] = (uint64_t)tables->level[3] | PRESENT;
	show(tables, page);
}

static uint64_t host_sees(void)
{
	return *(volatile uint64_t *)WINDOW;
}

static uint64_t guest_sees(uint32_t asid, uint8_t tlb_control)
{
	guest_start(guest_looks);
	put64(VMCB_CR3, (uint64_t)guest.level[0]);
	put32(VMCB_ASID, asid);
	put32(VMCB_TLB_CONTROL, tlb_control);
	vmrun((uint64_t)vmcb);
	return exit_code() == EXIT_VMMCALL ? get64(VMCB_RAX) : ~0ull;
}

void test_asid(void)
{
	const uint64_t before = read_cr(3);

	svm_enable();
	for (int i = 0; i < 3; i++)
		pages[i][0] = 10u + (unsigned int)i;
	build(&host, 0);
	build(&guest, 1);
	write_cr3((uint64_t)host.level[0]);
	check("the host sees its own page", 10, host_sees());
	check("a guest its own at the same address", 11, guest_sees(1, 0));
	check("the host again its own", 10, host_sees());
	check("and the guest, back under its ASID", 11, guest_sees(1, 0));
	show(&guest, 2);
	check("under another ASID it sees what its tables say now", 12,
	      guest_sees(2, 0));
	show(&guest, 1);
	check("under the same one after a flush", 11,
	      guest_sees(2, TLB_CONTROL_FLUSH_ALL));
	show(&host, 2);
	invalidate(WINDOW);
	check("the host sees what it changed and invalidated", 12, host_sees());
	guest_sees(2, 0);
	show(&host, 0);
	write_cr3((uint64_t)host.level[0]);
	check("or changed before it loaded CR3", 10, host_sees());
	write_cr3(before);
}
