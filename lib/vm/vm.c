// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../perf/event.h"
#include "vm.h"

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
