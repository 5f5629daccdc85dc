// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../host/klog.h"
#include "../../guest_code/linux_init.h"
#include "linux_parts.h"
#include "vm.h"

/* Of Intel: pages that KVM takes where the guest has no memory (api.rst). */
#define IDENTITY_MAP_AT 0xfffbc000ull
#define TSS_AT 0xfffbd000ull
#define SERIAL_DATA 0x3f8
#define SERIAL_STATUS 0x3fd
#define SERIAL_IS_EMPTY 0x60
/* So often a vCPU is interrupted to look at the deadline. */
#define LOOK_NS 50000000

const char *linux_image(void)
{
	static const struct {
		const char *before, *after;
	} places[] = {
		{ "/boot/vmlinuz-", "" },
		{ "/lib/modules/", "/vmlinuz" },
	};
	static char path[256];
	const char *given = getenv("PMU_GUEST_KERNEL");
	struct utsname name;

	uname(&name);
	if (given)
		return given;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s%s%s", places[i].before,
			 name.release, places[i].after);
		if (!access(path, R_OK))
			return path;
	}
	return NULL;
}

/* What KVM offers, with the APIC ID of the first vCPU. */
static int set_cpuid(int vcpu)
{
	struct kvm_cpuid2 *cpuid = vm_offered_cpuid();
	int err = 0;

	if (!cpuid)
		return errno;
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *leaf = &cpuid->entries[i];

		if (leaf->function == 1)
			leaf->ebx &= 0xffffff;
		if (leaf->function == 0xb || leaf->function == 0x1f ||
		    leaf->function == 0x80000026)
			leaf->edx = 0;
		if (leaf->function == 0x8000001e)
			leaf->eax = 0;
	}
	if (ioctl(vcpu, KVM_SET_CPUID2, cpuid))
		err = errno;
	free(cpuid);
	return err;
}

static int create_devices(struct linux_guest *guest)
{
	const uint64_t identity_map = IDENTITY_MAP_AT;
	const struct kvm_pit_config pit = { 0 };
	const struct kvm_userspace_memory_region region = {
		.memory_size = LINUX_MEMORY,
		.userspace_addr = (uintptr_t)guest->memory,
	};

	if (ioctl(guest->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) ||
	    ioctl(guest->vm, KVM_SET_TSS_ADDR, TSS_AT) ||
	    ioctl(guest->vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(guest->vm, KVM_CREATE_PIT2, &pit) ||
	    ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return errno;
	return 0;
}

static int create_vcpu(struct linux_guest *guest, int kvm)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	if (guest->vcpu < 0 || size < 0)
		return errno;
	guest->run_size = (size_t)size;
	run = mmap(NULL, guest->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   guest->vcpu, 0);
	if (run == MAP_FAILED)
		return errno;
	guest->run = run;
	return set_cpuid(guest->vcpu);
}

int linux_create(struct linux_guest *guest)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int err;

	if (kvm < 0)
		return errno;
	guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	err = guest->vm < 0 ? errno : create_devices(guest);
	if (!err)
		err = create_vcpu(guest, kvm);
	close(kvm);
	return err;
}

void linux_close_vm(struct linux_guest *guest)
{
	if (guest->run)
		munmap(guest->run, guest->run_size);
	if (guest->vcpu >= 0)
		close(guest->vcpu);
	if (guest->vm >= 0)
		close(guest->vm);
	guest->run = NULL;
	guest->vcpu = guest->vm = -1;
}

int linux_begin(struct linux_guest *guest, const char *image,
		const struct linux_root *root)
{
	uint64_t entry;
	void *memory;
	int err;

	*guest = (struct linux_guest){ .vm = -1, .vcpu = -1 };
	memory = mmap(NULL, LINUX_MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return errno;
	guest->memory = memory;
	err = linux_create(guest)					?:
	      linux_load(guest, image, root, &entry)			?:
	      linux_enter_at(guest, entry);
	if (err)
		linux_end(guest);
	return err;
}

void linux_end(struct linux_guest *guest)
{
	linux_close_vm(guest);
	if (guest->memory)
		munmap(guest->memory, LINUX_MEMORY);
	guest->memory = NULL;
}

/* Returns whether a line is complete. */
static bool take_line(struct linux_guest *guest, char c)
{
	if (c == '\n') {
		guest->line[guest->line_length] = 0;
		guest->line_length = 0;
		return true;
	}
	if (guest->line_length < sizeof(guest->line) - 1)
		guest->line[guest->line_length++] = c;
	return false;
}

static void take_console(struct linux_guest *guest, char c)
{
	const size_t half = sizeof(guest->console) / 2;

	if (guest->console_length == sizeof(guest->console) - 1) {
		guest->console_length -= half;
		memmove(guest->console, guest->console + half,
			guest->console_length + 1);
		guest->console_cut = true;
	}
	guest->console[guest->console_length++] = c;
	guest->console[guest->console_length] = 0;
}

/* Returns whether init completed a line; what follows that is dropped. */
static bool serve_io(struct linux_guest *guest)
{
	struct kvm_run *run = guest->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool said = false;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data,
		       run->io.port == SERIAL_STATUS ? SERIAL_IS_EMPTY : 0,
		       (size_t)run->io.size * run->io.count);
		return false;
	}
	for (uint32_t i = 0; run->io.size == 1 && i < run->io.count; i++) {
		if (run->io.port == SERIAL_DATA)
			take_console(guest, (char)data[i]);
		if (run->io.port == LINUX_INIT_PORT && !said)
			said = take_line(guest, (char)data[i]);
	}
	return said;
}

static void look_up(int signal)
{
	(void)signal;
}

/* A signal ends KVM_RUN; one that comes before it is followed by another. */
static bool timer_begin(timer_t *timer)
{
	const struct sigaction action = { .sa_handler = look_up };
	const struct itimerspec often = {
		.it_value.tv_nsec = LOOK_NS,
		.it_interval.tv_nsec = LOOK_NS,
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
		._sigev_un._tid = gettid(),
	};

	return !sigaction(SIGUSR1, &action, NULL) &&
	       !timer_create(CLOCK_MONOTONIC, &event, timer) &&
	       !timer_settime(*timer, 0, &often, NULL);
}

/* Says why, with what KVM gives of it (struct kvm_run). */
static enum linux_exit stopped(struct linux_guest *guest)
{
	const struct kvm_run *run = guest->run;
	struct kvm_regs regs = { 0 };

	ioctl(guest->vcpu, KVM_GET_REGS, &regs);
	snprintf(guest->why, sizeof(guest->why),
		 "exit reason %u, suberror %u, at %#llx", run->exit_reason,
		 run->exit_reason == KVM_EXIT_INTERNAL_ERROR
			 ? run->internal.suberror
			 : 0,
		 (unsigned long long)regs.rip);
	return LINUX_STOPPED;
}

static enum linux_exit run(struct linux_guest *guest,
			   const struct deadline *deadline)
{
	while (!deadline_passed(deadline)) {
		if (ioctl(guest->vcpu, KVM_RUN, 0)) {
			if (errno != EINTR && errno != EAGAIN) {
				snprintf(guest->why, sizeof(guest->why),
					 "KVM_RUN: %s", strerror(errno));
				return LINUX_STOPPED;
			}
			continue;
		}
		switch (guest->run->exit_reason) {
		case KVM_EXIT_IO:
			if (serve_io(guest))
				return LINUX_SAID;
			break;
		case KVM_EXIT_MMIO:
			if (!guest->run->mmio.is_write)
				memset(guest->run->mmio.data, 0,
				       sizeof(guest->run->mmio.data));
			break;
		default:
			return stopped(guest);
		}
	}
	return LINUX_LATE;
}

enum linux_exit linux_run(struct linux_guest *guest,
			  const struct deadline *deadline)
{
	enum linux_exit exit;
	timer_t timer;

	if (!timer_begin(&timer)) {
		snprintf(guest->why, sizeof(guest->why), "timer: %s",
			 strerror(errno));
		return LINUX_STOPPED;
	}
	exit = run(guest, deadline);
	timer_delete(timer);
	return exit;
}

/*
 * arch/x86/kernel/cpu/bugs.c warns of processors and microcode, not of what the
 * kernel met.
 */
static bool is_of_processor(const char *line)
{
	static const char *const prefixes[] = {
		"Spectre V2 : ",
		"RETBleed: ",
		"ITS: ",
		"Speculative Return Stack Overflow: ",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (strstr(line, prefixes[i]))
			return true;
	}
	return false;
}

bool linux_complaint(const struct linux_guest *guest, char *line, size_t size)
{
	const char *rest = guest->console;

	while (*rest) {
		size_t length = strcspn(rest, "\r\n");

		snprintf(line, size, "%.*s", (int)length, rest);
		if (klog_is_complaint(line) && !is_of_processor(line))
			return true;
		rest += length + (rest[length] != 0);
	}
	return false;
}

bool linux_log_has(const struct linux_guest *guest, const char *text)
{
	return strstr(guest->console, text) != NULL;
}
