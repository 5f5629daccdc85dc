/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of a whole history: what users did (act_list.h), one after the
 * other, and what a conforming kernel may answer to the next. Built on the
 * rules: for each answer it names the rule and the scenario it is to be judged
 * by. Where the kernel is free, it follows the answer. A pure function like the
 * rest.
 */
#ifndef PMU_CONTRACT_WORLD_H
#define PMU_CONTRACT_WORLD_H

#include "act_list.h"
#include "contract.h"

/*
 * What is known of an event.
 * FATE_OPEN:   it may have been in_error; the next look tells
 * FATE_HIDDEN: nothing is expected of it any more, but that it can be closed
 */
enum fate {
	FATE_ALIVE,
	FATE_IN_ERROR,
	FATE_OPEN,
	FATE_HIDDEN,
};

/*
 * @least, @most: what it gained since the last look, if it could be read then
 * @based:        @count is what it read then
 * @inherited:    a child had it, too, and may have taken it with it to its end
 *                (perf_event_context_sched_out() swaps the contexts of clones)
 * @orphaned:     its cgroup was removed
 * @gone:         its CPU went offline, and took it out of all contexts
 * @limited:      it is refreshed, and goes off at its next overflow
 * @throttled:    its group may be throttled, and stand still for a tick
 * @apart:        it was enabled when its leader may have been in ERROR, so that
 *                it may have stayed off its counter since
 * @software:     of a leader: its group is in the context of software PMUs
 *                still (perf_event.group_caps)
 * @torn:         a child that had swapped contexts with its parent may have
 *                made each of its group an event of its own, by exec()
 */
struct world_event {
	bool open, enabled, based, inherited;
	bool orphaned, gone, limited, throttled;
	bool apart, software, torn;
	/* It was enabled in a context that was not started. */
	bool waits;
	enum fate fate;
	enum act_target target;
	int leader;
	unsigned int flags;
	int64_t count, least, most;
	int64_t time_enabled;
};

struct world {
	enum contract contract;
	/* Nothing else runs on this machine. */
	bool alone;
	struct world_event event[ACT_EVENTS];
	bool vm[ACT_GUESTS], staying[ACT_GUESTS];
	int cpu;
	bool in_cgroup;
	/* Of each CPU: the context was certainly started. See D36. */
	bool started[2];
};

/*
 * What an act was answered.
 * @err:     its errno
 * @claimed: after create: whether an include-guest event is refused now
 */
struct answer {
	int64_t err, claimed;
};

/* One event at a look: as struct seen of lib/explore/acts.h. */
struct sight {
	bool eof;
	int64_t count, enabled, running;
};

/* One question to the contract: contract_judge(contract_rule(id), &s, &o). */
struct question {
	const char *id;
	struct scenario s;
	struct observation o;
};

#define QUESTIONS_MAX 3

void world_begin(struct world *w, enum contract contract, bool alone);

/*
 * Does the act mean anything now? Acts on slots that are empty, and a few
 * combinations whose outcome the contracts leave to the scheduler, do not.
 */
bool world_possible(const struct world *w, const struct act *act);

/*
 * What to ask about the answer to an act that is possible. Returns how many
 * questions that is, and takes the act into account.
 */
int world_answered(struct world *w, const struct act *act,
		   const struct answer *answer, struct question *q);

/* The same for a look at one event, which is part of ACT_look. */
int world_looked(struct world *w, int slot, const struct sight *sight,
		 struct question *q);

#endif
