// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../perf/event.h"
#include "vm.h"

/* KVM_MAX_CPUID_ENTRIES of arch/x86/include/asm/kvm_host.h */
#define CPUID_LEAVES_MAX 256

int vm_try_create(struct vm *vm)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int fd, err;

	if (kvm < 0)
		return errno;
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	err = errno;
	close(kvm);
	if (fd < 0)
		return err;
	*vm = (struct vm){ .fd = fd };
	for (int i = 0; i < VM_VCPUS_MAX; i++)
		vm->vcpu[i] = -1;
	return 0;
}

int vm_try_irqchip(struct vm *vm)
{
	return ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) ? errno : 0;
}

int vm_try_vcpu(struct vm *vm)
{
	int fd;

	if (vm->vcpus == VM_VCPUS_MAX)
		return ENOSPC;
	fd = ioctl(vm->fd, KVM_CREATE_VCPU, vm->vcpus);
	if (fd < 0)
		return errno;
	/* Those were open: it is no new one, and closing it ends the report. */
	if (fd <= STDERR_FILENO)
		return EBADF;
	vm->vcpu[vm->vcpus++] = fd;
	return 0;
}

int vm_try_pmu_cap(struct vm *vm, unsigned long bits)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PMU_CAPABILITY,
		.args = { bits },
	};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap) ? errno : 0;
}

int vm_try_map_run(struct vm *vm)
{
	void *run = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ,
			 MAP_SHARED, vm->vcpu[0], 0);

	if (run == MAP_FAILED)
		return errno;
	vm->run = run;
	return 0;
}

int vm_try_empty_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 cpuid = { .nent = 0 };

	return ioctl(vm->vcpu[0], KVM_SET_CPUID2, &cpuid) ? errno : 0;
}

struct kvm_cpuid2 *vm_offered_cpuid(void)
{
	struct kvm_cpuid2 *cpuid = calloc(
		1, sizeof(*cpuid) + CPUID_LEAVES_MAX * sizeof(*cpuid->entries));
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int err = 0;

	if (cpuid)
		cpuid->nent = CPUID_LEAVES_MAX;
	if (!cpuid || kvm < 0 || ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
		err = errno;
	if (kvm >= 0)
		close(kvm);
	if (!err)
		return cpuid;
	free(cpuid);
	errno = err;
	return NULL;
}

int vm_try_offered_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = vm_offered_cpuid();
	int err;

	if (!cpuid)
		return errno;
	err = ioctl(vm->vcpu[0], KVM_SET_CPUID2, cpuid) ? errno : 0;
	free(cpuid);
	return err;
}

static int set_real_mode(int vcpu)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		return errno;
	return 0;
}

static int run_to_halt(int vcpu)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct kvm_run *run =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	int err = 0;

	if (run == MAP_FAILED)
		return errno;
	if (ioctl(vcpu, KVM_RUN, 0))
		err = errno;
	else if (run->exit_reason != KVM_EXIT_HLT)
		err = EPROTO;
	munmap(run, size);
	return err;
}

int vm_try_run_halt(struct vm *vm)
{
	const unsigned char hlt = 0xf4;
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct kvm_userspace_memory_region region = { .memory_size = size };
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = 0;

	if (page == MAP_FAILED)
		return errno;
	memset(page, hlt, size);
	region.userspace_addr = (uintptr_t)page;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		err = errno;
	if (!err)
		err = set_real_mode(vm->vcpu[0]);
	if (!err)
		err = run_to_halt(vm->vcpu[0]);
	/* The memory stays with the VM; taking it away would be an error. */
	return err;
}

int vm_try_with_irqchip(struct vm *vm)
{
	int err = vm_try_create(vm);

	if (err)
		return err;
	err = vm_try_irqchip(vm);
	if (err)
		vm_close(vm);
	return err;
}

void vm_close_fd(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
}

void vm_close_vcpus(struct vm *vm)
{
	for (int i = 0; i < VM_VCPUS_MAX; i++) {
		if (vm->vcpu[i] >= 0)
			close(vm->vcpu[i]);
		vm->vcpu[i] = -1;
	}
}

void vm_unmap_run(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, (size_t)sysconf(_SC_PAGESIZE));
	vm->run = NULL;
}

void vm_close(struct vm *vm)
{
	vm_unmap_run(vm);
	vm_close_vcpus(vm);
	vm_close_fd(vm);
}

int64_t pmu_is_claimed(void)
{
	struct perf_event_attr attr;
	int fd;

	if (event_describe(&attr, PMU_CORE))
		return NOT_KNOWN;
	attr.disabled = 1;
	fd = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd == -EOPNOTSUPP ? 1 : NOT_KNOWN;
}

static bool vm_starts(bool with_pmu)
{
	const unsigned long disable = 1; /* KVM_PMU_CAP_DISABLE */
	struct vm vm;
	bool started;

	if (vm_try_with_irqchip(&vm))
		return false;
	started = (with_pmu || !vm_try_pmu_cap(&vm, disable)) &&
		  !vm_try_vcpu(&vm);
	vm_close(&vm);
	return started;
}

int64_t vm_is_refused(void)
{
	if (!vm_starts(false))
		return NOT_KNOWN;
	return !vm_starts(true);
}
