/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one door to the KVM selftests library, whose interface moves with the
 * kernel. Only lib/vm/guest.c and guest_code/ include this.
 */
#ifndef PMU_GUEST_CODE_KVM_COMPAT_H
#define PMU_GUEST_CODE_KVM_COMPAT_H

#include "kvm_util.h"
#include "processor.h"
#include "ucall_common.h"

/* 7.0 renamed the guest's address types. */
#ifdef PMU_KVM_OLD_TYPES
typedef vm_vaddr_t gva_t;
#endif
/* And so what allocates them, not in the same release. */
#ifdef PMU_KVM_OLD_ALLOC
#define vm_alloc_pages vm_vaddr_alloc_pages
#endif

/*
 * Before 6.15 the library knew the statistics of a VM only. No kernel that old
 * hands over a PMU, so it is enough that this is right, however slow.
 */
#ifdef PMU_KVM_NO_VCPU_STATS
static inline uint64_t vcpu_stat_named(struct kvm_vcpu *vcpu, const char *name)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *all;
	int fd = __vcpu_ioctl(vcpu, KVM_GET_STATS_FD, NULL);
	uint64_t value = 0;

	TEST_ASSERT(fd >= 0, "no statistics of the vCPU");
	read_stats_header(fd, &header);
	all = read_stats_descriptors(fd, &header);
	for (uint32_t i = 0; i < header.num_desc; i++) {
		struct kvm_stats_desc *one =
			get_stats_descriptor(all, (int)i, &header);

		if (!strcmp(one->name, name))
			read_stat_data(fd, &header, one, &value, 1);
	}
	free(all);
	close(fd);
	return value;
}
#define vcpu_get_stat(vcpu, name) vcpu_stat_named(vcpu, #name)
#endif

#endif
