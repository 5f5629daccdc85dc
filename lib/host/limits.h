/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf's limits on sampling. Where interrupts of samples take more than
 * kernel.perf_cpu_time_max_percent of a CPU, the kernel lowers
 * kernel.perf_event_max_sample_rate for good (perf_sample_event_took()).
 */
#ifndef PMU_HOST_LIMITS_H
#define PMU_HOST_LIMITS_H

/*
 * Have the rate back at the end of this program, however that ends, if the
 * kernel can lower it at all. Call it once, before there are threads and before
 * anything samples. Returns 0 or an errno, as guardian_start().
 */
int limits_back_at_exit(void);

/*
 * What limits_lower() and limits_lift() need: call it once, before there are
 * threads. Returns 0 or an errno, as guardian_start().
 */
int limits_start(void);

/*
 * Allow @rate samples a second of each CPU, at least one a tick, until
 * limits_back() or the end of this program. Returns 0 or an errno: ENOENT if
 * this kernel does not limit them.
 */
int limits_lower(unsigned int rate);

/*
 * The same with the rate that the kernel has by default, and nothing that
 * lowers it.
 */
int limits_lift(void);

/* As it was before limits_lower() or limits_lift(). */
void limits_back(void);

#endif
