// SPDX-License-Identifier: GPL-2.0-only
/* What acts change; world_ask.c asks about the answers. */
#include "contract.h"
#include "world_state.h"

/* exec() starts whatever there is: how much that is, is not our business. */
#define EXEC_MOST 100000000

/*
 * Is the group of this event checked when that guest enters? (R3, R15, R21)
 * One of software events that once had a core event is still in the context of
 * that one's PMU, and goes to ERROR with what is there (R1).
 */
static bool is_judged(const struct world *w, int slot, int guest)
{
	bool takes = false;

	if (w->event[slot].gone)
		return false;
	switch (w->event[slot].target) {
	case ON_VCPU:
		if (guest != 0)
			return false;
		break;
	case ON_CPU1:
		break;
	case ON_CGROUP1:
		if (!w->in_cgroup || w->event[slot].orphaned)
			return false;
		break;
	default:
		return false;
	}
	for (int i = 0; i < ACT_EVENTS; i++)
		takes |= same_group(w, i, slot) && includes(&w->event[i]);
	return takes && !w->event[slot].software;
}

/* One that is apart may have met it, or not. */
static void set_group(struct world *w, int slot, enum fate fate)
{
	int leader = leader_of(w, slot);

	for (int i = 0; i < ACT_EVENTS; i++) {
		struct world_event *event = &w->event[i];

		if (!event->open || leader_of(w, i) != leader ||
		    event->fate == FATE_HIDDEN)
			continue;
		event->fate = event->apart && fate != FATE_HIDDEN ? FATE_OPEN
								  : fate;
	}
}

/* Its leader is on: so are those that were enabled apart from it. */
static void end_apart(struct world *w, int leader)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (leader_of(w, i) == leader)
			w->event[i].apart = false;
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
		/* One that went off before is left alone (R15). */
		bool was_on = certainly && !event->limited;

		if (!event->open || leader_of(w, i) != i || !event->enabled ||
		    !is_judged(w, i, guest))
			continue;
		if (event->fate == FATE_ALIVE) {
			end_apart(w, i);
			set_group(w, i, was_on ? FATE_IN_ERROR : FATE_OPEN);
		} else if (event->fate == FATE_OPEN && was_on) {
			set_group(w, i, FATE_IN_ERROR);
		}
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
		alone &= i == slot || !in_context(&w->event[i]) ||
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
	if (act->leader == NO_LEADER || (act->flags & ACT_SOFTWARE) ||
	    !w->event[act->leader].software)
		return;
	w->event[act->leader].software = false;
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, act->leader))
			w->event[i].enabled =
				!(w->event[i].flags & ACT_DISABLED);
	}
}

/*
 * All of a group are stopped with the one that has too many overflows, and go
 * on at the next tick (perf_event_throttle_group()): also those that are a
 * group of their own by then.
 */
static void follow_throttling(struct world *w, int slot)
{
	bool throttled = false;

	for (int i = 0; i < ACT_EVENTS; i++)
		throttled |= same_group(w, i, slot) &&
			     (w->event[i].throttled ||
			      w->event[i].flags & ACT_THROTTLED);
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, slot))
			w->event[i].throttled = throttled;
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
		.software = act->flags & ACT_SOFTWARE,
		.target = act->target,
		.leader = act->leader,
		.flags = act->flags,
	};
	follow_throttling(w, act->slot);
	follow_install(w, act->slot);
	perhaps_entered(w);
}

/*
 * Siblings become events of their own, in the context where they are. They keep
 * their counters; when those get one that had none, because their leader was
 * off, is open.
 */
static void follow_close(struct world *w, int slot)
{
	bool had_counters = counts(w, slot) && !w->event[slot].limited;

	for (int i = 0; i < ACT_EVENTS; i++) {
		if (!w->event[i].open || w->event[i].leader != slot)
			continue;
		w->event[i].leader = NO_LEADER;
		w->event[i].software = w->event[slot].software;
		w->event[i].apart = false;
		if (!had_counters)
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
	if (event->gone) {
		event->fate = FATE_ALIVE;
		return;
	}
	if (would_not_begin(w, slot)) {
		event->waits = true;
		set_group(w, slot, FATE_HIDDEN);
		return;
	}
	event->apart = leader_of(w, slot) != slot &&
		       w->event[leader_of(w, slot)].fate == FATE_OPEN;
	event->fate = event->apart ? FATE_OPEN : FATE_ALIVE;
	event->enabled = true;
}

/* Between two of a group a guest may enter. */
static void follow_enable_member(struct world *w, int slot)
{
	follow_enable(w, slot);
	perhaps_entered(w);
}

static void follow_refresh(struct world *w, int slot)
{
	follow_enable(w, slot);
	w->event[slot].limited = is_on(&w->event[slot]);
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
		return w->in_cgroup && !event->orphaned &&
		       w->cpu == (int)event->target - ON_CGROUP0;
	default:
		return false;
	}
}

/* One that a refresh limits goes off, if nothing stops it before. */
static void follow_overflows(struct world *w, const bool *worked)
{
	bool off[ACT_EVENTS];

	for (int i = 0; i < ACT_EVENTS; i++)
		off[i] = worked[i] && w->event[i].limited && counts(w, i) &&
			 !w->event[i].throttled &&
			 (leader_of(w, i) == i ||
			  !w->event[leader_of(w, i)].limited);
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (!off[i])
			continue;
		w->event[i].limited = false;
		w->event[i].enabled = false;
	}
}

static void follow_work(struct world *w, bool child, int64_t least,
			int64_t most)
{
	bool worked[ACT_EVENTS] = { 0 };

	for (int i = 0; i < ACT_EVENTS; i++) {
		struct world_event *event = &w->event[i];

		if (!event->open || !counts_work(w, i, child))
			continue;
		event->inherited |= child && (event->flags & ACT_INHERIT);
		if (counts(w, i) && !is_limited(w, i) && !event->throttled)
			event->least += least;
		if (counts(w, i) || group_is_open_fate(w, i))
			event->most += most;
		worked[i] = least >= ACT_WORK;
	}
	follow_overflows(w, worked);
}

/* Is it in a child, enabled, and left alone there by a leader that exec()
 * removes?
 */
static bool exec_frees(const struct world *w, int slot)
{
	const struct world_event *event = &w->event[slot];

	return event->open && event->enabled && (event->flags & ACT_INHERIT) &&
	       (w->event[leader_of(w, slot)].flags & ACT_REMOVE_ON_EXEC);
}

/* What exec() removes is detached from its group (DETACH_GROUP). */
static void tear(struct world *w, int slot)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (same_group(w, i, slot))
			w->event[i].torn = true;
	}
}

/*
 * What a child inherited is removed with the program that it was. What it
 * counted since the last switch is lost (D42), and that may be the parent's,
 * for the contexts of clones are swapped.
 */
static void follow_exec(struct world *w)
{
	int64_t most[ACT_EVENTS];

	for (int i = 0; i < ACT_EVENTS; i++)
		most[i] = w->event[i].most;
	follow_work(w, true, 0, EXEC_MOST);
	for (int i = 0; i < ACT_EVENTS; i++) {
		struct world_event *event = &w->event[i];

		if (event->target != ON_SELF)
			continue;
		if (event->flags & ACT_REMOVE_ON_EXEC) {
			event->most = most[i];
			if (event->flags & ACT_INHERIT) {
				event->least = 0;
				tear(w, i);
			}
		} else if (exec_frees(w, i)) {
			event->most = most[i] + EXEC_MOST;
		}
	}
}

/* Whom the cgroup that is removed had belongs to none. */
static void follow_remake(struct world *w)
{
	w->in_cgroup = false;
	for (int i = 0; i < ACT_EVENTS; i++)
		w->event[i].orphaned |= of_cgroup(w->event[i].target);
}

/* perf_event_exit_cpu_context() takes each event out by itself, ERROR or not.
 */
static void follow_hotplug(struct world *w)
{
	for (int i = 0; i < ACT_EVENTS; i++) {
		struct world_event *event = &w->event[i];

		if (!event->open || cpu_of(event->target) != 1)
			continue;
		event->gone = true;
		event->leader = NO_LEADER;
		event->enabled = false;
		event->limited = false;
	}
	w->started[1] = false;
}

static void each_of_group(struct world *w, int slot,
			  void (*follow)(struct world *w, int slot))
{
	int leader = leader_of(w, slot);

	follow(w, leader);
	for (int i = 0; i < ACT_EVENTS; i++) {
		if (w->event[i].open && w->event[i].leader == leader)
			follow(w, i);
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
		perhaps_entered(w);
		break;
	case ACT_enable_group:
		each_of_group(w, act->slot, follow_enable_member);
		break;
	case ACT_disable_group:
		each_of_group(w, act->slot, follow_disable);
		break;
	case ACT_reset_group:
		each_of_group(w, act->slot, follow_reset);
		break;
	case ACT_refresh:
		follow_refresh(w, act->slot);
		perhaps_entered(w);
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
		follow_exec(w);
		break;
	case ACT_move:
		w->cpu = act->slot;
		break;
	case ACT_cgroup:
		w->in_cgroup = act->slot;
		perhaps_entered(w);
		break;
	case ACT_remake:
		follow_remake(w);
		perhaps_entered(w);
		break;
	case ACT_hotplug:
		follow_hotplug(w);
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
