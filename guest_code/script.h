/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does what the host wrote down. The host fills in the steps and
 * enters the guest once; the guest takes them in order, notes beside each what
 * it saw, and leaves. It knows no rule and no register: which
 * MSR, what value and how often are the host's to say.
 */
#ifndef PMU_GUEST_SCRIPT_H
#define PMU_GUEST_SCRIPT_H

#include <stdint.h>

#define GUEST_STEPS_MAX 160

/*
 * What a step does, @times over. In brackets: the instructions and branches
 * that one time is made of, beyond a constant for the step as a whole.
 *
 *   GUEST_WRITE    WRMSR of @value to @index
 *   GUEST_READ     RDMSR of @index
 *   GUEST_RDPMC    RDPMC of @index
 *   GUEST_CPUID    CPUID leaf @index; @seen is EAX << 32 | EBX
 *   GUEST_WORK     a loop (2, 1)
 *   GUEST_USER     the same loop at CPL 3 (2, 1)
 *   GUEST_EMULATE  CPUID, which KVM emulates (4, 1)
 *   GUEST_USER_EMULATE
 *                  the same at CPL 3 (4, 1)
 *   GUEST_JUMP     JMP through memory that is not there, which KVM emulates and
 *                  user space answers (5, 2)
 *   GUEST_OUT      OUT to a port that user space serves (3, 1)
 *   GUEST_IPI      WRMSR to the x2APIC's ICR, to oneself, interrupts off (3, 1)
 *   GUEST_INVD     INVD, which KVM skips (3, 1)
 *   GUEST_TOUCH    write to one page after another of those that are there to
 *                  be taken away: no exit but their faults (4, 1)
 *   GUEST_HALT     an IPI to oneself, then STI; HLT; CLI
 *   GUEST_NO_HALT  the same with NOP in place of HLT: as many instructions
 *   GUEST_OPEN     STI; NOP; CLI
 *   GUEST_PAUSE    turn, one heartbeat a turn, until the host says go on
 *   GUEST_NESTED   run a nested guest that does the loop of GUEST_WORK (2, 1)
 *   GUEST_NESTED_OUT
 *                  the same, and then OUT to the port of GUEST_OUT, which the
 *                  guest does not intercept, and the loop again
 *   GUEST_NESTED_READ, GUEST_NESTED_WRITE
 *                  run one that does as GUEST_READ or GUEST_WRITE says
 *   GUEST_NESTED_READ_KEPT, GUEST_NESTED_WRITE_KEPT
 *                  the same, but the guest keeps @index from it; @seen is how
 *                  often that brought the guest an exit
 *   GUEST_NESTED_ENTER
 *                  VMRUN of a nested guest that does nothing but exit (2, 1 of
 *                  the guest, and VMRUN itself)
 *   GUEST_DIE      fault with no table to handle it: the guest shuts down
 */
enum guest_op {
	GUEST_END,
	GUEST_WRITE,
	GUEST_READ,
	GUEST_RDPMC,
	GUEST_CPUID,
	GUEST_WORK,
	GUEST_USER,
	GUEST_EMULATE,
	GUEST_USER_EMULATE,
	GUEST_JUMP,
	GUEST_OUT,
	GUEST_IPI,
	GUEST_INVD,
	GUEST_TOUCH,
	GUEST_HALT,
	GUEST_NO_HALT,
	GUEST_OPEN,
	GUEST_PAUSE,
	GUEST_NESTED,
	GUEST_NESTED_OUT,
	GUEST_NESTED_READ,
	GUEST_NESTED_READ_KEPT,
	GUEST_NESTED_WRITE,
	GUEST_NESTED_WRITE_KEPT,
	GUEST_NESTED_ENTER,
	GUEST_DIE,
	GUEST_OPS,
};

/* A @vector that is none: the nested guest died, @seen is its exit reason. */
#define NESTED_DIED 0xff

/* The greater one of the vendors' bitmaps of MSRs, AMD's two pages. */
#define NESTED_MSRS_SIZE 8192

/* The port of GUEST_OUT, and the vectors that are recorded. */
#define GUEST_PORT 0x2000
/* Where no memory is, in the guest's page tables at the same address. */
#define GUEST_NOWHERE 0xc0000000ul
#define GUEST_PMI_VECTOR 0x40
/* SDM volume 3, "x2APIC Register Address Space"; APM volume 2 has the same. */
#define GUEST_LVTPC_MSR 0x834
#define GUEST_LVT_NMI 0x400
#define GUEST_LVT_MASKED 0x10000
#define GUEST_IPI_VECTOR 0x41

/*
 * @seen:   the value read, of the last time
 * @vector: the exception the step raised, 0 if none
 */
struct guest_step {
	uint32_t op;
	uint32_t index;
	uint64_t value;
	uint64_t times;
	volatile uint64_t seen;
	volatile uint64_t vector;
};

/*
 * @step:   written by the host, up to a GUEST_END
 * @done:   steps taken by the last run: what a guest that died had got to
 * @runs:   runs completed
 * @go_on:  set by the host to end a GUEST_PAUSE, or what is repeated
 * @repeats: take the steps again and again until the host says go on
 * @pmis, @nmis, @ipis: interrupts that reached the guest
 * @landing: what is read at GUEST_NOWHERE: where GUEST_JUMP goes on
 * @nested: where the host put what a nested guest needs, 0 if there is none
 * @nested_vmx: that is for VMX, not for SVM
 * @nested_msrs, @nested_msrs_gpa: the bitmap of its MSRs
 */
struct guest_script {
	struct guest_step step[GUEST_STEPS_MAX];
	volatile uint64_t done;
	volatile uint64_t runs;
	volatile uint64_t go_on;
	uint64_t repeats;
	volatile uint64_t pmis;
	volatile uint64_t nmis;
	volatile uint64_t ipis;
	volatile uint64_t landing;
	uint64_t nested;
	uint64_t nested_vmx;
	uint64_t nested_msrs;
	uint64_t nested_msrs_gpa;
};

extern struct guest_script guest_script;

/* The pages of GUEST_TOUCH, which touches no more of them. */
#define GUEST_PAGES 32
extern uint8_t guest_page[GUEST_PAGES][4096];

/* Take the steps, leave, and again, until the record says stop. */
void guest_code_script(void);

/* At CPL 3, @turns times. The page it lies on must be open to CPL 3. */
void guest_user_turns(uint64_t turns);
void guest_user_emulated_turns(uint64_t turns);
extern const uint8_t guest_user_page[];

/* The nested guest of GUEST_NESTED and the like. */
void guest_run_nested(struct guest_step *step);

struct ex_regs;
void guest_on_pmi(struct ex_regs *regs);
void guest_on_nmi(struct ex_regs *regs);
void guest_on_ipi(struct ex_regs *regs);

#endif
