// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/file.h"
#include "guardian.h"
#include "guardian_list.h"
#include "put_back.h"

#define PATIENCE_MS 10000

int guardian_list = -1;

/* Nothing of the program is held open: a pipe of its would not end with it. */
static void let_go(int fd, int program, int cases)
{
	int null = open("/dev/null", O_RDWR);

	for (int std = 0; std < 3 && null >= 0; std++)
		dup2(null, std);
	for (int other = 3; other < 1024; other++) {
		if (other != fd && other != program && other != cases)
			close(other);
	}
}

/*
 * @cases: a pipe that the program and all that it forked hold open. They end
 * with it, but a moment later, and may change what was put back by then.
 */
static void guard(int fd, int program, int cases)
{
	struct pollfd gone = { .fd = program, .events = POLLIN };
	struct pollfd all_gone = { .fd = cases };

	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	let_go(fd, program, cases);
	while (poll(&gone, 1, -1) < 0 && errno == EINTR)
		;
	poll(&all_gone, 1, PATIENCE_MS);
	list_put_back(GUARDIAN_CASES, fd, NULL);
	_exit(0);
}

int guardian_take(const char *name)
{
	int fd = list_take(name, 1, PATIENCE_MS);
	int err;

	if (fd < 0)
		return fd;
	err = list_put_back(name, fd, NULL);
	return err ? -err : list_take(name, 1, PATIENCE_MS);
}

bool guardian_started(void)
{
	return guardian_list >= 0;
}

int guardian_start(void)
{
	int fd, program, cases[2], err = 0;

	if (guardian_started())
		return 0;
	fd = guardian_take(GUARDIAN_CASES);
	if (fd < 0)
		return -fd;
	if (pipe2(cases, O_CLOEXEC)) {
		err = errno;
		list_put_back(GUARDIAN_CASES, fd, NULL);
		return err;
	}
	program = (int)syscall(SYS_pidfd_open, getpid(), 0);
	/* Another description of the same file, without its lock. */
	guardian_list = program < 0 ? -1 : list_open(GUARDIAN_CASES);
	if (guardian_list < 0) {
		err = errno;
		list_put_back(GUARDIAN_CASES, fd, NULL);
		return err;
	}
	switch (fork()) {
	case -1:
		err = errno;
		/* Nobody would put anything back. */
		close(guardian_list);
		guardian_list = -1;
		close(program);
		list_put_back(GUARDIAN_CASES, fd, NULL);
		return err;
	case 0:
		close(cases[1]);
		guard(fd, program, cases[0]);
	}
	close(fd);
	close(program);
	/* The other end stays open in whatever is forked from here on. */
	close(cases[0]);
	return 0;
}

int guardian_keep(const char *path)
{
	char value[128], line[GUARDIAN_LINE];
	int err = file_read(path, value, sizeof(value));

	if (err)
		return err;
	if (strchr(value, ' ') || !*value)
		return EINVAL;
	snprintf(line, sizeof(line), "write %s %s\n", value, path);
	return list_add(guardian_list, line);
}

int guardian_keep_module(const char *module, const char *options)
{
	char line[GUARDIAN_LINE];
	int length =
		snprintf(line, sizeof(line), "load %s %s\n", module, options);

	if (length >= (int)sizeof(line))
		return E2BIG;
	return list_add(guardian_list, line);
}

int guardian_restore(const char *name, void (*told)(const char *line))
{
	int fd = list_take(name, 0, 0);

	if (fd < 0)
		return fd == -ENOENT ? 0 : -fd;
	return list_put_back(name, fd, told);
}
