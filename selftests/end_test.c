// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of an event when its task ends, is killed, or becomes another
 * program: all that was counted belongs to the parent, and what the parent
 * counted stays its own (docs/contract/defects.md, D42).
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "beside_guest.h"
#include "base/clock.h"
#include "base/program.h"
#include "base/work.h"
#include "perf/group.h"

/* Of work(), without a look at the time. */
#define SLICE_TURNS 20000
/* The child's first share of time, and the largest. */
#define CHILD_NS 5000000ull
#define CHILD_MOST_NS 2560000000ull

/* Where the parent's event stands in its child. */
enum standing {
	COUNTING,
	/* Bound to a CPU that the child never comes to. */
	ELSEWHERE,
	/* Pinned events have all counters of the child's CPU. */
	STARVED,
};

/*
 * The times of a starved event are brought up to date whenever it is tried, and
 * where one was tried in vain those behind it are not (merge_sched_in()). One
 * comes to the front each perf_event_mux_interval_ms, by default four: with so
 * many in front of it, it is not tried for a quarter of a second.
 */
#define IN_FRONT 64

FIXTURE(end)
{
	BESIDE_GUEST;
	int uninherited;
	struct competitors competitors;
	int in_front[IN_FRONT];
	struct child *child;
	int program;
};

/* EXECS: it executes another program, and the event goes then. */
enum ending { EXITS, EXECS, IS_KILLED };

FIXTURE_VARIANT(end)
{
	enum standing standing;
	enum ending ending;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(end, exit_of_one_that_counts) { .standing = COUNTING };
FIXTURE_VARIANT_ADD(end, exit_of_one_elsewhere) { .standing = ELSEWHERE };
FIXTURE_VARIANT_ADD(end, exit_of_one_starved) { .standing = STARVED };
FIXTURE_VARIANT_ADD(end, exec_of_one_that_counts) { .standing = COUNTING, .ending = EXECS };
FIXTURE_VARIANT_ADD(end, exec_of_one_elsewhere) { .standing = ELSEWHERE, .ending = EXECS };
FIXTURE_VARIANT_ADD(end, exec_of_one_starved) { .standing = STARVED, .ending = EXECS };
FIXTURE_VARIANT_ADD(end, kill_of_one_that_counts) { .standing = COUNTING, .ending = IS_KILLED };
FIXTURE_VARIANT_ADD(end, kill_of_one_elsewhere) { .standing = ELSEWHERE, .ending = IS_KILLED };
FIXTURE_VARIANT_ADD(end, kill_of_one_starved) { .standing = STARVED, .ending = IS_KILLED };
/* clang-format on */

/*
 * Shared with the child. @there_ns: when it had come to its CPU; @on_cpu_ns:
 * certainly on it for so long; @count: of its own event, or 0 if it was not to
 * have one; @switches: how often it was switched out until its last slice
 */
struct child {
	volatile uint64_t asked_ns, there_ns, on_cpu_ns, count;
	volatile long switches;
};

/* Of the event, between two of the one that no child has. */
struct reading {
	struct event_value parent, both, parent_again;
};

FIXTURE_SETUP(end)
{
	BESIDE_GUEST_BEGINS();
	self->uninherited = -1;
	self->program = -1;
	for (int i = 0; i < IN_FRONT; i++)
		self->in_front[i] = -1;
	self->child = mmap(NULL, sizeof(*self->child), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST_BE(self->child != MAP_FAILED);
}

FIXTURE_TEARDOWN(end)
{
	competitors_close(&self->competitors);
	for (int i = 0; i < IN_FRONT; i++) {
		if (self->in_front[i] >= 0)
			close(self->in_front[i]);
	}
	if (self->uninherited >= 0)
		close(self->uninherited);
	if (self->program >= 0)
		close(self->program);
	munmap(self->child, sizeof(*self->child));
	BESIDE_GUEST_ENDS();
}

/* It is not inherited; a task that has one swaps its context with no child's.
 */
static int open_one_that_stays(void)
{
	return event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_USER_ONLY, SELF,
				   ANY_CPU, NO_GROUP);
}

static long switches_of_self(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* A slice of time without a switch is one on the CPU, all of it. */
static uint64_t work_a_slice(struct child *child)
{
	uint64_t from_ns, to_ns;

	child->switches = switches_of_self();
	from_ns = now_ns();
	work(SLICE_TURNS);
	to_ns = now_ns();
	return switches_of_self() == child->switches ? to_ns - from_ns : 0;
}

/*
 * exec() is long on a slow machine, and no task that shares the CPU by turns
 * shall come between. Only for the end: a CPU is not kept from such tasks for
 * more than its fair server allows (dl_server). Where it is refused, a round
 * with a switch is taken again.
 */
static void run_before_others(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &first);
}

/*
 * Its last slice of work is one without a switch: what was counted in that one,
 * no switch has brought up to date.
 */
static int work_as_asked(struct child *child, const struct deadline *deadline,
			 enum ending ending)
{
	uint64_t slice_ns;

	do
		child->on_cpu_ns += work_a_slice(child);
	while (child->on_cpu_ns < child->asked_ns &&
	       !deadline_passed(deadline));
	if (ending == EXECS)
		run_before_others();
	do {
		slice_ns = work_a_slice(child);
		child->on_cpu_ns += slice_ns;
	} while (!slice_ns && !deadline_passed(deadline));
	return slice_ns ? 0 : -1;
}

static int live(struct child *child, const struct deadline *deadline,
		enum standing standing, enum ending ending)
{
	struct event_value own;
	int fd;

	if (cpu_pin_self(GUEST_CPU))
		return -1;
	child->there_ns = now_ns();
	if (standing != COUNTING)
		return work_as_asked(child, deadline, ending);
	fd = open_one_that_stays();
	if (fd < 0 || work_as_asked(child, deadline, ending) ||
	    event_read(fd, &own))
		return -1;
	child->count = own.count;
	return 0;
}

static void end_as(enum ending ending, int program)
{
	if (ending == EXECS)
		program_execute(program);
	else if (ending == IS_KILLED)
		kill(getpid(), SIGKILL);
	else
		_exit(0);
}

static bool ended_as(enum ending ending, int status)
{
	if (ending == IS_KILLED)
		return status == SIGKILL;
	return ending == EXECS ? WIFEXITED(status) : !status;
}

/*
 * Returns 0 if it did so. @certain: it was not switched out since its last
 * slice, where that would make a difference.
 */
static int child_lives_and_ends(FIXTURE_DATA(end) * self,
				const FIXTURE_VARIANT(end) * variant,
				const struct deadline *deadline, bool *certain)
{
	struct child *child = self->child;
	int status = 0;
	pid_t pid;

	child->on_cpu_ns = 0;
	child->count = 0;
	pid = fork();
	if (!pid) {
		if (!live(child, deadline, variant->standing, variant->ending))
			end_as(variant->ending, self->program);
		kill(getpid(), SIGABRT);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    !ended_as(variant->ending, status))
		return -1;
	*certain = variant->ending != EXECS ||
		   WEXITSTATUS(status) == (child->switches & PROGRAM_SWITCHES);
	return 0;
}

static int read_events(FIXTURE_DATA(end) * self, struct reading *reading)
{
	return event_read(self->uninherited, &reading->parent)	 ?:
	       event_read(self->fd, &reading->both)		 ?:
	       event_read(self->uninherited, &reading->parent_again);
}

/*
 * Until the child's time is certainly twice its parent's, with what it took to
 * come to its CPU. Of what the event gained at least @parent_again to @parent
 * is the parent's, if it counts there, and at most @parent to @parent_again.
 * Returns false if an event cannot be read or the child failed.
 */
static bool read_around_child(FIXTURE_DATA(end) * self,
			      const FIXTURE_VARIANT(end) * variant)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct reading from, to;
	bool certain = false;

	self->child->asked_ns = CHILD_NS;
	do {
		uint64_t wall_ns = now_ns();

		if (read_events(self, &from) ||
		    child_lives_and_ends(self, variant, &deadline, &certain) ||
		    read_events(self, &to))
			return false;
		self->s.wall_max_ns = (int64_t)(now_ns() - wall_ns);
		/* On its way to its CPU the child is where its event counts. */
		self->s.parent_max_ns =
			(int64_t)(to.parent_again.enabled_ns -
				  from.parent.enabled_ns) +
			(int64_t)(self->child->there_ns - wall_ns);
		self->s.child_min_ns = (int64_t)self->child->on_cpu_ns;
		if (certain)
			self->child->asked_ns *= 2;
	} while ((!certain ||
		  self->s.child_min_ns < 2 * self->s.parent_max_ns) &&
		 self->child->asked_ns <= CHILD_MOST_NS &&
		 !deadline_passed(&deadline));
	if (!certain)
		self->s.child_min_ns = NOT_KNOWN;
	self->o.enabled_ns =
		(int64_t)(to.both.enabled_ns - from.both.enabled_ns);
	/*
	 * Of the child: all but what is certainly the parent's, which is not
	 * where a starved event is bound to.
	 */
	self->o.counted_after = (int64_t)(to.both.count - from.both.count);
	if (variant->standing != STARVED)
		self->o.counted_after -=
			(int64_t)(to.parent.count - from.parent_again.count);
	return true;
}

static const int bound_to[] = {
	[COUNTING] = ANY_CPU,
	[ELSEWHERE] = HOST_CPU,
	[STARVED] = GUEST_CPU,
};

static int open_inherited(FIXTURE_DATA(end) * self,
			  const FIXTURE_VARIANT(end) * variant)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	/* Not what the kernel does before and after the child's own reading. */
	attr.exclude_kernel = 1;
	attr.inherit = 1;
	attr.remove_on_exec = variant->ending == EXECS;
	for (int i = 0; variant->standing == STARVED && i < IN_FRONT; i++) {
		self->in_front[i] =
			event_try_open(&attr, SELF, GUEST_CPU, NO_GROUP);
		if (self->in_front[i] < 0)
			return -self->in_front[i];
	}
	self->fd = event_try_open(&attr, SELF, bound_to[variant->standing],
				  NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

TEST_F(end, D42_the_parent_has_all_of_it)
{
	self->uninherited = open_one_that_stays();
	MUST_BE(self->uninherited >= 0);
	MUST(open_inherited(self, variant));
	if (variant->ending == EXECS) {
		self->program = program_open();
		MUST_BE(self->program >= 0);
	}
	if (variant->standing == STARVED)
		MUST(competitors_take_counters(&self->competitors, GUEST_CPU));
	MUST_BE(read_around_child(self, variant));
	self->s.host_work = (int64_t)self->child->count;
	JUDGE("D42", &self->s, &self->o);
}

/*
 * The context of the parent goes to a child that is its clone, with a counter
 * that is not read then, and the child's to the parent
 * (perf_event_context_sched_out()): what goes with the child may be the
 * parent's. Whether they are swapped is the scheduler's choice: many children.
 */
#define CHILDREN 20

FIXTURE(end_of_many)
{
	BESIDE_GUEST;
	int program;
};

FIXTURE_SETUP(end_of_many)
{
	BESIDE_GUEST_BEGINS();
	self->program = program_open();
	MUST_BE(self->program >= 0);
}

FIXTURE_TEARDOWN(end_of_many)
{
	if (self->program >= 0)
		close(self->program);
	BESIDE_GUEST_ENDS();
}

static bool child_executes(int program)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		end_as(EXECS, program);
		kill(getpid(), SIGABRT);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       ended_as(EXECS, status);
}

/* What the event gains by some work, and a child after it; or NOT_KNOWN. */
static int64_t gain_of_work(int fd, int program)
{
	struct event_value from, to;

	if (event_read(fd, &from))
		return NOT_KNOWN;
	work(SLICE_TURNS);
	if ((program >= 0 && !child_executes(program)) || event_read(fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

TEST_F(end_of_many, D42_the_parent_keeps_its_own)
{
	struct perf_event_attr attr;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.exclude_kernel = 1;
	attr.inherit = 1;
	attr.remove_on_exec = 1;
	self->fd = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->s.host_work = WORK_INSTRUCTIONS * SLICE_TURNS;
	self->o.counted_before = gain_of_work(self->fd, -1);
	for (int i = 0; i < CHILDREN; i++) {
		int64_t gained = gain_of_work(self->fd, self->program);

		MUST_BE(gained != NOT_KNOWN);
		if (!i || gained < self->o.counted_after)
			self->o.counted_after = gained;
	}
	JUDGE("D42.own", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_STEADY_CLOCK);
}
