/* SPDX-License-Identifier: GPL-2.0-only */
/* What the init of a Linux guest does, for it and for who judges it. */
#ifndef PMU_GUEST_LINUX_INIT_H
#define PMU_GUEST_LINUX_INIT_H

/* Where the perf tool is, if the guest has it. */
#define LINUX_PERF_PATH "/perf"
/* Where its lines go. */
#define LINUX_INIT_PORT 0x5f0
/* Instructions of what it counts; a multiple of four. */
#define LINUX_INIT_WORK 20000ul
/*
 * Instructions between samples, and how many it takes: fewer than a tick allows
 * on a kernel with 1000 of those (kernel.perf_event_max_sample_rate / HZ).
 */
#define LINUX_INIT_PERIOD 20000ul
#define LINUX_INIT_SAMPLES 50l
/* What it makes its kernel warn of. */
#define LINUX_INIT_WARNING "Dynamic interrupt throttling disabled"

#endif
