/* SPDX-License-Identifier: GPL-2.0-only */
/* A sampling event of the host on the guest's CPU, and whether it samples. */
#ifndef PMU_SELFTESTS_HOST_SAMPLING_H
#define PMU_SELFTESTS_HOST_SAMPLING_H

#include "guest_case.h"
#include "base/work.h"

#define HOST_SAMPLE_PERIOD 20000
#define HOST_SAMPLE_PAGES 8
#define HOST_SAMPLE_TURNS 100000

struct host_sampling {
	int fd;
	struct perf_event_mmap_page *page;
};

/*
 * Open it before the guest. One that is opened later says nothing: what the PMU
 * was left as is set right for it (x86_pmu_enable()). Returns 0 or an errno.
 */
static inline int host_sampling_open(struct host_sampling *sampling)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.sample_period = HOST_SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	sampling->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	if (sampling->fd < 0)
		return -sampling->fd;
	sampling->page = event_map(sampling->fd, HOST_SAMPLE_PAGES);
	return sampling->page ? 0 : ENOMEM;
}

/*
 * Does it sample now? Asked until it does: one that took too many is stopped
 * for a while (perf_event_max_sample_rate). Returns bytes, or NOT_KNOWN.
 */
static inline int64_t host_sampling_now(struct host_sampling *sampling)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from = sampling->page->data_head;

	sampling->page->data_tail = from;
	do {
		if (event_gain_on_cpu(sampling->fd, GUEST_CPU, 0,
				      HOST_SAMPLE_TURNS) == NOT_KNOWN)
			return NOT_KNOWN;
	} while (sampling->page->data_head == from &&
		 !deadline_passed(&deadline));
	return (int64_t)(sampling->page->data_head - from);
}

static inline void host_sampling_close(struct host_sampling *sampling)
{
	event_unmap(sampling->page, HOST_SAMPLE_PAGES);
	close(sampling->fd);
}

#endif
