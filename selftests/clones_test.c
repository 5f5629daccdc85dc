// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two clones of one task, one of which runs a guest (docs/contract/rfc.md,
 * R29; docs/contract/defects.md, D4). Where the mediated contract refuses the
 * VM beside an include-guest event, the event excludes the guest.
 */
#include <pthread.h>
#include <semaphore.h>

#include "beside_guest.h"
#include "vm/vm.h"

#define WORK_TURNS 20000
#define ROUNDS 30

FIXTURE(clones)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(clones)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
}

FIXTURE_TEARDOWN(clones)
{
	BESIDE_GUEST_ENDS();
}

/*
 * Two clones of one task on one CPU: a vCPU thread, and one that has nothing to
 * do with guests and never waits. Whenever the first one waits, the second goes
 * on with the context that was on the CPU.
 * @parent: the task both inherit the event from; it only waits
 */
struct clones {
	struct guest *guest;
	struct perf_event_attr attr;
	int fd;
	volatile uint64_t turns;
	volatile bool stop;
	pthread_t parent, unrelated;
	sem_t ready, end;
};

static void *unrelated_thread(void *arg)
{
	struct clones *clones = arg;

	cpu_pin_self(GUEST_CPU);
	while (!clones->stop)
		clones->turns++;
	return NULL;
}

static void *parent_thread(void *arg)
{
	struct clones *clones = arg;

	clones->fd = event_try_open(&clones->attr, SELF, ANY_CPU, NO_GROUP);
	if (!clones->attr.exclude_guest && vm_is_refused()) {
		close(clones->fd);
		clones->attr.exclude_guest = 1;
		clones->fd =
			event_try_open(&clones->attr, SELF, ANY_CPU, NO_GROUP);
	}
	guest_create(clones->guest, guest_code_exits, GUEST_CPU);
	pthread_create(&clones->unrelated, NULL, unrelated_thread, clones);
	sem_post(&clones->ready);
	sem_wait(&clones->end);
	clones->stop = true;
	pthread_join(clones->unrelated, NULL);
	return NULL;
}

/* What the sum gains while the unrelated thread certainly works. */
static int64_t unrelated_gain(struct clones *clones,
			      const struct deadline *deadline)
{
	struct event_value from, to;

	if (event_read(clones->fd, &from) ||
	    !wait_at_least(&clones->turns, clones->turns + WORK_TURNS,
			   deadline) ||
	    event_read(clones->fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

/* The least it gains in some rounds, after each visit to the guest. */
static void observe_clones(FIXTURE_DATA(clones) * self, struct clones *clones)
{
	struct deadline deadline = deadline_after_ms(patience_ms());

	sem_init(&clones->ready, 0, 0);
	sem_init(&clones->end, 0, 0);
	clones->guest = &self->guest;
	pthread_create(&clones->parent, NULL, parent_thread, clones);
	sem_wait(&clones->ready);
	self->o.counted_before = unrelated_gain(clones, &deadline);
	self->o.counted_after = VALUE_MAX;
	for (int i = 0; i < ROUNDS && self->o.counted_after > 0; i++) {
		int64_t gain;

		guest_step(&self->guest);
		gain = unrelated_gain(clones, &deadline);
		if (gain < self->o.counted_after)
			self->o.counted_after = gain;
	}
	sem_post(&clones->end);
	pthread_join(clones->parent, NULL);
	close(clones->fd);
	self->s.swapped = 1;
	self->s.group_includes = !clones->attr.exclude_guest;
	self->s.state_at_entry = STATE_ACTIVE;
	self->s.entries = ROUNDS;
	guest_destroy(&self->guest);
}

TEST_F(clones, R29_D4_an_unrelated_clone_goes_on_being_counted)
{
	struct clones clones = { .fd = -1 };

	MUST(event_describe(&clones.attr, PMU_CORE));
	clones.attr.inherit = 1;
	observe_clones(self, &clones);
	JUDGE("D4", &self->s, &self->o);
	if (contract_has(host_contract(), contract_rule("R29")))
		JUDGE("R29", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_A_VM | HOST_NEEDS_VPMU |
				 HOST_NEEDS_TWO_CPUS | HOST_NEEDS_STEADY_CLOCK);
}
