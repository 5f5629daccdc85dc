// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a Linux guest, as a cpio archive: "newc" of
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux_parts.h"

/* Where something is packed: E2BIG in @err says that it had no room. */
struct packing {
	uint8_t *begin, *at, *end;
	int err;
};

static void put_bytes(struct packing *packing, const void *bytes, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;

	if (packing->err || padded > (size_t)(packing->end - packing->at)) {
		packing->err = packing->err ?: E2BIG;
		return;
	}
	memcpy(packing->at, bytes, size);
	memset(packing->at + size, 0, padded - size);
	packing->at += padded;
}

/* What comes before the bytes of a member, which are @size. */
static void put_header(struct packing *packing, const char *name,
		       unsigned int mode, size_t size)
{
	char header[128 + LINUX_PATH_MOST];
	int length = snprintf(header, sizeof(header),
			      "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x"
			      "%08x%08zx%08x%s",
			      0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0,
			      strlen(name) + 1, 0, name);

	put_bytes(packing, header, (size_t)length + 1);
}

static void put_member(struct packing *packing, const char *name,
		       unsigned int mode, const void *bytes, size_t size)
{
	put_header(packing, name, mode, size);
	put_bytes(packing, bytes, size);
}

/* All folders above, which may be there already. */
static void put_folders(struct packing *packing, const char *path)
{
	char folder[LINUX_PATH_MOST];

	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(end - path),
			 path);
		put_member(packing, folder, S_IFDIR | 0755, "", 0);
	}
}

static int put_file(struct packing *packing, const struct linux_file *file)
{
	/* Members of an archive have no slash before them. */
	const char *there = file->there + (*file->there == '/');
	FILE *from = fopen(file->here, "rbe");
	struct stat status;
	void *bytes;
	int err = 0;

	if (!from)
		return errno;
	bytes = fstat(fileno(from), &status) ? NULL
					     : malloc((size_t)status.st_size);
	if (!bytes)
		err = errno;
	else if (fread(bytes, (size_t)status.st_size, 1, from) != 1)
		err = EIO;
	fclose(from);
	if (!err) {
		put_folders(packing, there);
		put_member(packing, there, S_IFREG | 0755, bytes,
			   (size_t)status.st_size);
	}
	free(bytes);
	return err;
}

int linux_pack(const struct linux_root *root, uint8_t *begin, size_t room,
	       uint32_t *size)
{
	static const char *const folders[] = { "proc", "sys", "dev" };
	struct packing packing = { begin, begin, begin + room, 0 };
	int err;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		put_member(&packing, folders[i], S_IFDIR | 0755, "", 0);
	put_member(&packing, "init", S_IFREG | 0755, root->init,
		   root->init_size);
	for (size_t i = 0; i < root->files; i++) {
		err = put_file(&packing, &root->file[i]);
		if (err)
			return err;
	}
	put_member(&packing, "TRAILER!!!", 0, "", 0);
	*size = (uint32_t)(packing.at - packing.begin);
	return packing.err;
}

/* Returns false if $PATH leads to no program of that name. */
static bool find(const char *name, char path[LINUX_PATH_MOST])
{
	const char *folders = strchr(name, '/') ? "" : getenv("PATH");
	struct stat status;

	while (folders) {
		size_t length = strcspn(folders, ":");
		int size = snprintf(path, LINUX_PATH_MOST, "%.*s%s%s",
				    (int)length, folders, length ? "/" : "",
				    name);

		if (size < LINUX_PATH_MOST && !stat(path, &status) &&
		    S_ISREG(status.st_mode) && !access(path, X_OK))
			return true;
		folders = folders[length] ? folders + length + 1 : NULL;
	}
	return false;
}

static int add_file(struct linux_root *root, const char *here,
		    const char *there)
{
	struct linux_file *file = &root->file[root->files];

	if (root->files == LINUX_FILES_MOST ||
	    strlen(here) >= sizeof(file->here) ||
	    strlen(there) >= sizeof(file->there))
		return E2BIG;
	strcpy(file->here, here);
	strcpy(file->there, there);
	root->files++;
	return 0;
}

/* The dynamic linker that an ELF file names, or "" if it is none or has none.
 */
static void read_linker(const char *path, char linker[LINUX_PATH_MOST])
{
	FILE *file = fopen(path, "rbe");
	Elf64_Ehdr header;
	Elf64_Phdr part;
	bool is_elf = file && fread(&header, sizeof(header), 1, file) == 1 &&
		      !memcmp(header.e_ident, ELFMAG, SELFMAG) &&
		      header.e_ident[EI_CLASS] == ELFCLASS64;

	*linker = 0;
	for (int i = 0; is_elf && i < header.e_phnum; i++) {
		size_t at = header.e_phoff + (size_t)i * header.e_phentsize;

		if (fseek(file, (long)at, SEEK_SET) ||
		    fread(&part, sizeof(part), 1, file) != 1)
			break;
		if (part.p_type != PT_INTERP ||
		    part.p_filesz > LINUX_PATH_MOST ||
		    fseek(file, (long)part.p_offset, SEEK_SET))
			continue;
		if (fread(linker, part.p_filesz, 1, file) != 1)
			*linker = 0;
		linker[LINUX_PATH_MOST - 1] = 0;
	}
	if (file)
		fclose(file);
}

/* What "LINKER --list PROGRAM" says, a line each: ld.so(8). */
static FILE *list_libraries(const char *linker, const char *program, pid_t *pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(ends[1], STDOUT_FILENO);
		execl(linker, linker, "--list", program, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*pid > 0)
		return fdopen(ends[0], "r");
	close(ends[0]);
	return NULL;
}

/* "libc.so.6 => /lib/libc.so.6 (0x7f...)"; the kernel's own has no path. */
static int add_library(struct linux_root *root, char *line)
{
	char *path = strchr(line, '/');

	if (strstr(line, "not found"))
		return ENOEXEC;
	if (!path)
		return 0;
	path[strcspn(path, " \n")] = 0;
	return add_file(root, path, path);
}

static int add_libraries(struct linux_root *root, const char *linker,
			 const char *program)
{
	char line[2 * LINUX_PATH_MOST];
	int status = 0, err = 0;
	pid_t pid = 0;
	FILE *said = list_libraries(linker, program, &pid);

	if (!said)
		return errno;
	while (!err && fgets(line, sizeof(line), said))
		err = add_library(root, line);
	fclose(said);
	if (waitpid(pid, &status, 0) != pid || status)
		err = err ?: ENOEXEC;
	return err;
}

int linux_add_program(struct linux_root *root, const char *here,
		      const char *there)
{
	char path[LINUX_PATH_MOST], linker[LINUX_PATH_MOST];
	const size_t before = root->files;
	int err;

	if (!find(here, path))
		return ENOENT;
	read_linker(path, linker);
	if (!*linker)
		return ENOEXEC;
	err = add_file(root, path, there) ?: add_libraries(root, linker, path);
	if (err)
		root->files = before;
	return err;
}
