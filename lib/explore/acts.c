// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../contract/act_list.h"
#include "acts.h"

#define CGROUP "/sys/fs/cgroup/pmu-explore"
#define ONLINE "/sys/devices/system/cpu/cpu1/online"
#define GUEST_CPU 1
#define PATIENCE_S 20

/* Exit status of a process that could not do what must work. */
#define CANNOT 3

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# cannot: %s: %s\n", what, strerror(errno));
	_exit(CANNOT);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

static bool was_online;

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

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
static int events[ACT_EVENTS];
static int cgroup_fd = -1;
static pid_t self;
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

void acts_begin(void)
{
	pthread_t thread;
	FILE *file;

	self = getpid();
	run_on(0);
	for (int i = 0; i < ACT_EVENTS; i++)
		events[i] = -1;
	file = fopen(ONLINE, "re");
	was_online = file && fgetc(file) == '1';
	if (file)
		fclose(file);
	if (!mkdir(CGROUP, 0755) || errno == EEXIST)
		cgroup_fd = open(CGROUP, O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < ACT_GUESTS; i++) {
		guests[i].vm = -1;
		sem_init(&guests[i].asked, 0, 0);
		sem_init(&guests[i].done, 0, 0);
		must(!pthread_create(&thread, NULL, run_guest, &guests[i]),
		     "pthread_create()");
		wait_for(&guests[i].done, "a thread");
	}
}

void acts_end(void)
{
	rmdir(CGROUP);
	if (was_online)
		write_file(ONLINE, "1");
}

bool acts_have_cgroup(void)
{
	return cgroup_fd >= 0;
}

bool acts_have_guest_pmu(void)
{
	unsigned int a, b, c, d;

	/* CPUID 8000_0001h ECX: PerfCtrExtCore */
	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & (1u << 23));
}

/* User space only: what the kernel does for it is not the event's business. */
int act_open(int slot, int target, int leader, unsigned int flags)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = flags & ACT_SOFTWARE ? PERF_TYPE_SOFTWARE
					     : PERF_TYPE_HARDWARE,
		.config = flags & ACT_SOFTWARE ? PERF_COUNT_SW_DUMMY
					       : PERF_COUNT_HW_INSTRUCTIONS,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
		.exclude_kernel = 1,
		.exclude_guest = !!(flags & ACT_EXCLUDE_GUEST),
		.disabled = !!(flags & ACT_DISABLED),
		.pinned = !!(flags & ACT_PINNED),
		.inherit = !!(flags & ACT_INHERIT),
	};
	unsigned long open_flags = PERF_FLAG_FD_CLOEXEC;
	pid_t pid = -1;
	int cpu = -1;

	switch (target) {
	case ON_SELF:
		pid = self;
		break;
	case ON_VCPU:
		pid = guests[0].tid;
		break;
	case ON_CGROUP0:
	case ON_CGROUP1:
		open_flags |= PERF_FLAG_PID_CGROUP;
		pid = cgroup_fd;
		cpu = target - ON_CGROUP0;
		break;
	default:
		cpu = target - ON_CPU0;
	}
	events[slot] = (int)syscall(SYS_perf_event_open, &attr, pid, cpu,
				    leader == NO_LEADER ? -1 : events[leader],
				    open_flags);
	return events[slot] < 0 ? errno : 0;
}

int act_probe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, self, -1, -1,
			      PERF_FLAG_FD_CLOEXEC);
	int err = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

void act_close(int slot)
{
	must(!close(events[slot]), "close()");
	events[slot] = -1;
}

void act_enable(int slot)
{
	must(!ioctl(events[slot], PERF_EVENT_IOC_ENABLE, 0), "ENABLE");
}

void act_disable(int slot)
{
	must(!ioctl(events[slot], PERF_EVENT_IOC_DISABLE, 0), "DISABLE");
}

void act_reset(int slot)
{
	must(!ioctl(events[slot], PERF_EVENT_IOC_RESET, 0), "RESET");
}

void act_look(int slot, struct seen *seen)
{
	uint64_t words[3] = { 0 };
	ssize_t got = read(events[slot], words, sizeof(words));

	must(got == 0 || got == sizeof(words), "read()");
	*seen = (struct seen){ got == 0, words[0], words[1], words[2] };
}

/* Two instructions a turn. */
void act_work(void)
{
	unsigned long turns = ACT_WORK / 2;

	asm volatile("1: dec %0; jnz 1b" : "+r"(turns));
}

static int wait_child(pid_t child)
{
	int err = child < 0 ? errno : 0, status;

	if (!err)
		must(waitpid(child, &status, 0) == child && !status,
		     "the child");
	return err;
}

int act_fork(void)
{
	pid_t child = fork();

	if (!child) {
		act_work();
		_exit(0);
	}
	return wait_child(child);
}

int act_exec(void)
{
	pid_t child = fork();

	if (!child) {
		execl("/bin/true", "true", NULL);
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	}
	return wait_child(child);
}

void act_move(int cpu)
{
	run_on(cpu);
}

void act_cgroup(int in)
{
	must(write_file(in ? CGROUP "/cgroup.procs"
			   : "/sys/fs/cgroup/cgroup.procs",
			"0"),
	     "cgroup.procs");
}

void act_hotplug(void)
{
	must(write_file(ONLINE, "0") && write_file(ONLINE, "1"), ONLINE);
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
 * so it rests instead of turning.
 */
void act_stay(int slot)
{
	const struct timespec brief = { .tv_nsec = 2000000 };
	struct guest *guest = &guests[slot];
	uint32_t beats = guest->box->beats;
	struct timespec from, now;

	guest->box->stay = 1;
	guest->staying = true;
	go(guest);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		nanosleep(&brief, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		must(now.tv_sec - from.tv_sec < PATIENCE_S,
		     "the guest does not begin");
	} while (guest->box->beats == beats);
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
