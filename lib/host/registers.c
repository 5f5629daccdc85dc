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
#define AMD_STATUS 0xc0000300
#define INTEL_STATUS 0x38e
static const uint32_t of_amd[] = { 0xc0000301, AMD_STATUS, 0x1d9, 0x834 };
static const uint32_t of_intel[] = { 0x38f, INTEL_STATUS, 0x1d9, 0x3f1, 0x834 };

/* The first event select, and how far the next one is from it. */
#define AMD_EVENTSEL 0xc0010200
#define AMD_STRIDE 2
#define INTEL_EVENTSEL 0x186
#define INTEL_STRIDE 1
#define EVENTSELS_MOST 16
/* Intel: a field of four bits for each fixed counter, two of them its levels.
 */
#define INTEL_FIXED_CTRL 0x38d
#define FIXED_BITS 4
#define FIXED_LEVELS 3
#define ENABLE (1ull << 22)

#define LENGTH(array) ((int)(sizeof(array) / sizeof(*(array))))

/* Up to the first one that the CPU does not have. */
static int counters_on(int fd)
{
	uint32_t first = cpu_is_amd() ? AMD_EVENTSEL : INTEL_EVENTSEL;
	uint32_t stride = cpu_is_amd() ? AMD_STRIDE : INTEL_STRIDE;
	uint64_t value;
	int on = 0;

	for (uint32_t i = 0; i < EVENTSELS_MOST; i++) {
		if (pread(fd, &value, sizeof(value), first + i * stride) !=
		    sizeof(value))
			break;
		on += (value & ENABLE) != 0;
	}
	if (cpu_is_amd() ||
	    pread(fd, &value, sizeof(value), INTEL_FIXED_CTRL) != sizeof(value))
		return on;
	for (; value; value >>= FIXED_BITS)
		on += (value & FIXED_LEVELS) != 0;
	return on;
}

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
	registers->counters_on = counters_on(fd);
	close(fd);
	return registers->count ? 0 : ENOENT;
}

bool host_registers_overflowed(const struct host_registers *registers)
{
	for (int i = 0; i < registers->count; i++) {
		uint32_t msr = registers->msr[i];

		if ((msr == AMD_STATUS || msr == INTEL_STATUS) &&
		    registers->value[i])
			return true;
	}
	return false;
}

bool host_register_left(const struct host_registers *then,
			const struct host_registers *now, int i)
{
	return i >= now->count || now->msr[i] != then->msr[i] ||
	       now->value[i] != then->value[i];
}

int host_registers_left(const struct host_registers *then,
			const struct host_registers *now)
{
	int left = then->counters_on != now->counters_on;

	for (int i = 0; i < then->count; i++)
		left += host_register_left(then, now, i);
	return left;
}
