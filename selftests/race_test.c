// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races, on purpose (docs/contract/mediated.md, M14; docs/contract/guest.md,
 * M50). A race goes on until enough rounds met: the two sides were certainly at
 * work at the same time; PMU_RACE_MS makes it go on for at least so long.
 * Rounds are drawn from a seed that is printed and can be given (PMU_SEED), and
 * spread: each side waits for a random number of turns before it acts. What a
 * single round did is the scheduler's; what must hold is asked of every round,
 * and at the end.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "guest_case.h"
#include "base/child.h"
#include "base/random.h"
#include "base/work.h"
#include "host/hotplug.h"
#include "vm/pattern.h"
#include "vm/vm.h"

#define HOST_CPU 0
#define DELAY_TURNS 400
#define LEAST_STEP 256
#define MOST_STEP (1 << 16)
#define MOST_LEAD (1 << 20)
#define WORK_TURNS 20000
/* Rounds that met; of an act that takes long fewer. */
#define DUELS 8
#define LEAST_WINS 8
#define ROUNDS 200
#define FORK_ROUNDS 24
#define HOTPLUG_ROUNDS 6
/* The witnesses decide, and PMU_RACE_MS; this is for one that hangs. */
#define MOST_SECONDS 600

static unsigned int race_ms(void)
{
	const char *given = getenv("PMU_RACE_MS");

	return given ? (unsigned int)strtoul(given, NULL, 0) : 0;
}

/* When something was done, by now_ns(). */
struct span {
	uint64_t from, to;
};

/* The two sides of M14, released together. */
struct duel {
	struct vm vm;
	atomic_int go;
	uint32_t delay;
	int vcpu_err;
	struct span span;
};

static bool met(const struct span *a, const struct span *b)
{
	return a->from < b->to && b->from < a->to;
}

/*
 * How long the vCPU waits for the event, or, below zero, the event for it:
 * further while the same side wins, back when the other does. So both come at
 * the same time, however long their ways are.
 */
struct lead {
	int64_t turns, step;
	bool event_won;
	int64_t events, vcpus;
};

static int64_t within(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static void lead_learns(struct lead *lead, bool event_won)
{
	lead->step = event_won == lead->event_won ? lead->step * 2
						  : lead->step / 4;
	lead->step = within(lead->step, LEAST_STEP, MOST_STEP);
	lead->turns += event_won ? -lead->step : lead->step;
	lead->turns = within(lead->turns, -MOST_LEAD, MOST_LEAD);
	lead->event_won = event_won;
	lead->events += event_won;
	lead->vcpus += !event_won;
}

static void *create_vcpu(void *arg)
{
	struct duel *duel = arg;

	cpu_pin_self(GUEST_CPU);
	atomic_fetch_add(&duel->go, 1);
	while (atomic_load(&duel->go) < 2)
		;
	work(duel->delay);
	duel->span.from = now_ns();
	duel->vcpu_err = vm_try_vcpu(&duel->vm);
	duel->span.to = now_ns();
	return NULL;
}

static int open_including(void)
{
	return event_try_open_core(EVENT_DISABLED, SELF, ANY_CPU, NO_GROUP);
}

FIXTURE(race)
{
	struct scenario s;
	struct observation o;
};

FIXTURE_SETUP(race)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(race)
{
	case_end(_metadata);
}

/* Keep the errno of the first refusal, and count those that differ from it. */
static void note_refusal(int64_t *first, int err, int64_t *strange)
{
	if (!err)
		return;
	if (!known(*first))
		*first = err;
	*strange += err != *first;
}

static int one_duel(struct observation *o, uint64_t *random, struct lead *lead)
{
	struct duel duel = { .delay = random_below(random, DELAY_TURNS) };
	uint32_t delay = random_below(random, DELAY_TURNS);
	struct span span;
	pthread_t thread;
	int fd, err = vm_try_with_irqchip(&duel.vm);

	if (err)
		return err;
	if (lead->turns > 0)
		duel.delay += lead->turns;
	else
		delay -= lead->turns;
	err = pthread_create(&thread, NULL, create_vcpu, &duel);
	if (err)
		return err;
	atomic_fetch_add(&duel.go, 1);
	while (atomic_load(&duel.go) < 2)
		;
	work(delay);
	span.from = now_ns();
	fd = open_including();
	span.to = now_ns();
	pthread_join(thread, NULL);
	o->attempts += met(&span, &duel.span);
	o->both += fd >= 0 && !duel.vcpu_err;
	o->neither += fd < 0 && duel.vcpu_err;
	note_refusal(&o->err, fd < 0 ? -fd : 0, &o->strange);
	note_refusal(&o->vcpu_err, duel.vcpu_err, &o->strange);
	lead_learns(lead, fd >= 0);
	if (fd >= 0)
		close(fd);
	vm_close(&duel.vm);
	o->left_over += pmu_is_claimed() != 0;
	return 0;
}

TEST_F_TIMEOUT(race, M14_open_against_the_first_vcpu, MOST_SECONDS)
{
	struct deadline patience = deadline_after_ms(patience_ms());
	struct deadline deadline = deadline_after_ms(race_ms());
	uint64_t seed = random_seed(), random = seed;
	struct observation *o = &self->o;
	struct lead lead = { .step = LEAST_STEP };
	unsigned int rounds = 0;

	o->attempts = o->both = o->neither = o->strange = o->left_over = 0;
	/* Where each side wins now and then, they come close. */
	while (!deadline_passed(&deadline) ||
	       ((o->attempts < DUELS || lead.events < LEAST_WINS ||
		 lead.vcpus < LEAST_WINS) &&
		!deadline_passed(&patience))) {
		MUST(one_duel(o, &random, &lead));
		rounds++;
	}
	self->s.attempts_asked = DUELS;
	report_note(
		"seed %llu, %u rounds, %lld met: %lld won by the event, %lld by the vCPU",
		(unsigned long long)seed, rounds, (long long)o->attempts,
		(long long)lead.events, (long long)lead.vcpus);
	JUDGE("M14", &self->s, o);
}

FIXTURE(entry)
{
	struct guest_case c;
};

/*
 * What the host does while the guest goes in and out.
 * @hotplug: the guest's CPU goes and comes back
 */
enum act { ACT_OPEN_CLOSE, ACT_ENABLE, ACT_FORK, ACT_HOTPLUG };

FIXTURE_VARIANT(entry)
{
	enum act act;
	bool of_task;
};

#define RACE(name, what, whose)                      \
	FIXTURE_VARIANT_ADD(entry, name)             \
	{                                            \
		.act = ACT_##what, .of_task = whose, \
	}

RACE(open_and_close_of_a_cpu, OPEN_CLOSE, false);
RACE(open_and_close_of_the_vcpu, OPEN_CLOSE, true);
RACE(enable_of_a_cpu, ENABLE, false);
RACE(enable_of_the_vcpu, ENABLE, true);
RACE(fork, FORK, false);
RACE(hotplug, HOTPLUG, false);

FIXTURE_SETUP(entry)
{
	cpus_bring_back();
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(entry)
{
	cpus_bring_back();
	guest_case_end(&self->c, _metadata);
}

static int open_excluding(const struct guest_case *c, bool of_task)
{
	return event_try_open_core(EVENT_EXCLUDES_GUEST,
				   of_task ? c->guest.tid : ANY_TASK,
				   of_task ? ANY_CPU : GUEST_CPU, NO_GROUP);
}

/* An event that is in ERROR although it excludes the guest has failed. */
static bool dead(int fd)
{
	struct event_value value;

	return fd < 0 || event_read(fd, &value) || value.eof;
}

static int64_t act_on_event(enum act act, int fd, uint32_t delay)
{
	int64_t failed = 0;

	if (act == ACT_ENABLE) {
		failed += ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) != 0;
		work(delay);
		failed += ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0;
	}
	work(delay);
	return failed + dead(fd);
}

/*
 * The CPU goes with the guest on it, and comes back; then the thread is bound
 * to it again, which its CPU's going has undone.
 */
static int64_t take_cpu_away(struct guest_case *c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(GUEST_CPU, &set);
	return !!cpu_set_online(GUEST_CPU, false) +
	       !!cpu_set_online(GUEST_CPU, true) +
	       !!sched_setaffinity(c->guest.tid, sizeof(set), &set);
}

/*
 * An inherited event of this task, which forks on the guest's CPU, in turn with
 * the guest. What the child worked must be in the sum.
 */
static int64_t fork_inherited(void)
{
	struct event_value from, to;
	int64_t failed = 0;
	int fd;

	fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_INHERITED |
					 EVENT_USER_ONLY,
				 SELF, ANY_CPU, NO_GROUP);
	failed += fd < 0 || event_read(fd, &from);
	failed += child_try_work(WORK_TURNS) != 0;
	failed += fd < 0 || event_read(fd, &to) || to.eof;
	if (!failed)
		failed += to.count - from.count < WORK_TURNS;
	close(fd);
	return failed;
}

static int64_t act_once(struct guest_case *c,
			const FIXTURE_VARIANT(entry) * variant,
			uint64_t *random)
{
	uint32_t delay = random_below(random, DELAY_TURNS);
	int64_t failed = 0;
	int fd;

	if (variant->act == ACT_HOTPLUG)
		return take_cpu_away(c);
	if (variant->act == ACT_FORK)
		return fork_inherited();
	fd = open_excluding(c, variant->of_task);
	failed += act_on_event(variant->act, fd, delay);
	close(fd);
	return failed;
}

/* It met the guest if that came out meanwhile, and so went in again. */
static void one_round(struct guest_case *c,
		      const FIXTURE_VARIANT(entry) * variant, uint64_t *random)
{
	uint64_t exits = guest_exits_count(&c->guest);

	c->o.failed += act_once(c, variant, random);
	c->o.attempts += guest_exits_count(&c->guest) != exits;
}

static int rounds_of(enum act act)
{
	switch (act) {
	case ACT_FORK:
		return FORK_ROUNDS;
	case ACT_HOTPLUG:
		return HOTPLUG_ROUNDS;
	default:
		return ROUNDS;
	}
}

/* In and out until told to stop, with counters of its own. */
static void keep_entering(struct guest_case *c)
{
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_OUT, 1);
	guest_go(&c->guest);
}

TEST_F_TIMEOUT(entry, M50_races_leave_nothing_behind, MOST_SECONDS)
{
	struct guest_case *c = &self->c;
	struct deadline deadline, patience;
	uint64_t seed = random_seed(), random = seed;
	const int enough = rounds_of(variant->act);
	unsigned int rounds = 0;
	uint64_t exits;
	int fd;

	NEEDS(variant->act != ACT_HOTPLUG || cpu_can_go(GUEST_CPU),
	      "CPU hotplug");
	pattern_write(&c->guest, &c->pmu);
	keep_entering(c);
	/* A parent's child begins where its parent is. */
	MUST(cpu_pin_self(variant->act == ACT_FORK ? GUEST_CPU : HOST_CPU));
	exits = guest_exits_count(&c->guest);
	deadline = deadline_after_ms(race_ms());
	patience = deadline_after_ms(patience_ms());
	c->o.attempts = c->o.failed = 0;
	while (!deadline_passed(&deadline) ||
	       (c->o.attempts < enough && !deadline_passed(&patience))) {
		one_round(c, variant, &random);
		rounds++;
	}
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	MUST(cpu_pin_self(HOST_CPU));
	MUST_BE(guest_stop(&c->guest, patience_ms()));
	report_note("seed %llu, %u rounds, %lld met", (unsigned long long)seed,
		    rounds, (long long)c->o.attempts);
	c->s.attempts_asked = enough;
	c->o.mismatches = pattern_kvm_mismatches(&c->guest, &c->pmu);
	fd = open_excluding(c, false);
	c->o.counted_after =
		fd < 0 ? NOT_KNOWN
		       : event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	close(fd);
	guest_free_vm(&c->guest);
	fd = open_including();
	c->o.left_over = fd < 0;
	close(fd);
	JUDGE("M50", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv, HOST_NEEDS_GUEST_PMU,
				 cpus_back_at_exit);
}
