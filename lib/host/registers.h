/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host has set up its PMU to, read from a CPU (/dev/cpu/N/msr). */
#ifndef PMU_HOST_REGISTERS_H
#define PMU_HOST_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_REGISTERS_MAX 8

/*
 * @msr:   numbers of the registers that this CPU has, @count of them
 * @value: what they hold
 * @counters_on: general and fixed counters that are enabled on their own;
 * which ones is perf's choice, and not the same each time
 */
struct host_registers {
	int count;
	int counters_on;
	uint32_t msr[HOST_REGISTERS_MAX];
	uint64_t value[HOST_REGISTERS_MAX];
};

/*
 * Read the global control and status, DEBUGCTL, the performance entry of the
 * local APIC, the event selects, and on Intel the switch of PEBS, as far as
 * @cpu has them. Returns 0, or ENOENT if the machine shows none.
 */
int host_registers_read(int cpu, struct host_registers *registers);

/*
 * Is an overflow in the status? One of the host's own is, until its interrupt
 * is handled.
 */
bool host_registers_overflowed(const struct host_registers *registers);

/* Does register @i of @then hold something else in @now, or is it not in it? */
bool host_register_left(const struct host_registers *then,
			const struct host_registers *now, int i);

/* How many do, and one more if another number of counters is on. */
int host_registers_left(const struct host_registers *then,
			const struct host_registers *now);

#endif
