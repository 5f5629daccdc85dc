/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that runs on the emulated machine without an operating system and
 * asks the PMU model, line by line, whether it does what docs/lab.md says.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define NUM_CTRS 6

#define MSR_EFER 0xc0000080
#define EFER_SVME (1ull << 12)
#define MSR_CTL(i) (0xc0010200 + 2 * (i))
#define MSR_CTR(i) (0xc0010201 + 2 * (i))
#define MSR_LEGACY_CTL(i) (0xc0010000 + (i))
#define MSR_LEGACY_CTR(i) (0xc0010004 + (i))
#define MSR_GLOBAL_STATUS 0xc0000300
#define MSR_GLOBAL_CTL 0xc0000301
#define MSR_GLOBAL_CLR 0xc0000302
#define MSR_GLOBAL_SET 0xc0000303

#define LS_DISPATCH 0x29ull
#define CYCLES 0x76ull
#define INSNS 0xc0ull
#define BRANCHES 0xc2ull
#define USR (1ull << 16)
#define OS (1ull << 17)
#define EDGE (1ull << 18)
#define INT (1ull << 20)
#define EN (1ull << 22)
#define INV (1ull << 23)
#define CMASK(n) ((uint64_t)(n) << 24)
#define GUEST_ONLY (1ull << 40)
#define HOST_ONLY (1ull << 41)
#define CTR_MASK ((1ull << 48) - 1)

#define LVT_NMI 0x400
#define LVT_MASKED 0x10000
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_FIXED 64
#define VECTOR_TIMER 65

/* Most instructions between an overflow and its interrupt; see amd_pmu.h. */
#define SKID_MAX 32

/* Code whose every instruction is counted: no prologue of the compiler's. */
#define NAKED __attribute__((naked))

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t rdpmc(uint32_t index)
{
	uint32_t lo, hi;

	__asm__ volatile("rdpmc" : "=a"(lo), "=d"(hi) : "c"(index));
	return (uint64_t)hi << 32 | lo;
}

/* Control registers 0, 3 and 4. */
static inline uint64_t read_cr(int n)
{
	uint64_t value = 0;

	if (n == 0)
		__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	else if (n == 3)
		__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	else
		__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline void write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void invalidate(uint64_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* machine.c */
extern volatile uint32_t interrupts[256];
extern volatile uint64_t counter_at_interrupt;
void machine_init(void);
void cpu_init(int cpu);
void apic_write(uint32_t reg, uint32_t value);
uint32_t apic_read(uint32_t reg);
void set_pmi(uint32_t lvt);
void pmu_clear(void);
void user_run(void (*entry)(void));
void unmap_fault_page(void);
volatile uint8_t *fault_page(void);
void machine_exit(int status) __attribute__((noreturn));
int probe_rdmsr(uint32_t msr, uint64_t *value);
int probe_wrmsr(uint32_t msr, uint64_t *value);
int probe_rdpmc(uint32_t index, uint64_t *value);

/* report.c */
void report_plan(void);
/* Say that this waits for a byte now. */
void report_waits(void);
void check(const char *sentence, uint64_t expected, uint64_t seen);
void check_range(const char *sentence, uint64_t lo, uint64_t hi, uint64_t seen);
int report_end(void);

/*
 * Count one event over one asm statement, with counter 0.  Writing the
 * event select back to zero retires while the counter still runs, and so do the
 * three moves that load its operands: COUNT_OVERHEAD instructions.
 */
#define COUNT_OVERHEAD 4
#define COUNT(ctl, code)                                                       \
	({                                                                     \
		uint32_t a = (uint32_t)(ctl);                                  \
		uint32_t d = (uint32_t)((uint64_t)(ctl) >> 32);                \
		uint32_t c = MSR_CTL(0);                                       \
                                                                               \
		wrmsr(MSR_CTR(0), 0);                                          \
		__asm__ volatile("wrmsr\n\t" code "\n\t"                       \
				 "mov %[msr], %%ecx\n\t"                       \
				 "mov $0, %%eax\n\t"                           \
				 "mov $0, %%edx\n\t"                           \
				 "wrmsr"                                       \
				 : "+a"(a), "+d"(d), "+c"(c)                   \
				 : [msr] "i"(MSR_CTL(0))                       \
				 : "rbx", "rsi", "rdi", "r8", "memory", "cc"); \
		rdmsr(MSR_CTR(0));                                             \
	})

/* The groups of questions. */
void test_registers(void);
void test_counting(void);
void test_modes(void);
void test_overflow(void);
void test_svm(void);
void test_asid(void);
void test_saved(void);
void test_smp(void);

#endif
