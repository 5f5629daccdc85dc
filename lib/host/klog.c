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

int klog_open(void)
{
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
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

static bool next_complaint(char *text, size_t size)
{
	char record[8192];
	ssize_t got;

	if (log_fd < 0)
		return false;
	for (;;) {
		char *line;

		got = read(log_fd, record, sizeof(record) - 1);
		if (got < 0 && errno == EPIPE)
			continue; /* overwritten: go on with the oldest left */
		if (got <= 0)
			return false;
		record[got] = 0;
		line = strchr(record, ';');
		if (!line || !klog_is_complaint(line))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(text, size, "%s", line + 1);
		return true;
	}
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

void klog_expected_close(void)
{
	if (expecting)
		klog_expected_ends("");
}
