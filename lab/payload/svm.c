// SPDX-License-Identifier: GPL-2.0-only
/* The same counters across VMRUN and #VMEXIT. */
#include "vmcb.h"

/*
 * VMRUN + mov + 2 * 1000 = 2002 instructions that retire in the guest, 1001 of
 * them branches; VMMCALL is intercepted.
 */
static NAKED void guest_loop(void)
{
	__asm__ volatile("mov $1000, %ebx\n1: dec %ebx\njnz 1b\nvmmcall");
}

/*
 * Five times 10 nops: the VMRUN that leads to them counts with them, the
 * intercepted VMMCALL does not.
 */
static NAKED void guest_returns(void)
{
	__asm__ volatile(".rept 5\n.rept 10\nnop\n.endr\nvmmcall\n.endr");
}

static NAKED void guest_spin(void)
{
	__asm__ volatile("1: jmp 1b");
}

/* Some milliseconds: longer than an emulator leaves a processor undisturbed. */
static NAKED void guest_long(void)
{
	__asm__ volatile("mov $3000000, %ebx\n1: dec %ebx\njnz 1b\nvmmcall");
}

static void skip_vmmcall(void)
{
	put64(VMCB_RIP, get64(VMCB_RIP) + 3);
}

static void test_exact(void)
{
	uint64_t exact = 0;

	for (int i = 0; i < 20; i++) {
		guest_start(guest_loop);
		pmu_clear();
		wrmsr(MSR_GLOBAL_CTL, 0);
		wrmsr(MSR_CTL(1), EN | OS | BRANCHES | GUEST_ONLY);
		wrmsr(MSR_CTL(2), EN | OS | INSNS | HOST_ONLY);
		wrmsr(MSR_CTL(3), EN | OS | INSNS | HOST_ONLY | GUEST_ONLY);
		wrmsr(MSR_CTL(0), EN | OS | INSNS | GUEST_ONLY);
		wrmsr(MSR_GLOBAL_CTL, 0x3f);
		vmrun((uint64_t)vmcb);
		wrmsr(MSR_GLOBAL_CTL, 0);
		exact += exit_code() == EXIT_VMMCALL &&
			 rdmsr(MSR_CTR(0)) == 2002 && rdmsr(MSR_CTR(1)) == 1001;
	}
	check("guest-only counts a guest's block and its VMRUN exactly, every time",
	      20, exact);
	check("host-only and guest-only add up to both", rdmsr(MSR_CTR(3)),
	      rdmsr(MSR_CTR(0)) + rdmsr(MSR_CTR(2)));
	check_range("host-only counts none of the guest", 10, 200,
		    rdmsr(MSR_CTR(2)));
}

static void test_returns(void)
{
	pmu_clear();
	guest_start(guest_returns);
	wrmsr(MSR_CTL(0), EN | OS | INSNS | GUEST_ONLY);
	for (int i = 0; i < 5; i++) {
		vmrun((uint64_t)vmcb);
		skip_vmmcall();
	}
	check("counting goes on across exits, without the intercepted", 55,
	      rdmsr(MSR_CTR(0)));
	pmu_clear();
}

/* The mode that VMRUN leads to has a level, too. */
static void test_level_of_vmrun(void)
{
	pmu_clear();
	guest_start(guest_returns);
	wrmsr(MSR_GLOBAL_CTL, 0);
	wrmsr(MSR_CTL(0), EN | OS | BRANCHES | GUEST_ONLY);
	wrmsr(MSR_CTL(1), EN | USR | INSNS | GUEST_ONLY);
	wrmsr(MSR_CTL(2), EN | OS | BRANCHES | HOST_ONLY);
	wrmsr(MSR_GLOBAL_CTL, 0x3f);
	vmrun((uint64_t)vmcb);
	wrmsr(MSR_GLOBAL_CTL, 0);
	check("VMRUN is a branch of a guest in ring 0", 1, rdmsr(MSR_CTR(0)));
	check("and nothing of one in ring 3", 0, rdmsr(MSR_CTR(1)));
	/* The call of vmrun(), and its return. */
	check("nor a branch of the host", 2, rdmsr(MSR_CTR(2)));
	pmu_clear();
}

static void guest_overflow(uint64_t left, uint32_t lvt, void (*entry)(void))
{
	pmu_clear();
	guest_start(entry);
	set_pmi(lvt);
	wrmsr(MSR_CTR(0), (CTR_MASK + 1 - left) & CTR_MASK);
	wrmsr(MSR_CTL(0), EN | OS | INT | INSNS | GUEST_ONLY);
	vmrun((uint64_t)vmcb);
}

static void test_overflow_exits(void)
{
	guest_overflow(5000, LVT_NMI, guest_spin);
	check("an overflow in the guest exits to the host as NMI", EXIT_NMI,
	      exit_code());
	check("which then takes it", 1, interrupts[VECTOR_NMI]);
	check_range("within the documented skid", 0, SKID_MAX - 1,
		    rdmsr(MSR_CTR(0)));
	check("and finds the status bit", 1, rdmsr(MSR_GLOBAL_STATUS));

	guest_overflow(5000, VECTOR_FIXED, guest_spin);
	check("or as an interrupt", EXIT_INTR, exit_code());
	__asm__ volatile("sti\nnop\nnop" ::: "memory");
	check("which is taken as well", 1, interrupts[VECTOR_FIXED]);

	/* The guest's last instruction before its exit overflows. */
	guest_overflow(2002, LVT_NMI, guest_loop);
	__asm__ volatile("nop\nnop" ::: "memory");
	check("an overflow on the way out of the guest is not lost", 1,
	      interrupts[VECTOR_NMI]);
	check("nor is its status bit", 1, rdmsr(MSR_GLOBAL_STATUS));
	guest_overflow(2003, LVT_NMI, guest_loop);
	check("one instruction less does not overflow", 0,
	      interrupts[VECTOR_NMI] + rdmsr(MSR_GLOBAL_STATUS));
	pmu_clear();
}

/* A host-only counter overflows with the last instruction before VMRUN. */
static void test_overflow_at_entry(void)
{
	uint64_t lost = 0;

	for (uint64_t left = 1; left <= 60; left++) {
		pmu_clear();
		guest_start(guest_loop);
		set_pmi(LVT_NMI);
		wrmsr(MSR_CTR(0), (CTR_MASK + 1 - left) & CTR_MASK);
		wrmsr(MSR_CTL(0), EN | OS | INT | INSNS | HOST_ONLY);
		vmrun((uint64_t)vmcb);
		wrmsr(MSR_CTL(0), 0);
		if (rdmsr(MSR_GLOBAL_STATUS) != interrupts[VECTOR_NMI])
			lost++;
	}
	check("no overflow around an entry loses its interrupt", 0, lost);
	pmu_clear();
}

static NAKED void guest_rdpmc(void)
{
	__asm__ volatile("xor %ecx, %ecx\nrdpmc");
}

static NAKED void guest_cpuid(void)
{
	__asm__ volatile("cpuid");
}

static NAKED void guest_invd(void)
{
	__asm__ volatile("invd");
}

static NAKED void guest_hlt(void)
{
	__asm__ volatile("hlt");
}

static NAKED void guest_wrmsr(void)
{
	__asm__ volatile("mov $0xc0010004, %ecx\nwrmsr");
}

static NAKED void guest_prefixed(void)
{
	__asm__ volatile(".byte 0xf3\nhlt");
}

static uint8_t all_msrs[8192] __attribute__((aligned(4096)));

/* How far the saved next instruction is from the intercepted one. */
static uint64_t distance(void (*entry)(void), uint64_t expected_exit)
{
	for (unsigned int i = 0; i < sizeof(all_msrs); i++)
		all_msrs[i] = 0xff;
	guest_start(entry);
	put32(VMCB_INTERCEPT3, INTERCEPT_RDPMC | INTERCEPT_CPUID |
				       INTERCEPT_INVD | INTERCEPT_HLT |
				       INTERCEPT_MSR);
	put64(VMCB_MSRPM, (uint64_t)all_msrs);
	put64(VMCB_NRIP, 0x1234);
	vmrun((uint64_t)vmcb);
	if (exit_code() != expected_exit)
		return ~0ull;
	if (!get64(VMCB_NRIP))
		return 0;
	return get64(VMCB_NRIP) - get64(VMCB_RIP);
}

static void test_next_rip(void)
{
	pmu_clear();
	check("the next instruction is saved for RDPMC", 2,
	      distance(guest_rdpmc, EXIT_RDPMC));
	check("for CPUID", 2, distance(guest_cpuid, EXIT_CPUID));
	check("for INVD", 2, distance(guest_invd, EXIT_INVD));
	check("for HLT", 1, distance(guest_hlt, EXIT_HLT));
	check("for WRMSR", 2, distance(guest_wrmsr, EXIT_MSR));
	check("for VMMCALL", 3, distance(guest_returns, EXIT_VMMCALL));
	check("none where there is a prefix", 0,
	      distance(guest_prefixed, EXIT_HLT));
	guest_overflow(5000, LVT_NMI, guest_spin);
	check("none where no instruction was intercepted", 0, get64(VMCB_NRIP));
	pmu_clear();
}

static volatile uint32_t taken;

/* No access to a device, which would have the emulator leave its loop at once.
 */
static NAKED void guest_takes(void)
{
	__asm__ volatile("incl taken(%rip)\niretq");
}

/* Only beside a second CPU is the loop left for nothing, at the end of a turn.
 */
static void test_injected(void)
{
	/* AMD64 APM volume 2, "Long-Mode Interrupt Control Transfers". */
	static uint64_t gates[2 * (VECTOR_FIXED + 1)];
	const uint64_t handler = (uint64_t)guest_takes;

	gates[2 * VECTOR_FIXED] = (handler & 0xffff) | 0x08 << 16 |
				  0x8e00ull << 32 | (handler >> 16) << 48;
	gates[2 * VECTOR_FIXED + 1] = handler >> 32;
	pmu_clear();
	guest_start(guest_long);
	put32(VMCB_IDTR + 4, sizeof(gates) - 1);
	put64(VMCB_IDTR + 8, (uint64_t)gates);
	put32(VMCB_EVENT_INJECTION, EVENT_IS_INTERRUPT(VECTOR_FIXED));
	vmrun((uint64_t)vmcb);
	check("a guest that got an interrupt goes on", EXIT_VMMCALL,
	      exit_code());
	check("and took it once", 1, taken);
}

void test_svm(void)
{
	svm_enable();
	test_exact();
	test_returns();
	test_level_of_vmrun();
	test_overflow_exits();
	test_overflow_at_entry();
	test_next_rip();
	test_injected();
}
