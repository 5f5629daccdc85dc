/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one door to the KVM selftests library, whose interface moves with the
 * kernel. Only lib/vm/guest.c and guest_code/ include this.
 */
#ifndef PMU_VM_KVM_COMPAT_H
#define PMU_VM_KVM_COMPAT_H

#include "kvm_util.h"
#include "processor.h"
#include "ucall_common.h"

/* 7.0 renamed the guest's address types. */
#ifdef PMU_KVM_OLD_TYPES
typedef vm_vaddr_t gva_t;
#endif

#endif
