/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs that never run: the claim on the PMU is made and released by creating
 * and closing things. Raw system calls, so that each can be refused.
 */
#ifndef PMU_VM_VM_H
#define PMU_VM_VM_H

#include <stdbool.h>
#include <stdint.h>

#define VM_VCPUS_MAX 4

/*
 * @fd, @vcpu: file descriptors, -1 where there is none
 * @run:       mapping of the first vCPU's kvm_run, or NULL
 */
struct vm {
	int fd;
	int vcpu[VM_VCPUS_MAX];
	int vcpus;
	void *run;
};

/* Each returns 0 or an errno, and leaves @vm as it was if it fails. */
int vm_try_create(struct vm *vm);
int vm_try_irqchip(struct vm *vm);
int vm_try_vcpu(struct vm *vm);
int vm_try_pmu_cap(struct vm *vm, unsigned long bits);
int vm_try_map_run(struct vm *vm);
/* KVM_SET_CPUID2 of the first vCPU, with no leaves. */
int vm_try_empty_cpuid(struct vm *vm);
/*
 * What KVM_GET_SUPPORTED_CPUID offers, a PMU among it. Returns NULL and errno,
 * or leaves that are to be freed.
 */
struct kvm_cpuid2 *vm_offered_cpuid(void);
/* KVM_SET_CPUID2 with that. */
int vm_try_offered_cpuid(struct vm *vm);
/*
 * Run the first vCPU on a page that holds HLT and nothing else, in real mode.
 * Without an irqchip KVM_RUN then returns to user space: EPROTO if it does so
 * for another reason than HLT.
 */
int vm_try_run_halt(struct vm *vm);

/* A VM with an in-kernel irqchip and no vCPU. Returns 0 or an errno. */
int vm_try_with_irqchip(struct vm *vm);

/* Close one reference; a missing one is left alone. */
void vm_close_fd(struct vm *vm);
void vm_close_vcpus(struct vm *vm);
void vm_unmap_run(struct vm *vm);
/* Close all of them. */
void vm_close(struct vm *vm);

/*
 * Is an include-guest event of the core PMU refused for a claim now?
 * Returns 1 or 0, or NOT_KNOWN if it is refused for another reason.
 */
int64_t pmu_is_claimed(void);

/*
 * Does the contract refuse a VM with a PMU beside the events there are? That
 * one without starts shows that nothing else is in the way. Returns 1 or 0, or
 * NOT_KNOWN if that one does not start either.
 */
int64_t vm_is_refused(void);

#endif
