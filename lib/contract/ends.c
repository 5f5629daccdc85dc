// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on when an event of the host ends, or stands still, beside guests.
 * Asked under every contract; docs/contract/guest.md has the words and the
 * sources.
 */
#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

RULE(M65, "siblings of a leader that is gone go on counting",
     "perf_group_detach()")
{
	NEEDS(s->group_size > 1);
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	AT_LEAST(counted_after, s->host_work);
	EXACTLY(siblings_eof, 0);
}

RULE(M66,
     "an event whose refreshes have run out is off until it is given more, whatever guests come and go",
     "__perf_event_overflow(), _perf_event_refresh()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	EXACTLY(counted_off, 0);
	AT_LEAST(counted_after, s->host_work);
}

RULE(M67, "the last event of a cgroup leaves nothing to its CPU",
     "perf_cgroup_event_disable(), perf_cgroup_switch()")
{
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	CONTROL(counted_outside, s->host_work);
	EXACTLY(left_over, 0);
	AT_LEAST(counted_after, s->host_work);
}

/* They are stopped and started together, and count the same thing. */
RULE(M68, "a group that is throttled goes on, and its members count the same",
     "perf_event_throttle_group(), perf_event_unthrottle_group()")
{
	NEEDS(s->group_size > 1);
	CONTROL(throttles, 1);
	EXACTLY(members_apart, 0);
	AT_LEAST(samples, 1);
}

RULE(M69,
     "events keep what they counted when their CPU goes offline, and count no more when it is back",
     "perf_event_exit_cpu_context()")
{
	NEEDS(s->group_size > 1);
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	EXACTLY(siblings_eof, 0);
	EXACTLY(went_back, 0);
	EXACTLY(counted_off, 0);
	AT_LEAST(counted_after, s->host_work);
}

/* Off by itself is one that a leader which is on alone does not take along. */
RULE(M75,
     "an ioctl with FLAG_GROUP reaches all that are left of a group, whichever of them is asked",
     "perf_event_for_each()")
{
	NEEDS(s->group_size > 1);
	NEEDS(s->host_work > 0);
	CONTROL(counted_before, s->host_work);
	CONTROL(counted_outside, s->host_work);
	EXACTLY(counted_off, 0);
	AT_LEAST(counted_after, s->host_work);
	EXACTLY(siblings_eof, 0);
}

RULE(M82,
     "the members of a group are enabled for as long as their leader, whether it has counters or waits",
     "perf_event_set_state(), perf_event_update_sibling_time()")
{
	NEEDS(s->group_size > 1);
	CONTROL(enabled_ns, 1);
	EXACTLY(times_apart, 0);
}

RULE(M85,
     "whoever waits in poll() for a pinned event is woken when it goes to ERROR",
     "merge_sched_in(), perf_event_wakeup(), perf_poll()")
{
	NEEDS(s->pinned == 1);
	CONTROL(eof, 1);
	EXACTLY(woken, 1);
}

RULE(M79,
     "a parent's event has what a vCPU thread of its child counted that was killed inside its guest",
     "perf_event_exit_task(), perf_put_guest_context()")
{
	NEEDS(s->host_work > 0);
	NEEDS(s->guest_min_ns > 0);
	AT_LEAST(counted_after, s->host_work);
}
