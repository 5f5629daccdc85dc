/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of a Linux guest. */
#ifndef PMU_VM_LINUX_PARTS_H
#define PMU_VM_LINUX_PARTS_H

#include "linux.h"

#define LINUX_MEMORY (256u << 20)

/* Each of the first three returns 0 or an errno. */

/* A VM with that memory and a vCPU, as yet in no state. */
int linux_create(struct linux_guest *guest);
/* Put the kernel, what it is told, and its files into the memory. */
int linux_load(struct linux_guest *guest, const char *image,
	       const struct linux_root *root, uint64_t *entry);
/* The first vCPU's registers as the 64-bit boot protocol wants them. */
int linux_enter_at(struct linux_guest *guest, uint64_t entry);

/*
 * Pack @root as a cpio archive into @room bytes at @begin; @size: how many it
 * has. Returns 0 or an errno (E2BIG).
 */
int linux_pack(const struct linux_root *root, uint8_t *begin, size_t room,
	       uint32_t *size);

/* Close the VM, keep the memory. */
void linux_close_vm(struct linux_guest *guest);

#endif
