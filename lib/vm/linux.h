/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An unmodified Linux as a guest: a small VMM boots a kernel image with one
 * program of the suite as its init, and programs of the machine. One vCPU, the
 * in-kernel interrupt controllers and timer, a serial port for the kernel, a
 * port for init, and nothing else.
 */
#ifndef PMU_VM_LINUX_H
#define PMU_VM_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/deadline.h"

#define LINUX_LINE_MOST 160
#define LINUX_CONSOLE_MOST 32768

struct linux_guest {
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *memory;
	char why[64];
	char line[LINUX_LINE_MOST];
	size_t line_length;
	char console[LINUX_CONSOLE_MOST];
	size_t console_length;
	bool console_cut;
};

enum linux_exit {
	/* Init wrote a line: it is in @line, without its end. */
	LINUX_SAID,
	/* It was shut down, or left KVM_RUN as it should not: @why says it. */
	LINUX_STOPPED,
	/* The deadline passed. */
	LINUX_LATE,
};

/*
 * The image to boot: $PMU_GUEST_KERNEL, else that of the running kernel where
 * distributions put it. Returns NULL if there is none that can be read.
 */
const char *linux_image(void);

/* Programs with many libraries have some thirty. */
#define LINUX_FILES_MOST 64
#define LINUX_PATH_MOST 256

/* A file of this machine, and its path in the guest. */
struct linux_file {
	char here[LINUX_PATH_MOST], there[LINUX_PATH_MOST];
};

/*
 * What the guest has for a file system.
 * @init: the program to run as init, of @init_size bytes
 */
struct linux_root {
	const void *init;
	size_t init_size;
	size_t files;
	struct linux_file file[LINUX_FILES_MOST];
};

/*
 * Add a program of this machine and all that it is linked with.
 * @here:  its path, or a name that $PATH leads to
 * @there: its path in the guest
 * Returns 0 or an errno (ENOENT if there is none; ENOEXEC if it is none that a
 * dynamic linker loads, as a script is, or lacks a library; E2BIG if there are
 * more than LINUX_FILES_MOST, or a path is too long), and then adds nothing.
 */
int linux_add_program(struct linux_root *root, const char *here,
		      const char *there);

/*
 * Have a VM with the PMU that KVM offers ready to boot.
 * @image: path of a bzImage
 * Returns 0 or an errno (ENOEXEC if it is no bzImage that can be entered in
 * 64-bit mode, E2BIG if the kernel, or the initramfs with the files, does not
 * fit into the memory), and then there is nothing to close.
 */
int linux_begin(struct linux_guest *guest, const char *image,
		const struct linux_root *root);

/* Run it until something is to be done. */
enum linux_exit linux_run(struct linux_guest *guest,
			  const struct deadline *deadline);

/*
 * Take what a VMM saves of a VM, close it, and set it in another VM with the
 * same memory. Registers that KVM lists and refuses to get are left out.
 * Returns 0 or an errno (EIO if it refuses to set one that is not as it was).
 */
int linux_move(struct linux_guest *guest);

/*
 * Copy the first line of its kernel's log that is a complaint to @line.
 * Returns false if there is none.
 */
bool linux_complaint(const struct linux_guest *guest, char *line, size_t size);

/* Does that log have @text? */
bool linux_log_has(const struct linux_guest *guest, const char *text);

void linux_end(struct linux_guest *guest);

#endif
