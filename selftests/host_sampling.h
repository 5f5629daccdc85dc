/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the host's PMU is set up before a guest and after it, with a sampling
 * event of the host on the guest's CPU meanwhile.
 */
#ifndef PMU_SELFTESTS_HOST_SAMPLING_H
#define PMU_SELFTESTS_HOST_SAMPLING_H

#include <errno.h>

#include "guest_case.h"
#include "base/work.h"
#include "host/registers.h"

#define HOST_SAMPLE_PERIOD 20000
#define HOST_SAMPLE_PAGES 8
#define HOST_SAMPLE_TURNS 100000

/*
 * @fd, @page: the sampling event, -1 and NULL where there is none
 * @before:    the registers before the guest
 * @exits:     of the vCPU, before
 */
struct host_set_up {
	int fd;
	struct perf_event_mmap_page *page;
	struct host_registers before;
	uint64_t exits;
};

#define HOST_SET_UP_NONE               \
	(struct host_set_up)           \
	{                              \
		.fd = -1, .page = NULL \
	}

/*
 * Does it sample now? Asked until it does: one that took too many is stopped
 * for a while (perf_event_max_sample_rate). Returns bytes, or NOT_KNOWN.
 */
static inline int64_t host_samples_now(struct host_set_up *host)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from = host->page->data_head;

	host->page->data_tail = from;
	do {
		if (event_gain_on_cpu(host->fd, GUEST_CPU, 0,
				      HOST_SAMPLE_TURNS) == NOT_KNOWN)
			return NOT_KNOWN;
	} while (host->page->data_head == from && !deadline_passed(&deadline));
	return (int64_t)(host->page->data_head - from);
}

/*
 * The sampling event is opened before the guest, and pinned: for one that gets
 * its counter later, or again, what the PMU was left as is set right
 * (x86_pmu_enable()).
 */
static inline int host_open_sampling(struct host_set_up *host)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.pinned = 1;
	attr.sample_period = HOST_SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	host->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	if (host->fd < 0)
		return -host->fd;
	host->page = event_map(host->fd, HOST_SAMPLE_PAGES);
	return host->page ? 0 : errno;
}

/*
 * While it is throttled the event is off, and its overflow is in the status for
 * a moment: read until it is on and has none, twice.
 */
static inline int host_read_sampling(struct host_set_up *host,
				     struct guest_case *c)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct host_registers again;
	int err;

	do {
		if (deadline_passed(&deadline))
			return ETIMEDOUT;
		err = host_registers_read(GUEST_CPU, &host->before);
		c->o.counted_before = host_samples_now(host);
		err = err ?: host_registers_read(GUEST_CPU, &again);
	} while (!err && (!host->before.counters_on ||
			  host_registers_overflowed(&host->before) ||
			  host_registers_left(&host->before, &again)));
	return err;
}

/* Before the guest runs. Returns 0 or an errno. */
static inline int host_set_up_begin(struct host_set_up *host,
				    struct guest_case *c)
{
	host->exits = guest_exits_count(&c->guest);
	return host_open_sampling(host) ?: host_read_sampling(host, c);
}

/* Which registers are not as they were, a note each. */
static inline void host_tell_differences(const struct host_registers *then,
					 const struct host_registers *now)
{
	if (then->counters_on != now->counters_on)
		report_note("%d counters are on, %d were before the guest",
			    now->counters_on, then->counters_on);
	for (int i = 0; i < then->count && i < now->count; i++) {
		if (host_register_left(then, now, i))
			report_note(
				"MSR %#x is %#llx, was %#llx before the guest",
				then->msr[i], (unsigned long long)now->value[i],
				(unsigned long long)then->value[i]);
	}
}

/*
 * After it has left @exits times at least, with what its counter gained in
 * @control. KVM's perf events go with the vCPU thread, so they are off only
 * when that is off its CPU. And the sampling event is off while it is
 * throttled, and its overflow in the status for a moment: the registers are
 * read until they are as before. What a guest left is still there at the end.
 * Returns 0 or an errno.
 */
static inline int host_set_up_end(struct host_set_up *host,
				  struct guest_case *c, int64_t exits,
				  int64_t control)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct host_registers after;
	int err;

	if (!guest_settle(&c->guest, patience_ms()))
		return ETIMEDOUT;
	do {
		err = host_registers_read(GUEST_CPU, &after);
		c->o.registers_left =
			host_registers_left(&host->before, &after);
	} while (!err && c->o.registers_left && !deadline_passed(&deadline));
	if (!err)
		host_tell_differences(&host->before, &after);
	c->s.exits_asked = exits;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - host->exits);
	c->o.guest_control = control;
	c->o.samples_after = host_samples_now(host);
	return err;
}

/* In the teardown, whatever there is of it. */
static inline void host_set_up_close(struct host_set_up *host)
{
	if (host->page)
		event_unmap(host->page, HOST_SAMPLE_PAGES);
	if (host->fd >= 0)
		close(host->fd);
}

#endif
