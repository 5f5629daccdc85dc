// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "registers.h"

/*
 * AMD64 APM volume 2, "Core Performance Event-Select Registers"; Intel SDM
 * volume 4, "Architectural MSRs". The last one is the x2APIC's, which a CPU in
 * another mode does not have.
 */
static const uint32_t of_amd[] = { 0xc0000301, 0x1d9, 0x834 };
static const uint32_t of_intel[] = { 0x38f, 0x1d9, 0x3f1, 0x834 };

#define LENGTH(array) ((int)(sizeof(array) / sizeof(*(array))))

int host_registers_read(int cpu, struct host_registers *registers)
{
	const uint32_t *msr = cpu_is_amd() ? of_amd : of_intel;
	int length = cpu_is_amd() ? LENGTH(of_amd) : LENGTH(of_intel);
	char path[64];
	int fd;

	registers->count = 0;
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ENOENT;
	for (int i = 0; i < length; i++) {
		uint64_t *value = &registers->value[registers->count];

		if (pread(fd, value, sizeof(*value), msr[i]) != sizeof(*value))
			continue;
		registers->msr[registers->count++] = msr[i];
	}
	close(fd);
	return registers->count ? 0 : ENOENT;
}

int host_registers_differ(const struct host_registers *then,
			  const struct host_registers *now)
{
	int differ = 0;

	for (int i = 0; i < then->count; i++) {
		if (i >= now->count || now->msr[i] != then->msr[i] ||
		    now->value[i] != then->value[i])
			differ++;
	}
	return differ;
}
