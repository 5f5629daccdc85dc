// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"
#include "script.h"
#include "kvm_compat.h"
#include "heartbeat.h"

#include "apic.h"

struct guest_script guest_script;
uint8_t guest_page[GUEST_PAGES][4096] __attribute__((aligned(4096)));

void guest_on_pmi(struct ex_regs *regs)
{
	guest_script.pmis++;
	x2apic_write_reg(APIC_EOI, 0);
}

void guest_on_nmi(struct ex_regs *regs)
{
	guest_script.nmis++;
}

void guest_on_ipi(struct ex_regs *regs)
{
	guest_script.ipis++;
	x2apic_write_reg(APIC_EOI, 0);
}

/*
 * The loops whose instructions the host counts on (script.h). All registers
 * are set up before the first time round.
 */
#define TURNS(times, insn, ...)                                  \
	do {                                                     \
		uint64_t turns_left = (times);                   \
                                                                 \
		if (!turns_left)                                 \
			break;                                   \
		asm volatile("1:\n\t" insn "sub $1, %[left]\n\t" \
			     "jnz 1b"                            \
			     : [left] "+r"(turns_left)           \
			     : __VA_ARGS__);                     \
	} while (0)

#define NOTHING "r"(0ul) : "cc"

/* The ICR, with what sends a fixed interrupt to this vCPU itself. */
#define TO_SELF(id)                                    \
	"c"(APIC_BASE_MSR + (APIC_ICR >> 4)),          \
		"a"(APIC_DM_FIXED | GUEST_IPI_VECTOR), \
		"d"(id) : "cc", "memory"

static void send_to_self(uint64_t times)
{
	uint32_t id = x2apic_read_reg(APIC_ID);

	TURNS(times, "wrmsr\n\t", TO_SELF(id));
}

/* STI holds the interrupt off for one instruction: that is the one asked. */
static void halt(uint64_t times)
{
	uint32_t id = x2apic_read_reg(APIC_ID);

	TURNS(times, "wrmsr\n\tsti\n\thlt\n\tcli\n\t", TO_SELF(id));
}

static void do_not_halt(uint64_t times)
{
	uint32_t id = x2apic_read_reg(APIC_ID);

	TURNS(times, "wrmsr\n\tsti\n\tnop\n\tcli\n\t", TO_SELF(id));
}

static void emulate(uint64_t times)
{
	TURNS(times, "mov $1, %%eax\n\tcpuid\n\t", NOTHING, "eax", "ebx", "ecx",
	      "edx");
}

static void jump(uint64_t times)
{
	TURNS(times,
	      "lea 2f(%%rip), %%rax\n\t"
	      "mov %%rax, %[landing]\n\t"
	      "jmp *(%[nowhere])\n\t"
	      "2:\n\t",
	      [landing] "m"(guest_script.landing), [nowhere] "r"(GUEST_NOWHERE)
	      : "cc", "rax", "memory");
}

static void out(uint64_t times)
{
	TURNS(times, "out %%al, %%dx\n\t", "d"(GUEST_PORT), "a"(0) : "cc");
}

static void touch(uint64_t times)
{
	uint64_t turns_left = times < GUEST_PAGES ? times : GUEST_PAGES;
	uint8_t *page = guest_page[0];

	if (!turns_left)
		return;
	asm volatile("1:\n\tmovb $1, (%[page])\n\tadd $4096, %[page]\n\t"
		     "sub $1, %[left]\n\tjnz 1b"
		     : [left] "+r"(turns_left), [page] "+r"(page)
		     :
		     : "cc", "memory");
}

static void pause_until_told(void)
{
	while (!guest_script.go_on && !guest_record.stop)
		guest_heartbeat();
}

static void die(void)
{
	struct desc_ptr none = { 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

/* Reads and writes: anything that may fault stops the step. */
static void access_register(struct guest_step *step)
{
	uint64_t value = 0;

	for (uint64_t i = 0; i < step->times && !step->vector; i++) {
		if (step->op == GUEST_WRITE)
			step->vector = wrmsr_safe(step->index, step->value);
		else if (step->op == GUEST_READ)
			step->vector = rdmsr_safe(step->index, &value);
		else
			step->vector = rdpmc_safe(step->index, &value);
	}
	step->seen = value;
}

static void identify(struct guest_step *step)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid(step->index, step->value, &eax, &ebx, &ecx, &edx);
	step->seen = (uint64_t)eax << 32 | ebx;
}

static void take(struct guest_step *step)
{
	switch (step->op) {
	case GUEST_WRITE:
	case GUEST_READ:
	case GUEST_RDPMC:
		access_register(step);
		break;
	case GUEST_CPUID:
		identify(step);
		break;
	case GUEST_WORK:
		TURNS(step->times, "", NOTHING);
		break;
	case GUEST_USER:
		guest_user_turns(step->times);
		break;
	case GUEST_USER_EMULATE:
		guest_user_emulated_turns(step->times);
		break;
	case GUEST_EMULATE:
		emulate(step->times);
		break;
	case GUEST_JUMP:
		jump(step->times);
		break;
	case GUEST_OUT:
		out(step->times);
		break;
	case GUEST_IPI:
		send_to_self(step->times);
		break;
	case GUEST_INVD:
		TURNS(step->times, "invd\n\t", NOTHING);
		break;
	case GUEST_TOUCH:
		touch(step->times);
		break;
	case GUEST_HALT:
		halt(step->times);
		break;
	case GUEST_NO_HALT:
		do_not_halt(step->times);
		break;
	case GUEST_OPEN:
		asm volatile("sti; nop; cli" ::: "memory");
		break;
	case GUEST_PAUSE:
		pause_until_told();
		break;
	case GUEST_NESTED:
	case GUEST_NESTED_OUT:
	case GUEST_NESTED_READ:
	case GUEST_NESTED_READ_KEPT:
	case GUEST_NESTED_WRITE:
	case GUEST_NESTED_WRITE_KEPT:
	case GUEST_NESTED_ENTER:
		guest_run_nested(step);
		break;
	case GUEST_DIE:
		die();
		break;
	}
}

static void take_all(void)
{
	struct guest_step *step = guest_script.step;

	for (guest_script.done = 0; step->op != GUEST_END; step++) {
		take(step);
		guest_script.done++;
	}
}

void guest_code_script(void)
{
	x2apic_enable();
	while (!guest_record.stop) {
		do {
			take_all();
		} while (guest_script.repeats && !guest_script.go_on &&
			 !guest_record.stop);
		guest_script.runs++;
		guest_record.heartbeat++;
		GUEST_SYNC(0);
	}
	guest_record.ended = 1;
	GUEST_DONE();
}
