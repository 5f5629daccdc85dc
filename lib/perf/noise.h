/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host that is busy with the PMU: a thread on one CPU that opens
 * exclude-guest events there, more than there are counters, samples with one of
 * them, works, reads, closes, and begins again.
 */
#ifndef PMU_PERF_NOISE_H
#define PMU_PERF_NOISE_H

#include <stdint.h>

struct noise;

/* Start it on @cpu. Returns NULL if that fails. */
struct noise *noise_start(int cpu);

/* Rounds so far. */
uint64_t noise_rounds(const struct noise *noise);

/*
 * End it. Returns what its events counted altogether, or -1 if one could not be
 * opened, was in ERROR, or could not be read.
 */
int64_t noise_stop(struct noise *noise);

#endif
