/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kinds of event that people open, as data. All of them are retired
 * instructions in user space that exclude the guest; they differ in what they
 * are bound to, in how they are scheduled, in who does the work they count, and
 * in how they are read.
 */
#ifndef PMU_PERF_KINDS_H
#define PMU_PERF_KINDS_H

#include "cgroup.h"
#include "group.h"

enum kind_bound {
	BOUND_TASK,
	BOUND_CPU,
	BOUND_BOTH,
	BOUND_CGROUP,
};

enum kind_work {
	WORK_SELF,
	WORK_FORKED,
	WORK_THREAD,
	WORK_EXEC,
};

enum kind_read {
	READ_FD,
	READ_GROUP,
	READ_PAGE,
	READ_RING,
	READ_CHILD,
};

/* X(name, words, the fields that are not zero) */
#define HOST_KINDS(X)                                                         \
	X(cpu, "of a CPU", .bound = BOUND_CPU)                                \
	X(task, "of a task", .bound = BOUND_TASK)                             \
	X(task_on_cpu, "of a task on one CPU", .bound = BOUND_BOTH)           \
	X(cgroup, "of a cgroup", .bound = BOUND_CGROUP)                       \
	X(inherited_by_fork, "inherited by a forked child", .inherit = true,  \
	  .work = WORK_FORKED)                                                \
	X(inherited_by_thread, "inherited by a thread", .inherit = true,      \
	  .work = WORK_THREAD)                                                \
	X(enabled_on_exec, "enabled when a child calls exec()",               \
	  .inherit = true, .on_exec = true, .work = WORK_EXEC)                \
	X(group, "a group of three, read at once", .siblings = 2,             \
	  .read = READ_GROUP)                                                 \
	X(software_led, "beside a software leader", .software = true,         \
	  .read = READ_GROUP)                                                 \
	X(several_pmus, "in a context with events of three other PMUs",       \
	  .other_pmus = true)                                                 \
	X(pinned, "pinned", .bound = BOUND_CPU, .pinned = true)               \
	X(pinned_to_task, "pinned, of a task", .pinned = true)                \
	X(exclusive, "exclusive", .exclusive = true)                          \
	X(by_period, "sampling by period", .period = 1000, .read = READ_RING) \
	X(by_frequency, "sampling by frequency", .period = 500,               \
	  .frequency = true, .read = READ_RING)                               \
	X(multiplexed, "one of more than there are counters",                 \
	  .competitors = 10)                                                  \
	X(passed_on, "its descriptor used by another process",                \
	  .read = READ_CHILD)                                                 \
	X(by_page, "read through its page, without a system call",            \
	  .read = READ_PAGE)

/*
 * @words:      for people
 * @period:     sampling period or frequency
 * @siblings:   core events in its group besides it
 * @software:   its leader is a software event
 * @other_pmus: software, msr and tracepoint events of the same task beside it
 * @competitors:      flexible events beside it
 */
struct host_kind {
	const char *name, *words;
	enum kind_bound bound;
	enum kind_work work;
	enum kind_read read;
	bool inherit, on_exec, pinned, exclusive, frequency, software;
	bool other_pmus;
	uint64_t period;
	int siblings, competitors;
};

extern const struct host_kind host_kinds[];

enum {
#define KIND_NUMBER(name, ...) KIND_##name,
	HOST_KINDS(KIND_NUMBER)
#undef KIND_NUMBER
		KINDS,
};

/*
 * One that is open.
 * @fd: of the event itself
 */
struct host_event {
	const struct host_kind *kind;
	int fd, leader;
	int beside[4];
	int besides;
	struct competitors competitors;
	struct cgroup cgroup;
	struct perf_event_mmap_page *page;
};

/*
 * Open one for task @task and CPU @cpu, whichever it is bound to. A cgroup is
 * made for it, and this process moved there.
 * Returns 0 or an errno: ENOENT if the machine has no such PMU or no cgroup2.
 */
int host_event_try_open(struct host_event *event, const struct host_kind *kind,
			pid_t task, int cpu);
void host_event_close(struct host_event *event);

/*
 * Let it count some work, always the same, and return what it gained: with
 * READ_RING the samples, else the count. To be called by the task it follows,
 * on its CPU. One that shares its counter is given more work until its turn has
 * come, for at most @ms milliseconds.
 * Returns NOT_KNOWN if the work could not be done or the event not be read.
 */
int64_t host_event_gain(struct host_event *event, unsigned int ms);

/* Its count so far, by read(); any task may ask. NOT_KNOWN if it is in ERROR.
 */
int64_t host_event_count(const struct host_event *event);

/* Members of its group, and what stands beside it, in ERROR. */
int64_t host_event_errors(const struct host_event *event);

#endif
