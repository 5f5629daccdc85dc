// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a Linux guest, as a cpio archive: "newc" of
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Returns false if $PATH leads to none. */
static bool find(const char *name, char path[LINUX_PATH_MOST])
{
	const char *folders = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(path, LINUX_PATH_MOST, "%s", name);
		return !access(path, X_OK);
	}
	while (folders && *folders) {
		size_t length = strcspn(folders, ":");

		snprintf(path, LINUX_PATH_MOST, "%.*s/%s", (int)length, folders,
			 name);
		if (!access(path, X_OK))
			return true;
		folders += length + (folders[length] != 0);
	}
	return false;
}

static int add_file(struct linux_root *root, const char *here,
		    const char *there)
{
	struct linux_file *file = &root->file[root->files];

	if (root->files == LINUX_FILES_MOST)
		return E2BIG;
	snprintf(file->here, sizeof(file->here), "%s", here);
	snprintf(file->there, sizeof(file->there), "%s", there);
	root->files++;
	return 0;
}

/* As the dynamic linker says, a line each: ld.so(8), LD_TRACE_LOADED_OBJECTS.
 */
static int add_libraries(struct linux_root *root, const char *program)
{
	char command[LINUX_PATH_MOST + 64], line[2 * LINUX_PATH_MOST];
	size_t before = root->files;
	FILE *said;
	int err = 0;

	snprintf(command, sizeof(command),
		 "LD_TRACE_LOADED_OBJECTS=1 exec '%s' 2>/dev/null", program);
	said = popen(command, "re");
	if (!said)
		return errno;
	while (!err && fgets(line, sizeof(line), said)) {
		char *path = strchr(line, '/');

		if (!path)
			continue;
		path[strcspn(path, " \n")] = 0;
		err = add_file(root, path, path);
	}
	if (pclose(said) || root->files == before)
		err = err ?: ENOEXEC;
	return err;
}

/* Only such a program is asked what it is linked with: others would run. */
static bool is_elf(const char *path)
{
	char magic[4] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, magic, 4) == 4 &&
		  !memcmp(magic, "\177ELF", 4);

	if (fd >= 0)
		close(fd);
	return is;
}

int linux_add_program(struct linux_root *root, const char *here,
		      const char *there)
{
	char path[LINUX_PATH_MOST];

	if (!find(here, path))
		return ENOENT;
	if (!is_elf(path))
		return ENOEXEC;
	return add_file(root, path, there) ?: add_libraries(root, path);
}
