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
 * Before 6.15 the library knew the statistics of a VM only. The file of a
 * vCPU's is opened at the first look and kept: while the vCPU runs, no ioctl of
 * it returns.
 */
#ifdef PMU_KVM_NO_VCPU_STATS
#define STATS_FILES 64
static struct stats_file {
	struct kvm_vcpu *vcpu;
	int fd;
	struct kvm_stats_header header;
	struct kvm_stats_desc *all;
} stats_files[STATS_FILES];

static inline struct stats_file *stats_file_of(struct kvm_vcpu *vcpu)
{
	for (int i = 0; i < STATS_FILES; i++) {
		if (stats_files[i].vcpu == vcpu)
			return &stats_files[i];
	}
	return NULL;
}

static inline uint64_t vcpu_stat_named(struct kvm_vcpu *vcpu, const char *name)
{
	struct stats_file *file = stats_file_of(vcpu);
	uint64_t value = 0;

	if (!file) {
		file = stats_file_of(NULL);
		TEST_ASSERT(file, "more vCPUs than files of statistics");
		file->vcpu = vcpu;
		file->fd = __vcpu_ioctl(vcpu, KVM_GET_STATS_FD, NULL);
		TEST_ASSERT(file->fd >= 0, "no statistics of the vCPU");
		read_stats_header(file->fd, &file->header);
		file->all = read_stats_descriptors(file->fd, &file->header);
	}
	for (uint32_t i = 0; i < file->header.num_desc; i++) {
		struct kvm_stats_desc *one =
			get_stats_descriptor(file->all, (int)i, &file->header);

		if (!strcmp(one->name, name))
			read_stat_data(file->fd, &file->header, one, &value, 1);
	}
	return value;
}
#define vcpu_get_stat(vcpu, name) vcpu_stat_named(vcpu, #name)

/* Before the vCPU is freed. */
static inline void vcpu_stats_close(struct kvm_vcpu *vcpu)
{
	struct stats_file *file = stats_file_of(vcpu);

	if (!file)
		return;
	free(file->all);
	close(file->fd);
	file->vcpu = NULL;
}
#else
static inline void vcpu_stats_close(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}
#endif

#endif
