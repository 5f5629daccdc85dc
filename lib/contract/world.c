// SPDX-License-Identifier: GPL-2.0-only
/* Which acts mean anything in a world. */
#include <string.h>

#include "contract.h"
#include "world_state.h"

void world_begin(struct world *w, enum contract contract, bool alone)
{
	memset(w, 0, sizeof(*w));
	w->alone = alone;
	w->contract = contract;
}

/* D48: two of a group that overflow together, while one may be throttled. */
static bool would_lose_samples(const struct world *w, const struct act *act)
{
	const unsigned int samples = ACT_SAMPLES | ACT_THROTTLED;
	bool others_sample = false, throttled = act->flags & ACT_THROTTLED;

	if (act->leader == NO_LEADER || !(act->flags & samples))
		return false;
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (!same_group(w, i, act->leader))
			continue;
		others_sample |= !!(w->event[i].flags & samples);
		throttled |= !!(w->event[i].flags & ACT_THROTTLED);
	}
	return others_sample && throttled;
}

static bool possible_open(const struct world *w, const struct act *act)
{
	const struct world_event *leader;
	bool inherit = act->flags & ACT_INHERIT;

	if (w->event[act->slot].open || (inherit && act->target != ON_SELF))
		return false;
	/* What is no counter has no overflow to speak of. */
	if ((act->flags & ACT_SOFTWARE) &&
	    (act->flags & (ACT_SAMPLES | ACT_THROTTLED)))
		return false;
	if (would_lose_samples(w, act))
		return false;
	/* D36, too. */
	if (act->target == ON_CGROUP1 && stays(w) && mediated(w) &&
	    !w->started[1] && !w->in_cgroup)
		return false;
	if (act->leader == NO_LEADER)
		return true;
	leader = &w->event[act->leader];
	/* As perf_event_open() demands, and a leader whose state is known. */
	return leader->open && leader->leader == NO_LEADER &&
	       act->leader != act->slot && leader->target == act->target &&
	       leader->fate == FATE_ALIVE && !leader->inherited &&
	       !leader->orphaned && !leader->gone && !leader->limited &&
	       !(act->flags & ACT_PINNED) &&
	       !!(leader->flags & ACT_INHERIT) == inherit;
}

/*
 * An event whose refreshes may have run out is not switched: whether the next
 * overflow would switch it off, nobody could say. In ERROR it counted nothing.
 */
static bool can_be_switched(const struct world *w, int slot)
{
	const struct world_event *event = &w->event[slot];

	return !group_is_open_fate(w, slot) &&
	       (!event->limited || event->fate == FATE_IN_ERROR);
}

static bool group_can_be_switched(const struct world *w, int slot)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, slot) && !can_be_switched(w, i))
			return false;
	}
	return true;
}

static bool can_be_refreshed(const struct world *w, int slot)
{
	const struct world_event *event = &w->event[slot];

	return (event->flags & ACT_SAMPLES) && !(event->flags & ACT_INHERIT) &&
	       !event->limited && can_be_switched(w, slot);
}

/*
 * D36: entering with a context of CPU 1 that has events and was not started,
 * for one of a cgroup that is not here came first. Those that came after it and
 * were not enabled stay when it goes.
 */
static bool would_warn(const struct world *w)
{
	return mediated(w) && !w->started[1] && !cgroup_starts(w) &&
	       (has_event_on(w, ON_CGROUP1) || has_event_on(w, ON_CPU1));
}

/*
 * D50: events of a task come to a CPU whose context was not started, while
 * events of the CPU wait there. One of a cgroup starts it when the cgroup
 * comes, unless it was enabled beside a guest of the cgroup: to go from the
 * guest to the task is to change no cgroup. Whether they are of other PMUs, are
 * not pinned, and come to that CPU is not looked at: more is left out than
 * would warn.
 */
static bool task_would_start(const struct world *w)
{
	bool of_task = false, wait = false;

	for (int i = 0; i < ACT_EVENTS; i++) {
		const struct world_event *event = &w->event[i];
		int cpu = cpu_of(event->target);

		if (!in_context(event))
			continue;
		of_task |= cpu < 0;
		wait |= cpu >= 0 && !w->started[cpu] &&
			(!of_cgroup(event->target) || event->waits);
	}
	return of_task && wait;
}

static bool would_warn_after(const struct world *w, const struct act *act)
{
	struct world after = *w;

	world_follow(&after, act);
	return !task_would_start(w) && task_would_start(&after);
}

bool world_possible(const struct world *w, const struct act *act)
{
	int guest = act->slot % ACT_GUESTS;

	switch (act->kind) {
	case ACT_open:
		return possible_open(w, act) && !would_warn_after(w, act);
	case ACT_close:
	case ACT_reset:
		return w->event[act->slot].open;
	case ACT_reset_group:
		return w->event[act->slot].open && !w->event[act->slot].torn;
	case ACT_disable:
		return w->event[act->slot].open &&
		       can_be_switched(w, act->slot);
	case ACT_enable:
		return w->event[act->slot].open &&
		       can_be_switched(w, act->slot) &&
		       !would_warn_after(w, act);
	case ACT_disable_group:
		return w->event[act->slot].open && !w->event[act->slot].torn &&
		       group_can_be_switched(w, act->slot);
	case ACT_enable_group:
		return w->event[act->slot].open && !w->event[act->slot].torn &&
		       group_can_be_switched(w, act->slot) &&
		       !would_warn_after(w, act);
	case ACT_refresh:
		return w->event[act->slot].open &&
		       can_be_refreshed(w, act->slot) &&
		       !would_warn_after(w, act);
	case ACT_move:
		return w->cpu != act->slot;
	case ACT_cgroup:
		return w->in_cgroup != act->slot;
	case ACT_hotplug:
		return !stays(w) && !w->cpu;
	case ACT_create:
		return !w->vm[guest];
	case ACT_enter:
	case ACT_stay:
		return w->vm[guest] && !w->staying[guest] && !would_warn(w);
	case ACT_leave:
		return w->staying[guest];
	case ACT_kill:
		return w->vm[guest];
	default:
		return true;
	}
}
