/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files of the kernel that hold one value. */
#ifndef PMU_BASE_FILE_H
#define PMU_BASE_FILE_H

#include <stddef.h>

/*
 * Read a small text file into @buffer of @size bytes, without the newline.
 * Returns 0 or an errno.
 */
int file_read(const char *path, char *buffer, size_t size);

/* Write @text to an existing file. Returns 0 or an errno. */
int file_write(const char *path, const char *text);

/* Read a number, or a Y or N as 1 or 0. Returns @otherwise if unreadable. */
long file_number(const char *path, long otherwise);

#endif
