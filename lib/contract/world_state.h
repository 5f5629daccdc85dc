/* SPDX-License-Identifier: GPL-2.0-only */
/* What all parts of the model of a history ask its state. For lib/contract
 * only. */
#ifndef PMU_CONTRACT_WORLD_STATE_H
#define PMU_CONTRACT_WORLD_STATE_H

#include "world.h"

static inline bool mediated(const struct world *w)
{
	return w->contract == CONTRACT_MEDIATED;
}

static inline bool emulated(const struct world *w)
{
	return w->contract == CONTRACT_EMULATED;
}

static inline bool rfc(const struct world *w)
{
	return !mediated(w) && !emulated(w);
}

static inline bool core(const struct world_event *event)
{
	return !(event->flags & ACT_SOFTWARE);
}

static inline bool includes(const struct world_event *event)
{
	return !(event->flags & ACT_EXCLUDE_GUEST);
}

static inline bool on_guest_cpu(enum act_target target)
{
	return target == ON_CPU1 || target == ON_VCPU || target == ON_CGROUP1;
}

static inline bool of_cgroup(enum act_target target)
{
	return target == ON_CGROUP0 || target == ON_CGROUP1;
}

static inline int leader_of(const struct world *w, int slot)
{
	return w->event[slot].leader == NO_LEADER ? slot
						  : w->event[slot].leader;
}

static inline bool same_group(const struct world *w, int a, int b)
{
	return w->event[a].open && w->event[b].open &&
	       leader_of(w, a) == leader_of(w, b);
}

static inline bool is_on(const struct world_event *event)
{
	return event->enabled && event->fate == FATE_ALIVE;
}

static inline bool counts(const struct world *w, int slot)
{
	return is_on(&w->event[slot]) && is_on(&w->event[leader_of(w, slot)]);
}

/* May a refresh that ran out have put it off, or its leader? */
static inline bool is_limited(const struct world *w, int slot)
{
	return w->event[slot].limited || w->event[leader_of(w, slot)].limited;
}

static inline int stays(const struct world *w)
{
	return w->staying[0] || w->staying[1];
}

static inline int64_t claims(const struct world *w)
{
	return w->vm[0] + w->vm[1];
}

static inline bool in_context(const struct world_event *event)
{
	return event->open && !event->gone;
}

static inline bool has_event_on(const struct world *w, enum act_target target)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (in_context(&w->event[i]) && w->event[i].target == target)
			return true;
	}
	return false;
}

static inline bool group_is_open_fate(const struct world *w, int slot)
{
	return w->event[slot].fate == FATE_OPEN ||
	       w->event[leader_of(w, slot)].fate == FATE_OPEN;
}

static inline int cpu_of(enum act_target target)
{
	if (target == ON_CPU0 || target == ON_CGROUP0)
		return 0;
	return target == ON_CPU1 || target == ON_CGROUP1 ? 1 : -1;
}

/* Does a thread that comes to CPU 1 start its context? (perf_cgroup_switch())
 */
static inline bool cgroup_starts(const struct world *w)
{
	bool enabled = false;

	for (int i = 0; i < ACT_EVENTS; i++)
		enabled |= in_context(&w->event[i]) && is_on(&w->event[i]) &&
			   !w->event[i].orphaned &&
			   w->event[i].target == ON_CGROUP1;
	return w->in_cgroup && enabled;
}

/* Take into account what an act that succeeded does. */
void world_follow(struct world *w, const struct act *act);

#endif
