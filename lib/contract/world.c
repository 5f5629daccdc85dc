// SPDX-License-Identifier: GPL-2.0-only
/* What acts mean and what they change; world_ask.c asks about the answers. */
#include <string.h>

#include "contract.h"
#include "world_state.h"

/* exec() starts whatever there is: how much that is, is not our business. */
#define EXEC_MOST 100000000

void world_begin(struct world *w, enum contract contract, bool alone)
{
	memset(w, 0, sizeof(*w));
	w->alone = alone;
	w->contract = contract;
}

/* Does a thread that comes to CPU 1 start its context? (perf_cgroup_switch())
 */
static bool cgroup_starts(const struct world *w)
{
	bool enabled = false;

	for (int i = 0; i < ACT_EVENTS; i++)
		enabled |= w->event[i].open && is_on(&w->event[i]) &&
			   w->event[i].target == ON_CGROUP1;
	return w->in_cgroup && enabled;
}

/* Is the group of this event checked when that guest enters? (R3, R15, R21) */
static bool is_judged(const struct world *w, int slot, int guest)
{
	bool takes = false, counted = false;

	switch (w->event[slot].target) {
	case ON_VCPU:
		if (guest != 0)
			return false;
		break;
	case ON_CPU1:
		break;
	case ON_CGROUP1:
		if (!w->in_cgroup)
			return false;
		break;
	default:
		return false;
	}
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (!same_group(w, i, slot))
			continue;
		takes |= includes(&w->event[i]);
		counted |= core(&w->event[i]);
	}
	return takes && counted;
}

static void set_group(struct world *w, int slot, enum fate fate)
{
	int leader = leader_of(w, slot);

	for (int i = 0; i < ACT_EVENTS; i++) {
		if (w->event[i].open && leader_of(w, i) == leader &&
		    w->event[i].fate != FATE_HIDDEN)
			w->event[i].fate = fate;
	}
}

/*
 * Guest entry under the RFC: for certain, or perhaps. What was on is
 * in_error; what perhaps was on, perhaps.
 */
static void guest_enters(struct world *w, int guest, bool certainly)
{
	if (cgroup_starts(w))
		w->started[1] = true;
	if (!rfc(w))
		return;
	for (int i = 0; i < ACT_EVENTS; i++) {
		const struct world_event *event = &w->event[i];

		if (!event->open || leader_of(w, i) != i || !event->enabled ||
		    !is_judged(w, i, guest))
			continue;
		if (event->fate == FATE_ALIVE)
			set_group(w, i, certainly ? FATE_IN_ERROR : FATE_OPEN);
		else if (event->fate == FATE_OPEN && certainly)
			set_group(w, i, FATE_IN_ERROR);
	}
}

/* While a guest stays, it leaves and enters as interrupts come. */
static void perhaps_entered(struct world *w)
{
	for (int i = 0; i < ACT_GUESTS; i++) {
		if (w->staying[i])
			guest_enters(w, i, false);
	}
}

static bool possible_open(const struct world *w, const struct act *act)
{
	const struct world_event *leader;
	bool inherit = act->flags & ACT_INHERIT;

	if (w->event[act->slot].open || (inherit && act->target != ON_SELF))
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
	       !(act->flags & ACT_PINNED) &&
	       !!(leader->flags & ACT_INHERIT) == inherit;
}

static bool cpu1_is_free(const struct world *w)
{
	return !has_event_on(w, ON_CPU1) && !has_event_on(w, ON_CGROUP1) &&
	       !claims(w) && !w->cpu;
}

/* D36: entering with nothing on CPU 1 but events of a cgroup that is not here.
 */
static bool would_warn(const struct world *w)
{
	return mediated(w) && !w->started[1] && !cgroup_starts(w) &&
	       has_event_on(w, ON_CGROUP1);
}

bool world_possible(const struct world *w, const struct act *act)
{
	int guest = act->slot % ACT_GUESTS;

	switch (act->kind) {
	case ACT_open:
		return possible_open(w, act);
	case ACT_close:
	case ACT_reset:
		return w->event[act->slot].open;
	case ACT_enable:
	case ACT_disable:
		return w->event[act->slot].open &&
		       !group_is_open_fate(w, act->slot);
	case ACT_move:
		return w->cpu != act->slot;
	case ACT_cgroup:
		return w->in_cgroup != act->slot;
	case ACT_hotplug:
		return cpu1_is_free(w);
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

static int cpu_of(enum act_target target)
{
	if (target == ON_CPU0 || target == ON_CGROUP0)
		return 0;
	return target == ON_CPU1 || target == ON_CGROUP1 ? 1 : -1;
}

/*
 * Which installed event starts the context of its CPU: one that is on, unless
 * its cgroup is elsewhere, and the first one (__perf_install_in_context()).
 */
static void follow_install(struct world *w, int slot)
{
	const struct world_event *event = &w->event[slot];
	int cpu = cpu_of(event->target);
	bool alone = true;

	if (cpu < 0)
		return;
	for (int i = 0; i < ACT_EVENTS; i++)
		alone &= i == slot || !w->event[i].open ||
			 cpu_of(w->event[i].target) != cpu;
	if (of_cgroup(event->target)
		    ? !event->enabled || (w->in_cgroup && w->cpu == cpu)
		    : event->enabled || alone)
		w->started[cpu] = true;
}

/* D36: in a context that was not started, what is enabled does not begin. */
static bool would_not_begin(const struct world *w, int slot)
{
	int cpu = cpu_of(w->event[slot].target);

	return cpu >= 0 && !w->started[cpu];
}

/*
 * The first core event of a group of software events takes them along to its
 * PMU: they start from their attr.disabled again (perf_event__state_init()).
 */
static void follow_group_move(struct world *w, const struct act *act)
{
	if (act->leader == NO_LEADER || (act->flags & ACT_SOFTWARE))
		return;
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, act->leader) && core(&w->event[i]))
			return;
	}
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, act->leader))
			w->event[i].enabled =
				!(w->event[i].flags & ACT_DISABLED);
	}
}

static void follow_open(struct world *w, const struct act *act)
{
	struct world_event *event = &w->event[act->slot];

	follow_group_move(w, act);
	*event = (struct world_event){
		.open = true,
		.enabled = !(act->flags & ACT_DISABLED),
		.based = true,
		.target = act->target,
		.leader = act->leader,
		.flags = act->flags,
	};
	follow_install(w, act->slot);
	perhaps_entered(w);
}

/* Siblings become events of their own; when they get a counter is open. */
static void follow_close(struct world *w, int slot)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (!w->event[i].open || w->event[i].leader != slot)
			continue;
		w->event[i].leader = NO_LEADER;
		w->event[i].fate = FATE_HIDDEN;
	}
	w->event[slot].open = false;
	for (int cpu = 0; cpu < 2; cpu++) {
		if (!has_event_on(w, ON_CPU0 + cpu) &&
		    !has_event_on(w, ON_CGROUP0 + cpu))
			w->started[cpu] = false;
	}
}

static void follow_enable(struct world *w, int slot)
{
	struct world_event *event = &w->event[slot];

	if (event->fate == FATE_HIDDEN ||
	    (event->fate == FATE_ALIVE && event->enabled))
		return;
	if (would_not_begin(w, slot)) {
		set_group(w, slot, FATE_HIDDEN);
		return;
	}
	event->fate = FATE_ALIVE;
	event->enabled = true;
	perhaps_entered(w);
}

static void follow_disable(struct world *w, int slot)
{
	if (w->event[slot].fate == FATE_ALIVE)
		w->event[slot].enabled = false;
}

/* What children counted is not reset with the rest (perf_event_reset()). */
static void follow_reset(struct world *w, int slot)
{
	struct world_event *event = &w->event[slot];

	event->based = !(event->flags & ACT_INHERIT);
	event->count = 0;
	event->least = 0;
}

/* Does the event count what this task, or a child, does where it runs? */
static bool counts_work(const struct world *w, int slot, bool child)
{
	const struct world_event *event = &w->event[slot];

	switch (event->target) {
	case ON_SELF:
		return !child || (event->flags & ACT_INHERIT);
	case ON_CPU0:
	case ON_CPU1:
		return w->cpu == (int)event->target - ON_CPU0;
	case ON_CGROUP0:
	case ON_CGROUP1:
		return w->in_cgroup &&
		       w->cpu == (int)event->target - ON_CGROUP0;
	default:
		return false;
	}
}

static void follow_work(struct world *w, bool child, int64_t least,
			int64_t most)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		struct world_event *event = &w->event[i];

		if (!event->open || !counts_work(w, i, child))
			continue;
		event->inherited |= child && (event->flags & ACT_INHERIT);
		if (counts(w, i))
			event->least += least;
		if (counts(w, i) || group_is_open_fate(w, i))
			event->most += most;
	}
}

void world_follow(struct world *w, const struct act *act)
{
	int guest = act->slot % ACT_GUESTS;

	switch (act->kind) {
	case ACT_open:
		follow_open(w, act);
		break;
	case ACT_close:
		follow_close(w, act->slot);
		break;
	case ACT_enable:
		follow_enable(w, act->slot);
		break;
	case ACT_disable:
		follow_disable(w, act->slot);
		break;
	case ACT_reset:
		follow_reset(w, act->slot);
		break;
	case ACT_work:
		follow_work(w, false, ACT_WORK, ACT_WORK);
		break;
	case ACT_fork:
		follow_work(w, true, ACT_WORK, ACT_WORK);
		break;
	case ACT_exec:
		follow_work(w, true, 0, EXEC_MOST);
		break;
	case ACT_move:
		w->cpu = act->slot;
		break;
	case ACT_cgroup:
		w->in_cgroup = act->slot;
		perhaps_entered(w);
		break;
	case ACT_create:
		w->vm[guest] = true;
		break;
	case ACT_enter:
		guest_enters(w, guest, true);
		break;
	case ACT_stay:
		guest_enters(w, guest, true);
		w->staying[guest] = true;
		break;
	case ACT_leave:
		w->staying[guest] = false;
		break;
	case ACT_kill:
		w->staying[guest] = false;
		w->vm[guest] = false;
		break;
	default:
		break;
	}
}
