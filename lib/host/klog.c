// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/file.h"
#include "../contract/contract.h"
#include "klog.h"

/* results/console.py of the scripts looks for these. */
#define KLOG_EXPECTED_BEGINS "pmu_passthrough: an expected complaint begins"
#define KLOG_EXPECTED_ENDS "pmu_passthrough: an expected complaint ends"

static int log_fd = -1;
/* A complaint among expected ones that was none of them. */
static char unexpected[256];
static bool expecting;

/* What lib/bug.c, lockdep, RCU, the watchdogs and the sanitizers print. */
static const char *const complaints[] = {
	"Kernel panic - not syncing",
	"WARNING: ",
	"BUG: ",
	"kernel BUG at ",
	"Oops: ",
	"general protection fault",
	"possible circular locking dependency",
	"possible recursive locking",
	"inconsistent lock state",
	"suspicious RCU usage",
	"self-detected stall",
	"detected stalls on CPUs",
	"soft lockup",
	"hard LOCKUP",
	"blocked for more than",
	"UBSAN: ",
	"scheduling while atomic",
	"unchecked MSR access error",
};

bool klog_is_complaint(const char *line)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++) {
		if (strstr(line, complaints[i]))
			return true;
	}
	return false;
}

int klog_complaints_count(void)
{
	return sizeof(complaints) / sizeof(*complaints);
}

static int open_log(void)
{
	return open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

int klog_open(void)
{
	log_fd = open_log();
	return log_fd < 0 ? errno : 0;
}

bool klog_readable(void)
{
	return log_fd >= 0;
}

void klog_mark(void)
{
	if (log_fd >= 0)
		lseek(log_fd, 0, SEEK_END);
}

/* The text of the next record of @fd, without its dictionary, or NULL. */
static const char *next_line(int fd, char *record, size_t size)
{
	for (;;) {
		ssize_t got = read(fd, record, size - 1);
		char *line;

		if (got < 0 && errno == EPIPE)
			continue; /* overwritten: go on with the oldest left */
		if (got <= 0)
			return NULL;
		record[got] = 0;
		line = strchr(record, ';');
		if (!line)
			continue;
		line[strcspn(line, "\n")] = 0;
		return line + 1;
	}
}

static bool next_complaint(char *text, size_t size)
{
	char record[8192];
	const char *line;

	if (log_fd < 0)
		return false;
	do {
		line = next_line(log_fd, record, sizeof(record));
		if (!line)
			return false;
	} while (!klog_is_complaint(line));
	snprintf(text, size, "%s", line);
	return true;
}

bool klog_complaint(char *text, size_t size)
{
	if (unexpected[0]) {
		snprintf(text, size, "%s", unexpected);
		unexpected[0] = 0;
		return true;
	}
	return next_complaint(text, size);
}

void klog_warn_again(void)
{
	file_write("/sys/kernel/debug/clear_warn_once", "1");
}

void klog_expected_begins(void)
{
	klog_warn_again();
	file_write("/dev/kmsg", KLOG_EXPECTED_BEGINS);
	klog_mark();
	expecting = true;
}

int64_t klog_expected_ends(const char *text)
{
	bool complained = false;
	char line[256];

	if (log_fd < 0)
		return NOT_KNOWN;
	while (next_complaint(line, sizeof(line))) {
		if (strstr(line, text))
			complained = true;
		else if (!unexpected[0])
			snprintf(unexpected, sizeof(unexpected), "%s", line);
	}
	klog_warn_again();
	expecting = false;
	if (file_write("/dev/kmsg", KLOG_EXPECTED_ENDS))
		return NOT_KNOWN;
	klog_mark();
	return complained;
}

void klog_expected_also(const char *text)
{
	if (strstr(unexpected, text))
		unexpected[0] = 0;
}

int klog_follow(void)
{
	int fd = open_log();

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static bool names_one(const char *line, const char *const *functions)
{
	for (; *functions; functions++) {
		if (strstr(line, *functions))
			return true;
	}
	return false;
}

bool klog_backtrace_in(int fd, int cpu, const char *const *functions)
{
	char record[8192], head[32];
	const char *line;
	bool its = false;

	snprintf(head, sizeof(head), "NMI backtrace for cpu %d", cpu);
	while ((line = next_line(fd, record, sizeof(record)))) {
		if (strstr(line, "NMI backtrace for cpu "))
			its = !strcmp(line, head);
		else if (its && strstr(line, "RIP: "))
			return names_one(line, functions);
	}
	return false;
}

void klog_expected_close(void)
{
	if (expecting)
		klog_expected_ends("");
}
