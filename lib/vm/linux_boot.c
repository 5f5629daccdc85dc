// SPDX-License-Identifier: GPL-2.0-only
/*
 * How Linux is entered in 64-bit mode: Documentation/arch/x86/boot.rst, "64-bit
 * Boot Protocol".
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux_parts.h"

/* Below 640 KiB, where no kernel is loaded. */
#define PARAMS_AT 0x10000
#define GDT_AT 0x11000
#define TABLES_AT 0x12000
#define COMMAND_AT 0x20000
#define LOW_MEMORY 0x9f000
#define HIGH_MEMORY 0x100000
#define INITRD_MOST (64u << 20)
#define INITRD_AT (LINUX_MEMORY - INITRD_MOST)
/* Of the boot protocol: offset in the image, magic, entry. */
#define HEADER_AT 0x1f1
#define HEADER_MAGIC 0x53726448
#define ENTRY_64 0x200
#define SECTOR 512u
#define LOADER_UNDEFINED 0xff
/* __BOOT_CS and __BOOT_DS; accessed segments. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define EXECUTE_READ 0xb
#define READ_WRITE 3
/* Page table entries and control registers: SDM volume 3, "Paging". */
#define PRESENT_WRITABLE 3ull
#define LARGE (1ull << 7)
#define LARGE_PAGE (2ull << 20)
#define CR0_PE_PG (1ull | 1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LME_LMA (1ull << 8 | 1ull << 10)

/*
 * No firmware, so no tables of it. Warnings and worse go to the serial port.
 * The TSC's rate is known.
 */
#define COMMAND                                                              \
	"earlyprintk=serial,ttyS0,115200,keep loglevel=5 panic=-1 reboot=t " \
	"acpi=off pci=off nokaslr nmi_watchdog=0 no_timer_check "            \
	"tsc=reliable tsc_early_khz=%d 8250.nr_uarts=0 rdinit=/init"

struct image {
	const uint8_t *bytes;
	size_t size;
	const struct setup_header *header;
};

static int map_image(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;
	int err;

	if (fd < 0)
		return errno;
	if (fstat(fd, &status)) {
		err = errno;
		close(fd);
		return err;
	}
	image->size = (size_t)status.st_size;
	bytes = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, fd, 0);
	err = bytes == MAP_FAILED ? errno : 0;
	close(fd);
	if (err)
		return err;
	image->bytes = bytes;
	image->header = (const void *)(image->bytes + HEADER_AT);
	if (image->size < HEADER_AT + sizeof(*image->header) ||
	    image->header->header != HEADER_MAGIC ||
	    !(image->header->xloadflags & XLF_KERNEL_64)) {
		munmap(bytes, image->size);
		return ENOEXEC;
	}
	return 0;
}

static void put_params(struct linux_guest *guest,
		       const struct setup_header *header, uint32_t initrd_size)
{
	struct boot_params *params = (void *)(guest->memory + PARAMS_AT);

	params->hdr = *header;
	params->hdr.type_of_loader = LOADER_UNDEFINED;
	params->hdr.ramdisk_image = INITRD_AT;
	params->hdr.ramdisk_size = initrd_size;
	params->hdr.cmd_line_ptr = COMMAND_AT;
	sprintf((char *)guest->memory + COMMAND_AT, COMMAND,
		ioctl(guest->vcpu, KVM_GET_TSC_KHZ, 0));
	params->e820_entries = 2;
	params->e820_table[0] = (struct boot_e820_entry){
		.size = LOW_MEMORY,
		.type = 1,
	};
	params->e820_table[1] = (struct boot_e820_entry){
		.addr = HIGH_MEMORY,
		.size = LINUX_MEMORY - HIGH_MEMORY,
		.type = 1,
	};
}

int linux_load(struct linux_guest *guest, const char *path,
	       const struct linux_root *root, uint64_t *entry)
{
	struct image image = { 0 };
	uint32_t initrd_size;
	size_t setup, at;
	int err = map_image(path, &image);

	if (err)
		return err;
	/* 0 is an old way to say 4. */
	setup = ((image.header->setup_sects ?: 4) + 1) * SECTOR;
	at = image.header->pref_address;
	if (setup >= image.size)
		err = ENOEXEC;
	else if (at + image.header->init_size > INITRD_AT ||
		 at + image.size > INITRD_AT)
		err = E2BIG;
	else
		err = linux_pack(root, guest->memory + INITRD_AT, INITRD_MOST,
				 &initrd_size);
	if (!err) {
		memcpy(guest->memory + at, image.bytes + setup,
		       image.size - setup);
		put_params(guest, image.header, initrd_size);
		*entry = at + ENTRY_64;
	}
	munmap((void *)image.bytes, image.size);
	return err;
}

/* The first 4 GiB, each address as it is. Returns what CR3 holds. */
static uint64_t put_tables(uint8_t *memory)
{
	const size_t entries = 512;
	uint64_t *table = (void *)(memory + TABLES_AT);
	uint64_t *pointers = table + entries, *pages = pointers + entries;

	table[0] = (TABLES_AT + 0x1000) | PRESENT_WRITABLE;
	for (size_t i = 0; i < 4; i++)
		pointers[i] = (TABLES_AT + 0x2000 + i * 0x1000) |
			      PRESENT_WRITABLE;
	for (size_t i = 0; i < 4 * entries; i++)
		pages[i] = i * LARGE_PAGE | LARGE | PRESENT_WRITABLE;
	return TABLES_AT;
}

/* Of 4 GiB; @type as in a descriptor. */
static struct kvm_segment flat_segment(uint16_t selector, uint8_t type,
				       bool is_code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.l = is_code,
		.db = !is_code,
		.g = 1,
	};
}

int linux_enter_at(struct linux_guest *guest, uint64_t entry)
{
	const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffffull,
				 0x00cf93000000ffffull };
	struct kvm_regs regs = {
		.rip = entry,
		.rsi = PARAMS_AT,
		.rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs))
		return errno;
	memcpy(guest->memory + GDT_AT, gdt, sizeof(gdt));
	sregs.gdt.base = GDT_AT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.cs = flat_segment(BOOT_CS, EXECUTE_READ, true);
	sregs.ds = flat_segment(BOOT_DS, READ_WRITE, false);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.cr3 = put_tables(guest->memory);
	sregs.cr4 |= CR4_PAE;
	sregs.cr0 |= CR0_PE_PG;
	sregs.efer |= EFER_LME_LMA;
	if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(guest->vcpu, KVM_SET_REGS, &regs))
		return errno;
	return 0;
}
