// SPDX-License-Identifier: GPL-2.0-only
/* Which rule judges an answer, in which scenario. */
#include "contract.h"
#include "world_state.h"

static int64_t include_events(const struct world *w)
{
	int64_t count = 0;

	for (int i = 0; i < ACT_EVENTS; i++)
		count += w->event[i].open && core(&w->event[i]) &&
			 includes(&w->event[i]);
	return count;
}

static int ask(struct question *q, const char *id)
{
	*q = (struct question){ .id = id,
				.s = scenario_unknown,
				.o = observation_unknown };
	return 1;
}

/* Which rule speaks of this open: the words differ, the errno is one. */
static const char *rule_of_open(const struct world *w, const struct act *act)
{
	bool includes_guest = !(act->flags & ACT_EXCLUDE_GUEST);

	if (emulated(w))
		return "E1";
	if (mediated(w)) {
		if (act->flags & ACT_SOFTWARE)
			return "M16";
		return !includes_guest && claims(w) ? "M18" : "M11";
	}
	if (!includes_guest)
		return "R19";
	if (act->leader != NO_LEADER)
		return "R26";
	if (act->flags & ACT_DISABLED)
		return "R25";
	if (act->target == ON_SELF || act->target == ON_VCPU)
		return "R23";
	return act->target == ON_CPU1 || act->target == ON_CGROUP1 ? "R22"
								   : "R8";
}

static int ask_open(const struct world *w, const struct act *act,
		    const struct answer *answer, struct question *q)
{
	struct scenario *s;
	bool inside;

	if (emulated(w) && !stays(w))
		return 0;
	ask(q, rule_of_open(w, act));
	s = &q->s;
	s->guest_iterations = stays(w);
	s->pmu = act->flags & ACT_SOFTWARE ? PMU_SOFTWARE : PMU_CORE;
	s->exclude_guest = !!(act->flags & ACT_EXCLUDE_GUEST);
	s->own_errno = 0;
	s->claims = claims(w);
	s->per_cpu = act->target != ON_SELF && act->target != ON_VCPU;
	/*
	 * Where a guest stays it is inside for most of the time: it may have
	 * been there at that instant, or not, and the answer tells. Nowhere
	 * else is anybody ever inside.
	 */
	inside = answer->err && ((on_guest_cpu(act->target) &&
				  act->target != ON_VCPU && stays(w)) ||
				 (act->target == ON_VCPU && w->staying[0]));
	s->cpu_in_guest = inside;
	s->task_in_guest = inside;
	q->o.err = answer->err;
	return 1;
}

static int ask_create(const struct world *w, const struct answer *answer,
		      struct question *q)
{
	if (!mediated(w))
		return 0;
	ask(q, "M6");
	q->s.irqchip = 1;
	q->s.vcpus = 0;
	q->s.claims = claims(w);
	q->s.include_events = include_events(w);
	q->o.err = answer->err;
	q->o.claimed = answer->claimed;
	return 1;
}

/* Whatever happens, a process does a little in user space on the way. */
static void add_slack(struct world *w)
{
	for (int i = 0; i < ACT_EVENTS; i++)
		w->event[i].most += ACT_SLACK;
}

int world_answered(struct world *w, const struct act *act,
		   const struct answer *answer, struct question *q)
{
	int asked = 0;

	if (act->kind == ACT_open)
		asked = ask_open(w, act, answer, q);
	else if (act->kind == ACT_create)
		asked = ask_create(w, answer, q);
	if (!answer->err)
		world_follow(w, act);
	add_slack(w);
	return asked;
}

static int ask_fate(const struct world_event *event, const struct sight *sight,
		    struct question *q)
{
	ask(q, "M52");
	q->s.in_error = event->fate == FATE_IN_ERROR;
	q->o.eof = sight->eof;
	return 1;
}

static int ask_count(const struct world *w, const struct world_event *event,
		     const struct sight *sight, struct question *q)
{
	bool of_others = event->target == ON_CPU0 || event->target == ON_CPU1;
	bool of_guests = emulated(w) && includes(event) &&
			 on_guest_cpu(event->target);

	ask(q, "M53");
	q->s.host_work = event->least;
	q->s.host_work_most =
		of_guests || (of_others && !w->alone) ? VALUE_MAX : event->most;
	q->o.counted_after = sight->count - event->count;
	return 1;
}

/*
 * Not of a cgroup's event, which may have run too long (D35), nor while a guest
 * is where the event belongs, which a reader elsewhere takes for time (D27).
 */
static bool times_are_known(const struct world *w,
			    const struct world_event *event)
{
	if (of_cgroup(event->target))
		return false;
	return !stays(w) || !on_guest_cpu(event->target);
}

static int ask_times(const struct world_event *event, const struct sight *sight,
		     struct question *q)
{
	ask(q, "M54");
	q->s.time_before = event->time_enabled;
	q->o.enabled_ns = sight->enabled;
	q->o.not_running_ns = sight->enabled - sight->running;
	return 1;
}

int world_looked(struct world *w, int slot, const struct sight *sight,
		 struct question *q)
{
	struct world_event *event = &w->event[slot];
	int asked = 0;

	if (event->fate == FATE_HIDDEN)
		return 0;
	if (event->fate == FATE_OPEN) {
		/* One that lives may die at the next entry of who stays. */
		if (sight->eof)
			event->fate = FATE_IN_ERROR;
		else if (!stays(w))
			event->fate = FATE_ALIVE;
	} else {
		asked += ask_fate(event, sight, &q[asked]);
	}
	if (sight->eof)
		return asked;
	if (event->based && core(event))
		asked += ask_count(w, event, sight, &q[asked]);
	if (times_are_known(w, event))
		asked += ask_times(event, sight, &q[asked]);
	event->based = true;
	event->count = sight->count;
	event->least = 0;
	event->most = 0;
	event->time_enabled = times_are_known(w, event) ? sight->enabled : 0;
	return asked;
}
