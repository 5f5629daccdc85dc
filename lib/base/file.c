// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

int file_read(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int err;

	if (fd < 0)
		return errno;
	got = read(fd, buffer, size - 1);
	err = errno;
	close(fd);
	if (got < 0)
		return err;
	buffer[got] = 0;
	buffer[strcspn(buffer, "\n")] = 0;
	return 0;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t put;
	int err;

	if (fd < 0)
		return errno;
	put = write(fd, text, strlen(text));
	err = put < 0 ? errno : 0;
	close(fd);
	return err;
}

long file_number(const char *path, long otherwise)
{
	char text[32], *end;
	long value;

	if (file_read(path, text, sizeof(text)))
		return otherwise;
	if (!strcmp(text, "Y"))
		return 1;
	if (!strcmp(text, "N"))
		return 0;
	value = strtol(text, &end, 0);
	return end == text ? otherwise : value;
}
