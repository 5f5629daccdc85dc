/* SPDX-License-Identifier: GPL-2.0-only */
/* The hard-lockup watchdog, which holds a pinned event on every CPU. */
#ifndef PMU_HOST_WATCHDOG_H
#define PMU_HOST_WATCHDOG_H

/*
 * Switch it on, or off. Returns 0, ENODEV if it does not go on for want of
 * hardware or of kernel support, or another errno.
 */
int watchdog_on(void);
int watchdog_off(void);

/* kernel.nmi_watchdog as it reads, or -1. */
int watchdog_state(void);

/*
 * Have it off again at the end of this program, however that ends. For a
 * program that needs it off, which is thus how it was found. Returns 0 or an
 * errno.
 */
int watchdog_back_at_exit(void);

#endif
