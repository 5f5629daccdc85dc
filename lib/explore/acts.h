/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doing what lib/contract/act_list.h names, with system calls only: this,
 * acts.c and acts_guest.c are also the first part of every reproducer that the
 * explorer writes.
 */
#ifndef PMU_EXPLORE_ACTS_H
#define PMU_EXPLORE_ACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../contract/act_list.h"

/* What read() says of an event. @eof: it returned nothing. */
struct seen {
	bool eof;
	uint64_t count, enabled, running;
};

/*
 * What a guest's counters say of its work: the instructions that are no
 * branches, one a turn, of all turns but the one that is taken off.
 */
#define GUEST_COUNTS (ACT_WORK / 2 - 1)

/*
 * What the guest found. @counted: instructions of its work less branches;
 * @found: what counter 1 held, @left: what the guest had left there.
 */
struct guest_seen {
	uint64_t counted, found, left;
};

/* Once, before all others. It makes a cgroup and the threads of the guests. */
void acts_begin(void);
bool acts_have_cgroup(void);
bool acts_have_guest_pmu(void);

/* These return 0 or an errno; what must work and does not ends the process. */
int act_open(int slot, int target, int leader, unsigned int flags);
int act_create(int guest);

void act_close(int slot);
void act_enable(int slot);
void act_disable(int slot);
void act_reset(int slot);
void act_enable_group(int slot);
void act_disable_group(int slot);
void act_reset_group(int slot);
void act_refresh(int slot);
void act_work(void);
/* The errno of fork(). */
int act_fork(void);
int act_exec(void);
void act_move(int cpu);
void act_cgroup(int in);
void act_remake(void);
void act_hotplug(void);
void act_enter(int guest, struct guest_seen *seen);
void act_stay(int guest);
void act_leave(int guest);
void act_kill(int guest);
void act_look(int slot, struct seen *seen);

/* Is an include-guest event of this task refused now? Its errno. */
int act_probe(void);

/* Put back what outlives a process. Can be called by another one. */
void acts_end(void);

#endif
