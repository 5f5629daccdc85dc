/* SPDX-License-Identifier: GPL-2.0-only */
/* Model-specific registers. */

#ifndef MSR_H
#define MSR_H

#include <stdint.h>

#define MSR_EFER 0xc0000080
#define EFER_SVME (1u << 12)

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;

    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return low | (uint64_t)high << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    asm volatile("wrmsr" : : "a"((uint32_t)value),
                 "d"((uint32_t)(value >> 32)), "c"(msr) : "memory");
}

#endif
