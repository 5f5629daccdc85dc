// SPDX-License-Identifier: GPL-2.0-only
/* Guests by KVM's system calls alone, and what they find in their counters. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "acts_own.h"

/*
 * The guest, in real mode at address 0: it writes a new pattern to its counter
 * 1, counts its own work, goes round while it is to stay, and leaves with OUT.
 *
 * Counter 0 counts retired instructions, counter 2 branches (AMD64 APM volume
 * 2, "Core Performance Event-Select Registers"), both started and stopped by
 * one write of the global control. What it keeps is the first less the second:
 * a VM entry adds one to both, so it is the same however often the host
 * interrupts. And that of many turns less that of one: what starts and stops is
 * in neither.
 */
#define BOX 0x800

struct box {
	volatile uint32_t turns, stay, beats, program;
	volatile uint32_t counted[2], pattern[2], found[2];
};

extern const uint8_t guest_code_begin[], guest_code_end[];
asm(".pushsection .rodata\n"
    ".code16\n"
    "guest_code_begin:\n"
    "1:	movl 0x800, %esi\n"
    "	cmpl $0, 0x80c\n"
    "	je 3f\n"
    "	movl $0xc0010203, %ecx\n"
    "	rdmsr\n"
    "	movl %eax, 0x820\n"
    "	movl %edx, 0x824\n"
    "	movl 0x818, %eax\n"
    "	movl 0x81c, %edx\n"
    "	wrmsr\n"
    "	xorl %ebp, %ebp\n"
    "	xchgl %esi, %edi\n"
    "	movl $1, %esi\n"
    "2:	xorl %edx, %edx\n"
    "	xorl %eax, %eax\n"
    "	movl $0xc0000301, %ecx\n"
    "	wrmsr\n"
    "	movl $0xc0010201, %ecx\n"
    "	wrmsr\n"
    "	movl $0xc0010205, %ecx\n"
    "	wrmsr\n"
    "	movl $0xc0010200, %ecx\n"
    "	movl $0x4300c0, %eax\n"
    "	wrmsr\n"
    "	movl $0xc0010204, %ecx\n"
    "	movl $0x4300c2, %eax\n"
    "	wrmsr\n"
    "	movl $0xc0000301, %ecx\n"
    "	movl $5, %eax\n"
    "	wrmsr\n"
    "5:	decl %esi\n"
    "	jnz 5b\n"
    "	xorl %eax, %eax\n"
    "	wrmsr\n"
    "	movl $0xc0010201, %ecx\n"
    "	rdmsr\n"
    "	movl %eax, %ebx\n"
    "	movl $0xc0010205, %ecx\n"
    "	rdmsr\n"
    "	subl %eax, %ebx\n"
    "	negl %ebp\n"
    "	addl %ebx, %ebp\n"
    "	movl %edi, %esi\n"
    "	xorl %edi, %edi\n"
    "	testl %esi, %esi\n"
    "	jnz 2b\n"
    "	movl %ebp, 0x810\n"
    "	movl $0, 0x814\n"
    "	xorl %edx, %edx\n"
    "	xorl %eax, %eax\n"
    "	movl $0xc0010200, %ecx\n"
    "	wrmsr\n"
    "	movl $0xc0010204, %ecx\n"
    "	wrmsr\n"
    "	movl $0xc0000301, %ecx\n"
    "	movl $0x3f, %eax\n"
    "	wrmsr\n"
    "	jmp 4f\n"
    "3:	decl %esi\n"
    "	jnz 3b\n"
    "4:	incl 0x808\n"
    "	cmpl $0, 0x804\n"
    "	jne 4b\n"
    "	outb %al, $0x80\n"
    "	jmp 1b\n"
    "guest_code_end:\n"
    ".code64\n"
    ".popsection\n");

/* @asked, @done: hand-over to the thread and back */
struct guest {
	int vm, vcpu;
	struct kvm_run *run;
	struct box *box;
	void *memory;
	pid_t tid;
	sem_t asked, done;
	uint64_t pattern;
	bool staying;
};

static struct guest guests[ACT_GUESTS];
static uint64_t patterns = 0x123456;

static void wait_for(sem_t *sem, const char *what)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	do {
		err = sem_timedwait(sem, &until) ? errno : 0;
	} while (err == EINTR);
	errno = err;
	must(!err, what);
}

static void *run_guest(void *arg)
{
	struct guest *guest = arg;

	guest->tid = (pid_t)syscall(SYS_gettid);
	sem_post(&guest->done);
	for (;;) {
		sem_wait(&guest->asked);
		/* A CPU that was offline has lost its threads. */
		run_on(GUEST_CPU);
		while (ioctl(guest->vcpu, KVM_RUN, 0) && errno == EINTR)
			;
		must(guest->run->exit_reason == KVM_EXIT_IO, "the guest ended");
		sem_post(&guest->done);
	}
	return NULL;
}

void guests_begin(void)
{
	pthread_t thread;

	for (int i = 0; i < ACT_GUESTS; i++) {
		guests[i].vm = -1;
		sem_init(&guests[i].asked, 0, 0);
		sem_init(&guests[i].done, 0, 0);
		must(!pthread_create(&thread, NULL, run_guest, &guests[i]),
		     "pthread_create()");
		wait_for(&guests[i].done, "a thread");
	}
}

pid_t guest_tid(int slot)
{
	return guests[slot].tid;
}

bool acts_have_guest_pmu(void)
{
	unsigned int a, b, c, d;

	/* CPUID 8000_0001h ECX: PerfCtrExtCore */
	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & (1u << 23));
}

static void set_cpuid(int kvm, int vcpu)
{
	const int entries = 256;
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + entries * sizeof(cpuid->entries[0]));

	must(cpuid, "calloc()");
	cpuid->nent = entries;
	must(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) &&
		     !ioctl(vcpu, KVM_SET_CPUID2, cpuid),
	     "KVM_SET_CPUID2");
	free(cpuid);
}

static void load_code(struct guest *guest, int kvm)
{
	struct kvm_userspace_memory_region region = { .memory_size = 4096 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	guest->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	guest->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, guest->vcpu, 0);
	must(guest->memory != MAP_FAILED && guest->run != MAP_FAILED, "mmap()");
	memcpy(guest->memory, guest_code_begin,
	       (size_t)(guest_code_end - guest_code_begin));
	guest->box = (struct box *)((char *)guest->memory + BOX);
	region.userspace_addr = (uintptr_t)guest->memory;
	must(!ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region),
	     "KVM_SET_USER_MEMORY_REGION");
	must(!ioctl(guest->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) &&
		     !ioctl(guest->vcpu, KVM_SET_REGS, &regs),
	     "KVM_SET_SREGS");
}

/* In-kernel irqchip: without one a guest gets no PMU. */
int act_create(int slot)
{
	struct guest *guest = &guests[slot];
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), err;

	must(kvm >= 0, "/dev/kvm");
	guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	must(guest->vm >= 0, "KVM_CREATE_VM");
	must(!ioctl(guest->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	err = guest->vcpu < 0 ? errno : 0;
	if (err) {
		close(guest->vm);
		guest->vm = -1;
	} else {
		set_cpuid(kvm, guest->vcpu);
		load_code(guest, kvm);
		guest->box->turns = ACT_WORK / 2;
		guest->box->program = acts_have_guest_pmu();
		guest->pattern = 0;
	}
	close(kvm);
	return err;
}

static void go(struct guest *guest)
{
	patterns += 0x10101;
	guest->box->pattern[0] = (uint32_t)patterns;
	sem_post(&guest->asked);
}

static uint64_t joined(const volatile uint32_t *halves)
{
	return halves[0] | (uint64_t)halves[1] << 32;
}

static void came_back(struct guest *guest, struct guest_seen *seen)
{
	struct box *box = guest->box;

	wait_for(&guest->done, "the guest does not come back");
	if (seen)
		*seen = (struct guest_seen){ joined(box->counted),
					     joined(box->found),
					     guest->pattern };
	guest->pattern = box->program ? joined(box->pattern) : 0;
}

void act_enter(int slot, struct guest_seen *seen)
{
	go(&guests[slot]);
	came_back(&guests[slot], seen);
}

/*
 * Returns when the guest has begun to go round. Events may count this process,
 * and on a busy machine that takes long: so it looks again after pauses that
 * grow, some hundred times at the most, which is little of ACT_SLACK.
 */
void act_stay(int slot)
{
	const long longest_ns = 100000000;
	struct guest *guest = &guests[slot];
	uint32_t beats = guest->box->beats;
	struct timespec pause = { .tv_nsec = 50000 };
	int64_t waited_ns = 0;

	guest->box->stay = 1;
	guest->staying = true;
	go(guest);
	while (guest->box->beats == beats) {
		must(waited_ns < PATIENCE_S * 1000000000ll,
		     "the guest does not begin");
		nanosleep(&pause, NULL);
		waited_ns += pause.tv_nsec;
		if (pause.tv_nsec < longest_ns)
			pause.tv_nsec *= 2;
	}
}

void act_leave(int slot)
{
	guests[slot].box->stay = 0;
	guests[slot].staying = false;
	came_back(&guests[slot], NULL);
}

void act_kill(int slot)
{
	struct guest *guest = &guests[slot];
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (guest->staying)
		act_leave(slot);
	must(kvm >= 0, "/dev/kvm");
	munmap(guest->run, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(kvm);
	close(guest->vcpu);
	close(guest->vm);
	munmap(guest->memory, size);
	guest->vm = -1;
}
