// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "interrupts.h"

#define MSR_SMI_COUNT 0x34

static int64_t nth_number(const char *text, int n)
{
	char *end;

	for (;;) {
		long long value = strtoll(text, &end, 10);

		if (end == text)
			return -1;
		if (!n--)
			return value;
		text = end;
	}
}

int64_t cpu_interrupts(const char *name, int cpu)
{
	FILE *file = fopen("/proc/interrupts", "re");
	int64_t found = -1, all = 0;
	char line[8192];

	while (file && found < 0 && fgets(line, sizeof(line), file)) {
		char *label = line + strspn(line, " ");
		size_t length = strcspn(label, ":");
		int64_t count;

		if (!label[length])
			continue;
		count = nth_number(label + length + 1, cpu);
		all += count > 0 ? count : 0;
		if (name && strlen(name) == length &&
		    !strncmp(label, name, length))
			found = count;
	}
	if (file)
		fclose(file);
	return name ? found : all;
}

int64_t cpu_smis(int cpu)
{
	uint32_t count[2] = { 0 };
	char path[64];
	int fd;

	if (cpu_is_amd())
		return 0;
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (pread(fd, count, sizeof(count), MSR_SMI_COUNT) != sizeof(count))
		count[0] = 0;
	close(fd);
	return count[0];
}
