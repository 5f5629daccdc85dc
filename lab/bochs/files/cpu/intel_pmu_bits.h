/* SPDX-License-Identifier: GPL-2.0-only */
/* Bits of registers that software writes and the counters go by. */
#ifndef BX_INTEL_PMU_BITS_H
#define BX_INTEL_PMU_BITS_H

#define SELECT_USER (1ull << 16)
#define SELECT_OS (1ull << 17)
#define SELECT_INT (1ull << 20)
#define SELECT_ANY_THREAD (1ull << 21)
#define SELECT_ENABLE (1ull << 22)
#define SELECT_INVERT (1ull << 23)
#define SELECT_CMASK(select) (((select) >> 24) & 0xff)
#define SELECT_EVENT(select) ((select) & 0xffff)

#define FIXED_OS 1
#define FIXED_USER 2
#define FIXED_ANY_THREAD 4
#define FIXED_PMI 8

#define STATUS_FROZEN (1ull << 59)
#define STATUS_COND_CHANGED (1ull << 63)
/* DEBUGCTL: what Linux may set on a CPU without LBR and BTS. */
#define DEBUGCTL_BTF (1ull << 1)
#define DEBUGCTL_FREEZE_ON_PMI (1ull << 12)
#define DEBUGCTL_FREEZE_WHILE_SMM (1ull << 14)

#define WIDTH 48
#define COUNTER_MASK ((1ull << WIDTH) - 1)

#endif
