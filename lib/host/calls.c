// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/file.h"
#include "calls.h"

#define MODULE "perf_guest_calls"
#define COST "/sys/module/" MODULE "/parameters/cost"
#define CALL "/sys/module/" MODULE "/parameters/call"

static int open_beside(const char *name)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	if (length < 0)
		return -1;
	path[length] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return -1;
	snprintf(slash + 1, 60, "%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int calls_load(void)
{
	int fd, err = 0;

	if (!access(CALL, F_OK))
		return 0;
	fd = open_beside(MODULE ".ko");
	if (fd < 0)
		return ENOENT;
	if (syscall(SYS_finit_module, fd, "", 0))
		err = errno;
	close(fd);
	return err;
}

int calls_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? errno : 0;
}

int calls_make(const char *call)
{
	return file_write(CALL, call);
}

int calls_cost(unsigned int rounds, uint64_t *least, uint64_t *most)
{
	unsigned long long took[4];
	char text[128];
	int err;

	snprintf(text, sizeof(text), "%u", rounds);
	err = file_write(COST, text);
	if (!err)
		err = file_read(COST, text, sizeof(text));
	if (err)
		return err;
	if (sscanf(text, "%llu %llu %llu %llu", &took[0], &took[1], &took[2],
		   &took[3]) != 4)
		return EPROTO;
	*least = took[0] - took[2];
	*most = took[1] - took[2];
	return 0;
}
