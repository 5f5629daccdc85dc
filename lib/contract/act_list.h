/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What users do with events and guests, as data: the vocabulary that the model
 * of a whole history (world.h) shares with who does these things.
 */
#ifndef PMU_CONTRACT_ACT_LIST_H
#define PMU_CONTRACT_ACT_LIST_H

/* Fewer than any core PMU has counters: nothing ever waits for its turn. */
#define ACT_EVENTS 4
#define ACT_GUESTS 2
#define NO_LEADER (-1)

/* Instructions of one piece of work, in user space or in a guest, at least. */
#define ACT_WORK 400000
/* What a process runs in user space beside that between two looks, at most. */
#define ACT_SLACK 100000
/* Of an event that samples: a piece of work has several overflows. */
#define ACT_PERIOD (ACT_WORK / 4)
/* Of one that may be throttled: it has more than a tick allows. */
#define ACT_SHORT_PERIOD (ACT_WORK / 800)

/* Guests run on CPU 1. VCPU is the thread that runs guest 0. */
enum act_target {
	ON_SELF,
	ON_VCPU,
	ON_CPU0,
	ON_CPU1,
	ON_CGROUP0,
	ON_CGROUP1,
	ACT_TARGETS,
};

enum act_flag {
	ACT_EXCLUDE_GUEST = 1,
	ACT_DISABLED = 2,
	ACT_PINNED = 4,
	ACT_INHERIT = 8,
	ACT_SOFTWARE = 16,
	ACT_SAMPLES = 32,
	ACT_THROTTLED = 64,
	ACT_REMOVE_ON_EXEC = 128,
};

#define ACT_FLAGS 8

/* X(name, words) */
#define ACT_KINDS(X)                                         \
	X(open, "perf_event_open()")                         \
	X(close, "close the event")                          \
	X(enable, "PERF_EVENT_IOC_ENABLE")                   \
	X(disable, "PERF_EVENT_IOC_DISABLE")                 \
	X(reset, "PERF_EVENT_IOC_RESET")                     \
	X(enable_group, "ENABLE with FLAG_GROUP")            \
	X(disable_group, "DISABLE with FLAG_GROUP")          \
	X(reset_group, "RESET with FLAG_GROUP")              \
	X(refresh, "PERF_EVENT_IOC_REFRESH, by one")         \
	X(work, "work in user space")                        \
	X(fork, "a child works and ends")                    \
	X(exec, "a child calls exec()")                      \
	X(move, "go to a CPU")                               \
	X(cgroup, "into the cgroup or out of it")            \
	X(remake, "the cgroup is removed, and another made") \
	X(hotplug, "CPU 1 goes offline and comes back")      \
	X(create, "a VM and its first vCPU")                 \
	X(enter, "run the guest once: it counts")            \
	X(stay, "let the guest run on")                      \
	X(leave, "bring it back")                            \
	X(kill, "end the VM")                                \
	X(look, "read() all events")

enum act_kind {
#define ACT_NUMBER(name, ...) ACT_##name,
	ACT_KINDS(ACT_NUMBER)
#undef ACT_NUMBER
		ACT_KINDS_MAX,
};

/*
 * @slot:   of the event or guest, or the value
 * @leader: slot of the group's leader, or NO_LEADER
 * @flags:  of enum act_flag
 */
struct act {
	enum act_kind kind;
	int slot;
	enum act_target target;
	int leader;
	unsigned int flags;
};

#endif
