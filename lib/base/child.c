// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "deadline.h"
#include "file.h"
#include "work.h"

int child_try_brief(void)
{
	pid_t child = vfork();

	if (!child)
		_exit(0);
	if (child < 0)
		return errno;
	return waitpid(child, NULL, 0) == child ? 0 : errno;
}

int child_try_work(unsigned int turns)
{
	pid_t child = fork();

	if (!child) {
		work(turns);
		_exit(0);
	}
	if (child < 0)
		return errno;
	return waitpid(child, NULL, 0) == child ? 0 : errno;
}

int child_start(struct child *child)
{
	int ends[2];
	char byte;

	if (pipe(ends))
		return errno;
	child->pid = fork();
	if (child->pid < 0)
		return errno;
	if (!child->pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) < 0);
	}
	close(ends[0]);
	child->release = ends[1];
	return 0;
}

static int reap(struct child *child)
{
	return waitpid(child->pid, NULL, 0) == child->pid ? 0 : errno;
}

int child_end(struct child *child)
{
	close(child->release);
	return reap(child);
}

int child_kill(struct child *child)
{
	int err = kill(child->pid, SIGKILL) ? errno : reap(child);

	close(child->release);
	return err;
}

static bool is_asleep(const char *path)
{
	char stat[64] = "";
	const char *name;

	if (file_read(path, stat, sizeof(stat)))
		return false;
	name = strrchr(stat, ')');
	return name && !strncmp(name, ") S", 3);
}

bool child_falls_asleep(pid_t pid, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (!is_asleep(path)) {
		if (deadline_passed(&deadline))
			return false;
		sched_yield();
	}
	return true;
}
