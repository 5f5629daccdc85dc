// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "../base/random.h"
#include "../host/klog.h"
#include "acts.h"
#include "explore.h"

/* Longer than any history takes, with the patience of acts_own.h in it. */
#define ALARM_S 60
/* Who is not gone by then cannot be killed. */
#define STUCK_MS ((ALARM_S + 15) * 1000u)
#define SHRINK_TRIES 3
#define HISTORIES_LEAST 6
/* By then every rule has been asked, if it ever is. */
#define HISTORIES_MOST 50

static const char *const rules[EXPLORED_RULES] = EXPLORED_RULE_IDS;

/* Chances of each act, out of their sum. Without looks nothing is seen. */
static const unsigned int weight[ACT_KINDS_MAX] = {
	[ACT_open] = 30,       [ACT_close] = 6,	  [ACT_enable] = 8,
	[ACT_disable] = 6,     [ACT_reset] = 4,	  [ACT_work] = 14,
	[ACT_fork] = 5,	       [ACT_exec] = 2,	  [ACT_move] = 6,
	[ACT_cgroup] = 4,      [ACT_hotplug] = 2, [ACT_create] = 12,
	[ACT_enter] = 16,      [ACT_stay] = 8,	  [ACT_leave] = 8,
	[ACT_kill] = 5,	       [ACT_look] = 16,	  [ACT_enable_group] = 4,
	[ACT_remake] = 1,      [ACT_refresh] = 8, [ACT_disable_group] = 2,
	[ACT_reset_group] = 2,
};

/* What is done to an event or a guest, and must work. */
static void (*const done_to[ACT_KINDS_MAX])(int slot) = {
	[ACT_close] = act_close,
	[ACT_enable] = act_enable,
	[ACT_disable] = act_disable,
	[ACT_reset] = act_reset,
	[ACT_enable_group] = act_enable_group,
	[ACT_disable_group] = act_disable_group,
	[ACT_reset_group] = act_reset_group,
	[ACT_refresh] = act_refresh,
	[ACT_move] = act_move,
	[ACT_cgroup] = act_cgroup,
	[ACT_stay] = act_stay,
	[ACT_leave] = act_leave,
	[ACT_kill] = act_kill,
};

/* What a child reports, in memory it shares with its parent. */
struct shared {
	struct exploration e;
	enum contract contract;
	bool alone;
	uint64_t random;
};

static unsigned int draw_kind(uint64_t *random)
{
	unsigned int sum = 0, drawn, kind = 0;

	for (int i = 0; i < ACT_KINDS_MAX; i++)
		sum += weight[i];
	drawn = random_below(random, sum);
	while (drawn >= weight[kind])
		drawn -= weight[kind++];
	return kind;
}

static struct act draw(const struct world *w, uint64_t *random)
{
	struct act act = {
		.kind = draw_kind(random),
		.leader = NO_LEADER,
	};

	switch (act.kind) {
	case ACT_move:
	case ACT_cgroup:
	case ACT_create:
	case ACT_enter:
	case ACT_stay:
	case ACT_leave:
	case ACT_kill:
		act.slot = (int)random_below(random, 2);
		break;
	default:
		act.slot = (int)random_below(random, ACT_EVENTS);
	}
	if (act.kind != ACT_open)
		return act;
	act.target = random_below(random, ACT_TARGETS);
	act.flags = random_below(random, 2) ? ACT_EXCLUDE_GUEST : 0;
	if (!random_below(random, 4))
		act.flags |= ACT_DISABLED;
	if (!random_below(random, 4))
		act.flags |= ACT_PINNED;
	if (!random_below(random, 3))
		act.flags |= ACT_INHERIT;
	if (!random_below(random, 6))
		act.flags |= ACT_SOFTWARE;
	if (!random_below(random, 4))
		act.flags |= ACT_SAMPLES;
	else if (!random_below(random, 12))
		act.flags |= ACT_THROTTLED;
	if (!random_below(random, 4))
		act.flags |= ACT_REMOVE_ON_EXEC;
	if (random_below(random, 3))
		return act;
	/* A group is of one target. */
	act.leader = (int)random_below(random, ACT_EVENTS);
	act.target = w->event[act.leader].target;
	return act;
}

static bool can_do(const struct world *w, const struct act *act)
{
	bool of_cgroup = act->kind == ACT_cgroup || act->kind == ACT_remake ||
			 (act->kind == ACT_open && (act->target == ON_CGROUP0 ||
						    act->target == ON_CGROUP1));

	return world_possible(w, act) && (!of_cgroup || acts_have_cgroup());
}

static bool violated(struct exploration *e, const struct question *q, int slot)
{
	const struct rule *rule = contract_rule(q->id);

	if (contract_judge(rule, &q->s, &q->o).verdict == CONFORMS) {
		for (int i = 0; i < EXPLORED_RULES; i++) {
			if (!strcmp(q->id, rules[i]))
				e->last[i] = *q;
		}
		return false;
	}
	e->end = EXPLORED_VIOLATION;
	e->question = *q;
	e->slot = slot;
	return true;
}

/* Returns false at the first answer that the contract excludes. */
static bool look(struct exploration *e, struct world *w)
{
	struct question q[QUESTIONS_MAX];

	for (int i = 0; i < ACT_EVENTS; i++) {
		struct sight sight;
		struct seen seen;
		int asked;

		if (!w->event[i].open)
			continue;
		act_look(i, &seen);
		sight = (struct sight){ seen.eof, (int64_t)seen.count,
					(int64_t)seen.enabled,
					(int64_t)seen.running };
		asked = world_looked(w, i, &sight, q);
		for (int j = 0; j < asked; j++) {
			if (violated(e, &q[j], i))
				return false;
		}
	}
	return true;
}

/* A guest counts its own work, and finds what it left. */
static bool enter(struct exploration *e, int guest)
{
	struct guest_seen seen;
	struct question q = { .s = scenario_unknown, .o = observation_unknown };

	act_enter(guest, &seen);
	if (!acts_have_guest_pmu())
		return true;
	q.id = "M41";
	q.s.guest_work = GUEST_COUNTS;
	/* As if there were none: they are taken off with the branches. */
	q.s.guest_entries = 0;
	q.o.guest_counted = (int64_t)seen.counted;
	if (violated(e, &q, -1))
		return false;
	q.id = "M35";
	q.s.guest_counters = 1;
	q.o.mismatches = seen.found != seen.left;
	return !violated(e, &q, -1);
}

static int64_t open_or_create(const struct act *act, struct answer *answer)
{
	if (act->kind == ACT_open) {
		answer->err = act_open(act->slot, act->target, act->leader,
				       act->flags);
	} else {
		answer->err = act_create(act->slot);
		answer->claimed = act_probe() != 0;
	}
	return answer->err;
}

static void cannot(const char *what, int err)
{
	fprintf(stderr, "# cannot: %s: %s\n", what, strerror(err));
	_exit(1);
}

/* Returns false if the answer is one that the contract excludes. */
static bool perform(struct exploration *e, struct world *w,
		    const struct act *act)
{
	struct question q[QUESTIONS_MAX];
	struct answer answer = { 0 };
	bool good = true;
	int asked, err = 0;

	switch (act->kind) {
	case ACT_open:
	case ACT_create:
		open_or_create(act, &answer);
		break;
	case ACT_work:
		act_work();
		break;
	case ACT_fork:
		err = act_fork();
		break;
	case ACT_exec:
		err = act_exec();
		break;
	case ACT_remake:
		act_remake();
		break;
	case ACT_hotplug:
		act_hotplug();
		break;
	case ACT_enter:
		good = enter(e, act->slot);
		break;
	case ACT_look:
		good = look(e, w);
		break;
	default:
		done_to[act->kind](act->slot);
	}
	if (err)
		cannot("fork()", err);
	if (!good)
		return false;
	asked = world_answered(w, act, &answer, q);
	for (int i = 0; i < asked; i++) {
		if (violated(e, &q[i], -1))
			return false;
	}
	return true;
}

static struct history without(const struct history *history, int from, int n)
{
	struct history shorter = *history;

	memmove(&shorter.act[from], &shorter.act[from + n],
		(size_t)(shorter.length - from - n) * sizeof(*shorter.act));
	shorter.length -= n;
	return shorter;
}

/* The child's: draw a history and perform it, or perform the one that is there.
 */
static void live(struct shared *shared, bool given)
{
	struct exploration *e = &shared->e;
	const struct act last = { .kind = ACT_look };
	struct world w;

	world_begin(&w, shared->contract, shared->alone);
	acts_begin();
	for (int i = 0; i < (given ? e->history.length : HISTORY_MAX - 1);) {
		struct act *act = &e->history.act[i];

		while (!given &&
		       !can_do(&w, (*act = draw(&w, &shared->random), act)))
			;
		if (!can_do(&w, act)) {
			e->history = without(&e->history, i, 1);
			continue;
		}
		e->step = i++;
		if (!given)
			e->history.length = i;
		e->steps++;
		if (!perform(e, &w, act))
			return;
	}
	if (given)
		return;
	e->step = e->history.length;
	e->history.act[e->history.length++] = last;
	e->steps++;
	perform(e, &w, &last);
}

/* What the kernel said meanwhile. Warnings that it gives once it gives again.
 */
static void ask_log(struct exploration *e)
{
	struct question q = { .id = "M55",
			      .s = scenario_unknown,
			      .o = observation_unknown };

	q.s.attempts_asked = 1;
	q.o.attempts = (int64_t)e->steps;
	q.o.warned = klog_complaint(e->complaint, sizeof(e->complaint));
	if (q.o.warned)
		klog_warn_again();
	if (e->end == EXPLORED_STUCK) {
		q.o.warned = 1;
		violated(e, &q, -1);
		e->end = EXPLORED_STUCK;
		return;
	}
	/* One that could not go on may just have met what the log tells. */
	if (e->end != EXPLORED_CANNOT || q.o.warned)
		violated(e, &q, -1);
}

/*
 * Returns false if the child is not gone in time. One that cannot be watched is
 * ended, and has failed.
 */
static bool child_goes(pid_t child, int *status)
{
	struct pollfd gone = {
		.fd = (int)syscall(SYS_pidfd_open, child, 0),
		.events = POLLIN,
	};
	bool in_time;
	int got;

	if (gone.fd < 0) {
		kill(child, SIGKILL);
		waitpid(child, status, 0);
		*status = 1;
		return true;
	}
	do {
		got = poll(&gone, 1, STUCK_MS);
	} while (got < 0 && errno == EINTR);
	in_time = got == 1;
	close(gone.fd);
	return in_time && waitpid(child, status, 0) == child;
}

static void one_history(struct shared *shared, bool given)
{
	int status = 0;
	pid_t child;

	shared->e.end = EXPLORED_CANNOT;
	shared->e.complaint[0] = 0;
	klog_mark();
	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(ALARM_S);
		shared->e.end = EXPLORED_FINE;
		live(shared, given);
		_exit(0);
	}
	if (child >= 0 && !child_goes(child, &status)) {
		/* What tidies up would wait for its CPU. */
		shared->e.end = EXPLORED_STUCK;
	} else {
		if (child < 0 || status)
			shared->e.end = EXPLORED_CANNOT;
		acts_end();
	}
	ask_log(&shared->e);
}

/* Does the history without these acts still break the same rule? */
static bool still_shows(struct shared *shared, const struct history *shorter,
			const char *id)
{
	for (int i = 0; i < SHRINK_TRIES; i++) {
		shared->e.history = *shorter;
		one_history(shared, true);
		if (shared->e.end == EXPLORED_VIOLATION &&
		    !strcmp(shared->e.question.id, id))
			return true;
	}
	return false;
}

/* One pass over the history, in pieces of @n acts. Was any of them too much? */
static bool shrink_by(struct shared *shared, struct exploration *best, int n,
		      const struct deadline *deadline)
{
	const char *id = best->question.id;
	bool shorter = false;

	for (int from = best->history.length - n; from >= 0; from--) {
		struct history rest;

		if (from + n > best->history.length)
			continue;
		if (deadline_passed(deadline))
			return false;
		rest = without(&best->history, from, n);
		if (!still_shows(shared, &rest, id))
			continue;
		shared->e.history.length = shared->e.step + 1;
		*best = shared->e;
		shorter = true;
	}
	return shorter;
}

static struct shared *share(enum contract contract, bool alone)
{
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return NULL;
	shared->contract = contract;
	shared->alone = alone;
	return shared;
}

void explore_shrink(struct exploration *e, enum contract contract, bool alone,
		    unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	struct shared *shared = share(contract, alone);
	struct exploration best = *e;

	if (!shared)
		return;
	best.history.length = best.step + 1;
	for (int n = best.history.length / 2; n > 1; n /= 2)
		shrink_by(shared, &best, n, &deadline);
	while (shrink_by(shared, &best, 1, &deadline))
		;
	best.histories = e->histories;
	best.steps = e->steps;
	*e = best;
	munmap(shared, sizeof(*shared));
}

static bool all_asked(const struct exploration *e)
{
	for (int i = 0; i < EXPLORED_RULES; i++) {
		const struct question *q = &e->last[i];

		if (contract_judge(contract_rule(q->id), &q->s, &q->o).verdict !=
		    CONFORMS)
			return false;
	}
	return true;
}

void explore(struct exploration *e, enum contract contract, bool alone,
	     uint64_t seed, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	struct shared *shared = share(contract, alone);
	uint64_t histories = 0;

	*e = (struct exploration){ .end = EXPLORED_CANNOT };
	if (!shared)
		return;
	shared->random = seed;
	for (int i = 0; i < EXPLORED_RULES; i++) {
		shared->e.last[i].id = rules[i];
		shared->e.last[i].s = scenario_unknown;
		shared->e.last[i].o = observation_unknown;
	}
	klog_warn_again();
	do {
		one_history(shared, false);
		histories++;
	} while (shared->e.end == EXPLORED_FINE &&
		 (!deadline_passed(&deadline) || histories < HISTORIES_LEAST ||
		  (!all_asked(&shared->e) && histories < HISTORIES_MOST)));
	*e = shared->e;
	e->histories = histories;
	munmap(shared, sizeof(*shared));
}
