// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command under a guardian that is its parent: as a subreaper it inherits
 * whatever the command leaves running, and can end it before it puts back what
 * that would change again.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "guardian.h"
#include "guardian_list.h"
#include "put_back.h"

#define PATIENCE_MS 10000

/* Between this process and the guardian. */
struct shared {
	volatile pid_t command;
	int err;
	int status;
};

static struct shared *shared;

static pid_t parent_of(const char *pid)
{
	char path[64], line[512];
	const char *end;
	pid_t parent = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	/* The name in brackets may hold anything. */
	if (fgets(line, sizeof(line), file) && (end = strrchr(line, ')')))
		sscanf(end + 1, " %*c %d", &parent);
	fclose(file);
	return parent;
}

static void kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		if (isdigit((unsigned char)*entry->d_name) &&
		    parent_of(entry->d_name) == getpid())
			kill((pid_t)atoi(entry->d_name), SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* Children of those that are killed become children here. */
static void end_all(void)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);

	while (!deadline_passed(&deadline)) {
		kill_children();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return;
		nap();
	}
}

static volatile sig_atomic_t parent_is_gone;

static void notice(int sig)
{
	(void)sig;
	parent_is_gone = 1;
}

/* By signal(), the command would start without it. */
static void handle(int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(sig, &action, NULL);
}

static pid_t start(char **argv)
{
	pid_t child = fork();

	if (child)
		return child;
	for (int sig = 1; sig < NSIG; sig++)
		handle(sig, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(2);
}

/* Until the command has ended, or whoever asked for it. */
static int wait_for(pid_t command, pid_t parent)
{
	int status = 0;

	while (!parent_is_gone && getppid() == parent) {
		pid_t ended = waitpid(-1, &status, 0);

		if (ended == command)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
	}
	return 128 + SIGTERM;
}

static void guard(int (*change)(void), char **argv,
		  void (*told)(const char *line), pid_t parent)
{
	int fd, left;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int sig = 1; sig < NSIG; sig++)
		handle(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	handle(SIGUSR1, notice);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	fd = guardian_take(GUARDIAN_HOST);
	if (fd < 0) {
		shared->err = -fd;
		_exit(0);
	}
	guardian_list = fd;
	shared->err = change();
	if (!shared->err) {
		shared->command = start(argv);
		/* A kill of the command's process group is not for us. */
		setsid();
		if (shared->command < 0)
			shared->err = EAGAIN;
		else
			shared->status = wait_for(shared->command, parent);
	}
	end_all();
	/* The guardians of programs were killed with them. */
	left = guardian_restore(GUARDIAN_CASES, told);
	left = list_put_back(GUARDIAN_HOST, fd, told) | left;
	if (left && !shared->err)
		shared->err = EIO;
	_exit(0);
}

/* What the terminal sends the command gets by itself. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code <= 0 && shared->command > 0)
		kill(shared->command, sig);
}

int guardian_run(int (*change)(void), char **argv,
		 void (*told)(const char *line), int *status)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_sigaction = pass_on,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	pid_t parent = getpid(), guardian;
	int ended = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return ENOMEM;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	guardian = fork();
	if (guardian < 0)
		return errno;
	if (!guardian)
		guard(change, argv, told, parent);
	while (waitpid(guardian, &ended, 0) < 0 && errno == EINTR)
		;
	*status = shared->status;
	/* It was killed: the command ends by PR_SET_PDEATHSIG. */
	if (!WIFEXITED(ended)) {
		int fd = list_take(GUARDIAN_HOST, 0, PATIENCE_MS);

		return fd < 0 ? -fd : list_put_back(GUARDIAN_HOST, fd, told);
	}
	return shared->err;
}
