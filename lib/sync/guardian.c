// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../perf/cpu.h"
#include "deadline.h"
#include "guardian.h"

#define PATIENCE_MS 10000
#define LINE_MAX_BYTES 512

/*
 * One line a setting: "write <value> <path>" or "load <module> <options>". The
 * file is locked while a guardian lives.
 */
static int list = -1;

static void list_path(char *path, size_t size, const char *name)
{
	const char *dir = getenv("PMU_GUARDIAN_DIR");

	snprintf(path, size, "%s/pmu_passthrough-%s", dir ? dir : GUARDIAN_DIR,
		 name);
}

/* Is what was locked still what has the name? The one before may remove it. */
static bool still_named(int fd, const char *path)
{
	struct stat locked, named;

	return !fstat(fd, &locked) && !stat(path, &named) &&
	       locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

/* Returns the locked list, or minus an errno. */
static int try_lock(const char *path, int flags)
{
	int fd, err;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB) && still_named(fd, path))
		return fd;
	err = errno == ENOENT || errno == EWOULDBLOCK ? EBUSY : errno;
	close(fd);
	return err ? -err : -EBUSY;
}

static int lock(const char *path, int flags, unsigned int ms)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct deadline deadline = deadline_after_ms(ms);
	int fd;

	while ((fd = try_lock(path, flags)) == -EBUSY &&
	       !deadline_passed(&deadline))
		nanosleep(&moment, NULL);
	return fd;
}

static void run(char *const argv[])
{
	pid_t child = fork();

	if (!child) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* modprobe(8) takes each option as a word of its own. */
static void load_again(char *module, char *options)
{
	char *unload[] = { "modprobe", "-r", module, NULL };
	char *load[16] = { "modprobe", module };
	int words = 2;

	run(unload);
	for (char *word = strtok(options, " "); word && words < 15;
	     word = strtok(NULL, " "))
		load[words++] = word;
	run(load);
}

static void put_back(char *line, void (*told)(const char *line))
{
	char now[128], words[LINE_MAX_BYTES], *value, *rest;
	bool module = !strncmp(line, "load ", 5);

	value = strchr(line, ' ');
	rest = value ? strchr(++value, ' ') : NULL;
	if (!rest)
		return;
	*rest++ = 0;
	if (!module &&
	    (file_read(rest, now, sizeof(now)) || !strcmp(now, value)))
		return;
	snprintf(words, sizeof(words), module ? "%s %s" : "%s=%s",
		 module ? value : rest, module ? rest : value);
	if (module)
		load_again(value, rest);
	else
		file_write(rest, value);
	if (told)
		told(words);
}

/* The last change first: it may depend on what was changed before it. */
static void put_all_back(int fd, void (*told)(const char *line))
{
	static char text[256 * 1024];
	ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
	char *line;

	text[size > 0 ? size : 0] = 0;
	while ((line = strrchr(text, '\n'))) {
		*line = 0;
		line = strrchr(text, '\n');
		put_back(line ? line + 1 : text, told);
	}
}

static void forget(const char *path, int fd)
{
	unlink(path);
	close(fd);
}

/* Nothing of the program is held open: a pipe of its would not end with it. */
static void let_go(int fd, int program)
{
	int null = open("/dev/null", O_RDWR);

	for (int std = 0; std < 3 && null >= 0; std++)
		dup2(null, std);
	for (int other = 3; other < 1024; other++) {
		if (other != fd && other != program)
			close(other);
	}
}

/* Once a program's own guardian is gone, its settings are as they were. */
static void after_the_cases(void)
{
	char path[256];
	int fd;

	list_path(path, sizeof(path), GUARDIAN_CASES);
	fd = lock(path, 0, PATIENCE_MS);
	if (fd < 0)
		return;
	put_all_back(fd, NULL);
	forget(path, fd);
}

static void guard(const char *name, const char *path, int fd, int program)
{
	struct pollfd gone = { .fd = program, .events = POLLIN };

	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	let_go(fd, program);
	while (poll(&gone, 1, -1) < 0 && errno == EINTR)
		;
	if (strcmp(name, GUARDIAN_CASES))
		after_the_cases();
	put_all_back(fd, NULL);
	forget(path, fd);
	_exit(0);
}

int guardian_start(const char *name)
{
	char path[256];
	int fd, program;

	list_path(path, sizeof(path), name);
	fd = lock(path, O_CREAT, PATIENCE_MS);
	if (fd < 0)
		return -fd;
	put_all_back(fd, NULL);
	list = open(path, O_WRONLY | O_APPEND | O_TRUNC | O_CLOEXEC);
	program = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (list < 0 || program < 0) {
		int err = errno;

		forget(path, fd);
		return err;
	}
	switch (fork()) {
	case -1:
		forget(path, fd);
		return EAGAIN;
	case 0:
		guard(name, path, fd, program);
	}
	close(fd);
	close(program);
	return 0;
}

/* One write, so that a line is there whole or not at all. */
static int add_line(const char *line)
{
	size_t length = strlen(line);

	if (list < 0)
		return EBADF;
	return write(list, line, length) == (ssize_t)length ? 0 : errno;
}

int guardian_keep(const char *path)
{
	char value[128], line[LINE_MAX_BYTES];
	int err = file_read(path, value, sizeof(value));

	if (err)
		return err;
	if (strchr(value, ' ') || !*value)
		return EINVAL;
	snprintf(line, sizeof(line), "write %s %s\n", value, path);
	return add_line(line);
}

int guardian_keep_module(const char *module, const char *options)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line), "load %s %s\n", module, options);
	return add_line(line);
}

void guardian_end(void (*told)(const char *line))
{
	char path[256];
	int fd;

	after_the_cases();
	list_path(path, sizeof(path), GUARDIAN_HOST);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	put_all_back(fd, told);
	/* The guardian, which outlives this process, finds nothing to do. */
	if (ftruncate(fd, 0))
		told = NULL;
	close(fd);
}

int guardian_restore(const char *name, void (*told)(const char *line))
{
	char path[256];
	int fd;

	list_path(path, sizeof(path), name);
	fd = try_lock(path, 0);
	if (fd < 0)
		return fd == -ENOENT ? 0 : -fd;
	put_all_back(fd, told);
	forget(path, fd);
	return 0;
}
