// SPDX-License-Identifier: GPL-2.0-only
/*
 * The findings about what a VMM saves, without the suite: one program, no
 * library but libc, one vCPU in real mode.
 *
 *   gcc -O2 -o saved saved.c
 *   ./saved NAME
 *
 * NAME is overflow or listed.
 *
 * Needs /dev/kvm and a PMU that KVM offers to guests; overflow needs one with a
 * global control.
 * Prints what it saw. Exit status 0: it did not show. 1: it did. 2: not tried.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define LEAVES 256
#define MSRS 1024
#define RUN_SIZE 4096
#define PORT 0x10
/* Of the local APIC: registers, and a vector for the counter's overflow. */
#define APIC_SPIV 0xf0
#define APIC_IRR 0x200
#define APIC_LVTPC 0x340
#define VECTOR 0x40

static void cannot(const char *what)
{
	fprintf(stderr, "saved: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void must(int good, const char *what)
{
	if (!good)
		cannot(what);
}

static int is_amd(void)
{
	uint32_t max, ebx, ecx, edx;

	return __get_cpuid(0, &max, &ebx, &ecx, &edx) && ebx == 0x68747541;
}

struct vcpu {
	int kvm, vm, fd;
	struct kvm_run *run;
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 leaf[LEAVES];
	} cpuid;
};

static struct vcpu vcpu;

static void make_vcpu(void)
{
	vcpu.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(vcpu.kvm >= 0, "/dev/kvm");
	vcpu.vm = ioctl(vcpu.kvm, KVM_CREATE_VM, 0);
	must(vcpu.vm >= 0, "KVM_CREATE_VM");
	must(!ioctl(vcpu.vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	vcpu.fd = ioctl(vcpu.vm, KVM_CREATE_VCPU, 0);
	must(vcpu.fd >= 0, "KVM_CREATE_VCPU");
	vcpu.run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			vcpu.fd, 0);
	must(vcpu.run != MAP_FAILED, "mmap()");
	vcpu.cpuid.head.nent = LEAVES;
	must(!ioctl(vcpu.kvm, KVM_GET_SUPPORTED_CPUID, &vcpu.cpuid),
	     "KVM_GET_SUPPORTED_CPUID");
}

static struct kvm_cpuid_entry2 *leaf(uint32_t number)
{
	for (uint32_t i = 0; i < vcpu.cpuid.head.nent; i++) {
		if (vcpu.cpuid.leaf[i].function == number)
			return &vcpu.cpuid.leaf[i];
	}
	errno = ENOENT;
	cannot("a leaf of CPUID about the PMU");
	return NULL;
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

/* Both return how many of the one were done. */
static int get_msr(uint32_t index, uint64_t *value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int done = ioctl(vcpu.fd, KVM_GET_MSRS, &msr);

	*value = msr.entry.data;
	return done;
}

static void set_msr(uint32_t index, uint64_t value)
{
	struct one_msr msr = {
		.head.nmsrs = 1,
		.entry = { .index = index, .data = value },
	};

	must(ioctl(vcpu.fd, KVM_SET_MSRS, &msr) == 1, "KVM_SET_MSRS");
}

/* D44: what KVM_GET_MSR_INDEX_LIST has, KVM_GET_MSRS refuses. */
static int listed(void)
{
	static struct {
		struct kvm_msr_list head;
		uint32_t index[MSRS];
	} list = { .head.nmsrs = MSRS };
	int refused = 0;

	make_vcpu();
	if (is_amd())
		leaf(0x80000022)->ebx = (leaf(0x80000022)->ebx & ~0xfu) | 4;
	else
		leaf(0xa)->eax = (leaf(0xa)->eax & ~0xff00u) | 4 << 8;
	must(!ioctl(vcpu.fd, KVM_SET_CPUID2, &vcpu.cpuid), "KVM_SET_CPUID2");
	must(!ioctl(vcpu.kvm, KVM_GET_MSR_INDEX_LIST, &list),
	     "KVM_GET_MSR_INDEX_LIST");
	for (uint32_t i = 0; i < list.head.nmsrs; i++) {
		uint64_t value;

		if (get_msr(list.index[i], &value) == 1)
			continue;
		printf("KVM_GET_MSRS refuses MSR %#x, which is in the list\n",
		       list.index[i]);
		refused++;
	}
	printf("a vCPU with 4 counters: %d registers of %u are refused\n",
	       refused, list.head.nmsrs);
	return refused > 0;
}

/* OUT, again and again, at address 0. */
static void load_code(void)
{
	static const uint8_t code[] = { 0xe6, PORT, 0xeb, 0xfc };
	struct kvm_userspace_memory_region region = { .memory_size = 4096 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(page != MAP_FAILED, "mmap()");
	memcpy(page, code, sizeof(code));
	region.userspace_addr = (uintptr_t)page;
	must(!ioctl(vcpu.vm, KVM_SET_USER_MEMORY_REGION, &region),
	     "KVM_SET_USER_MEMORY_REGION");
	must(!ioctl(vcpu.fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	must(!ioctl(vcpu.fd, KVM_SET_SREGS, &sregs) &&
		     !ioctl(vcpu.fd, KVM_SET_REGS, &regs),
	     "KVM_SET_SREGS");
}

static void set_apic(unsigned int reg, uint32_t value)
{
	struct kvm_lapic_state apic;

	must(!ioctl(vcpu.fd, KVM_GET_LAPIC, &apic), "KVM_GET_LAPIC");
	memcpy(apic.regs + reg, &value, sizeof(value));
	must(!ioctl(vcpu.fd, KVM_SET_LAPIC, &apic), "KVM_SET_LAPIC");
}

static int is_pending(void)
{
	struct kvm_lapic_state apic;

	must(!ioctl(vcpu.fd, KVM_GET_LAPIC, &apic), "KVM_GET_LAPIC");
	return apic.regs[APIC_IRR + VECTOR / 32 * 0x10 + VECTOR % 32 / 8] >>
		       VECTOR % 8 &
	       1;
}

static void run_to_out(void)
{
	must(!ioctl(vcpu.fd, KVM_RUN, 0) &&
		     vcpu.run->exit_reason == KVM_EXIT_IO,
	     "an exit for OUT");
}

static uint64_t get_counter(void)
{
	uint64_t value = 0;

	must(get_msr(is_amd() ? 0xc0010201 : 0xc1, &value) == 1,
	     "KVM_GET_MSRS");
	return value;
}

/* What the guest's way to the next OUT starts with. */
static void set_counter(uint64_t value)
{
	set_msr(is_amd() ? 0xc0010201 : 0xc1, value);
}

/* As the API asks before a vCPU is saved. */
static void complete_out(void)
{
	vcpu.run->immediate_exit = 1;
	must(ioctl(vcpu.fd, KVM_RUN, 0) < 0 && errno == EINTR,
	     "KVM_RUN with immediate_exit");
	vcpu.run->immediate_exit = 0;
}

/*
 * D43: a counter that has one to go overflows at an OUT, and its interrupt is
 * not in the APIC when the OUT is completed.
 */
static int overflow(void)
{
	uint64_t last = (1ull << 48) - 1, start = 0;
	int saved;

	make_vcpu();
	must(!ioctl(vcpu.fd, KVM_SET_CPUID2, &vcpu.cpuid), "KVM_SET_CPUID2");
	load_code();
	set_apic(APIC_SPIV, 0x1ff);
	set_apic(APIC_LVTPC, VECTOR);
	/* Instructions at any level, with the interrupt, and enabled. */
	set_msr(is_amd() ? 0xc0010200 : 0x186, 0x5300c0);
	set_msr(is_amd() ? 0xc0000301 : 0x38f, 1);
	for (int turn = 0; turn < 100; turn++) {
		uint64_t at_exit;

		/* That of an earlier turn is not this one's; Intel masks. */
		set_apic(APIC_LVTPC, VECTOR);
		set_apic(APIC_IRR + VECTOR / 32 * 0x10, 0);
		set_counter(start);
		run_to_out();
		at_exit = get_counter();
		complete_out();
		if (at_exit == last && !get_counter())
			break;
		start = (start + last - at_exit) & last;
	}
	must(!get_counter(), "an overflow by OUT");
	saved = is_pending();
	run_to_out();
	must(is_pending(), "an interrupt, sooner or later");
	printf("an overflow's interrupt is in the APIC %s the vCPU is entered again\n",
	       saved ? "before" : "only after");
	return !saved;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "overflow"))
		return overflow();
	if (argc == 2 && !strcmp(argv[1], "listed"))
		return listed();
	fprintf(stderr, "usage: saved overflow|listed\n");
	return 2;
}
