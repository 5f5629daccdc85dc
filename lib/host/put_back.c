// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "../base/file.h"
#include "guardian.h"
#include "guardian_list.h"
#include "put_back.h"

/* A module may be in use until the kernel has torn down the last VM. */
#define PATIENCE_MS 5000
#define LIST_MAX (256 * 1024)
#define WORDS_MAX 128
#define NOTHING_TO_DO (-1)

static void list_path(char *path, size_t size, const char *name)
{
	const char *dir = getenv("PMU_GUARDIAN_DIR");

	snprintf(path, size, "%s/pmu_passthrough-%s", dir ? dir : GUARDIAN_DIR,
		 name);
}

/* Is what was locked still what has the name? The one before removes it. */
static bool still_named(int fd, const char *path)
{
	struct stat locked, named;

	return !fstat(fd, &locked) && !stat(path, &named) &&
	       locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

static int try_take(const char *path, int create)
{
	int fd = open(path,
		      O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
			      (create ? O_CREAT : 0),
		      0600);
	int err;

	if (fd < 0)
		return -errno;
	err = flock(fd, LOCK_EX | LOCK_NB) ? errno : 0;
	if (!err && still_named(fd, path))
		return fd;
	close(fd);
	return !err || err == EWOULDBLOCK ? -EBUSY : -err;
}

int list_take(const char *name, int create, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	char path[256];
	int fd;

	list_path(path, sizeof(path), name);
	while ((fd = try_take(path, create)) == -EBUSY &&
	       !deadline_passed(&deadline))
		nap();
	return fd;
}

int list_open(const char *name)
{
	char path[256];

	list_path(path, sizeof(path), name);
	return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
}

int list_add(int fd, const char *line)
{
	size_t length = strlen(line);
	ssize_t put = write(fd, line, length);

	if (put < 0)
		return errno;
	return put == (ssize_t)length ? 0 : ENOSPC;
}

int tool_run(char *const argv[])
{
	int status;
	pid_t child = fork();

	if (!child) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (child < 0)
		return errno;
	if (waitpid(child, &status, 0) != child)
		return errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : EBUSY;
}

/* modprobe(8) takes each option as a word of its own. */
static int load_again(char *module, char *options)
{
	char *unload[] = { "rmmod", module, NULL };
	char *load[WORDS_MAX] = { "modprobe", module };
	char loaded[64];
	int words = 2, err;

	snprintf(loaded, sizeof(loaded), "/sys/module/%s/initstate", module);
	err = tool_run(unload);
	if (err && !access(loaded, F_OK))
		return err;
	for (char *word = strtok(options, " "); word && words < WORDS_MAX - 1;
	     word = strtok(NULL, " "))
		load[words++] = word;
	return tool_run(load);
}

/*
 * "write <value> <path>" or "load <module> <options>". Returns 0,
 * NOTHING_TO_DO, or an errno.
 */
static int put_back(const char *text, void (*told)(const char *line))
{
	char line[GUARDIAN_LINE], words[GUARDIAN_LINE], now[128];
	bool module = !strncmp(text, "load ", 5);
	char *value, *rest;
	int err;

	snprintf(line, sizeof(line), "%s", text);
	value = strchr(line, ' ');
	rest = value ? strchr(++value, ' ') : NULL;
	if (!rest)
		return NOTHING_TO_DO;
	*rest++ = 0;
	if (!module && !file_read(rest, now, sizeof(now)) &&
	    !strcmp(now, value))
		return NOTHING_TO_DO;
	snprintf(words, sizeof(words), module ? "%s %s" : "%s=%s",
		 module ? value : rest, module ? rest : value);
	err = module ? load_again(value, rest) : file_write(rest, value);
	if (!err && told)
		told(words);
	return err;
}

/* Goes over the lines once; what failed is left, in its order, in @text. */
static bool put_lines_back(char *text, void (*told)(const char *line))
{
	char *left = text + strlen(text), *end = left, *line;

	while (left > text) {
		int err;

		left[-1] = 0;
		line = strrchr(text, '\n');
		line = line ? line + 1 : text;
		err = put_back(line, told);
		if (err && err != NOTHING_TO_DO) {
			size_t length = strlen(line);

			end -= length + 1;
			memmove(end, line, length);
			end[length] = '\n';
		}
		left = line;
	}
	memmove(text, end, strlen(end) + 1);
	return !*text;
}

int list_put_back(const char *name, int fd, void (*told)(const char *line))
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	char path[256], *text = calloc(1, LIST_MAX);
	ssize_t size = text ? pread(fd, text, LIST_MAX - 1, 0) : -1;
	int err = size < 0 ? EIO : 0;

	list_path(path, sizeof(path), name);
	while (!err && !put_lines_back(text, told)) {
		if (deadline_passed(&deadline))
			err = EIO;
		nap();
	}
	if (!err)
		unlink(path);
	else if (size >= 0 && !ftruncate(fd, 0))
		list_add(fd, text);
	free(text);
	close(fd);
	return err;
}
