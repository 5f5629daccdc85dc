// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM saves of a running VM and sets in another one: the device states
 * and registers of Documentation/virt/kvm/api.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linux_parts.h"

#define MSRS_MOST 512
#define IRQCHIPS 3
/* As KVM_GET_XSAVE2 may want them; 4096 without dynamic features. */
#define XSAVE_MOST 16384

struct saved {
	struct kvm_irqchip irqchip[IRQCHIPS];
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
	_Alignas(struct kvm_xsave) uint8_t xsave[XSAVE_MOST];
	unsigned int msrs;
	struct kvm_msr_entry msr[MSRS_MOST];
};

/* KVM_GET_MSRS and KVM_SET_MSRS of a single one. */
union one_msr {
	struct kvm_msrs msrs;
	uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

static bool access_msr(int vcpu, unsigned long request,
		       struct kvm_msr_entry *entry)
{
	union one_msr one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0] = *entry;
	if (ioctl(vcpu, request, &one) != 1)
		return false;
	*entry = one.msrs.entries[0];
	return true;
}

static int take_msrs(int vcpu, struct saved *saved)
{
	struct kvm_msr_list *list =
		calloc(1, sizeof(*list) + MSRS_MOST * sizeof(*list->indices));
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int err = 0;

	if (list)
		list->nmsrs = MSRS_MOST;
	if (!list || kvm < 0 || ioctl(kvm, KVM_GET_MSR_INDEX_LIST, list))
		err = errno;
	for (unsigned int i = 0; !err && i < list->nmsrs; i++) {
		struct kvm_msr_entry *entry = &saved->msr[saved->msrs];

		entry->index = list->indices[i];
		if (access_msr(vcpu, KVM_GET_MSRS, entry))
			saved->msrs++;
	}
	if (kvm >= 0)
		close(kvm);
	free(list);
	return err;
}

/* What KVM_RUN was left for is not done before it is entered again (api.rst).
 */
static int complete_io(struct linux_guest *guest)
{
	int err;

	guest->run->immediate_exit = 1;
	err = ioctl(guest->vcpu, KVM_RUN, 0) ? errno : 0;
	guest->run->immediate_exit = 0;
	return err == EINTR ? 0 : EPROTO;
}

static int take(struct linux_guest *guest, struct saved *saved)
{
	const int vm = guest->vm, vcpu = guest->vcpu;
	int err = complete_io(guest);

	if (err)
		return err;
	for (unsigned int i = 0; i < IRQCHIPS; i++) {
		saved->irqchip[i].chip_id = i;
		if (ioctl(vm, KVM_GET_IRQCHIP, &saved->irqchip[i]))
			return errno;
	}
	if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2) > XSAVE_MOST)
		return E2BIG;
	if (ioctl(vm, KVM_GET_PIT2, &saved->pit) ||
	    ioctl(vm, KVM_GET_CLOCK, &saved->clock) ||
	    ioctl(vcpu, KVM_GET_REGS, &saved->regs) ||
	    ioctl(vcpu, KVM_GET_SREGS, &saved->sregs) ||
	    ioctl(vcpu, KVM_GET_XCRS, &saved->xcrs) ||
	    ioctl(vcpu, KVM_GET_XSAVE2, saved->xsave) ||
	    ioctl(vcpu, KVM_GET_DEBUGREGS, &saved->debugregs) ||
	    ioctl(vcpu, KVM_GET_LAPIC, &saved->lapic) ||
	    ioctl(vcpu, KVM_GET_MP_STATE, &saved->mp_state) ||
	    ioctl(vcpu, KVM_GET_VCPU_EVENTS, &saved->events))
		return errno;
	return take_msrs(vcpu, saved);
}

/* One that can be got and not set is to have its value in any vCPU. */
static bool give_msr(int vcpu, struct kvm_msr_entry *entry)
{
	struct kvm_msr_entry here = { .index = entry->index };

	return access_msr(vcpu, KVM_SET_MSRS, entry) ||
	       (access_msr(vcpu, KVM_GET_MSRS, &here) &&
		here.data == entry->data);
}

/* The deadline of the TSC timer is an MSR and of the APIC: that one first. */
static int give(struct linux_guest *guest, struct saved *saved)
{
	const int vm = guest->vm, vcpu = guest->vcpu;

	for (unsigned int i = 0; i < IRQCHIPS; i++) {
		if (ioctl(vm, KVM_SET_IRQCHIP, &saved->irqchip[i]))
			return errno;
	}
	/* As it was, not with the time since then. */
	saved->clock.flags = 0;
	if (ioctl(vm, KVM_SET_PIT2, &saved->pit) ||
	    ioctl(vm, KVM_SET_CLOCK, &saved->clock) ||
	    ioctl(vcpu, KVM_SET_REGS, &saved->regs) ||
	    ioctl(vcpu, KVM_SET_XCRS, &saved->xcrs) ||
	    ioctl(vcpu, KVM_SET_XSAVE, saved->xsave) ||
	    ioctl(vcpu, KVM_SET_SREGS, &saved->sregs) ||
	    ioctl(vcpu, KVM_SET_LAPIC, &saved->lapic))
		return errno;
	for (unsigned int i = 0; i < saved->msrs; i++) {
		if (!give_msr(vcpu, &saved->msr[i]))
			return EIO;
	}
	if (ioctl(vcpu, KVM_SET_DEBUGREGS, &saved->debugregs) ||
	    ioctl(vcpu, KVM_SET_MP_STATE, &saved->mp_state) ||
	    ioctl(vcpu, KVM_SET_VCPU_EVENTS, &saved->events))
		return errno;
	return 0;
}

int linux_move(struct linux_guest *guest)
{
	struct saved *saved = calloc(1, sizeof(*saved));
	int err;

	if (!saved)
		return ENOMEM;
	err = take(guest, saved);
	if (!err) {
		linux_close_vm(guest);
		err = linux_create(guest) ?: give(guest, saved);
	}
	free(saved);
	return err;
}
