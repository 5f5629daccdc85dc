// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's counters do where they are events of the host and find no
 * counter, and how the host's PMU is left (docs/contract/emulated.md, E8, E9,
 * E11, E13).
 */
#include "guest_case.h"
#include "host_sampling.h"
#include "perf/group.h"

#define EXITS 50

FIXTURE(starved)
{
	struct guest_case c;
	struct competitors pinned;
	struct host_set_up host;
};

FIXTURE_SETUP(starved)
{
	self->host = HOST_SET_UP_NONE;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(starved)
{
	competitors_close(&self->pinned);
	host_set_up_close(&self->host);
	guest_case_end(&self->c, _metadata);
}

/*
 * Count the guest's work with its first counter, which must read back as it was
 * written before that.
 */
static int count_work(struct guest_case *c, struct counting *counting,
		      int64_t *gained)
{
	struct counted counted;
	int read, err;

	*counting = (struct counting){ .pmu = c->pmu,
				       .op = GUEST_WORK,
				       .times = TURNS };
	counting->eventsel[0] =
		pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);
	err = counting_run(&c->guest, counting, &counted);
	if (err && err != EIO)
		return err;
	/* EIO: one of the guest's accesses faulted. */
	c->o.vector = script_any_vector(&c->guest);
	script_clear(&c->guest);
	script_write(&c->guest, pmu_eventsel_msr(&c->pmu, 0),
		     counting->eventsel[0]);
	read = script_read(&c->guest, pmu_eventsel_msr(&c->pmu, 0));
	script_run(&c->guest);
	c->o.mismatches = script_seen(&c->guest, read) != counting->eventsel[0];
	if (!c->o.vector)
		c->o.vector = script_vector(&c->guest, read);
	describe_count(&c->s, counting, &counted, PMU_INSTRUCTIONS);
	*gained = counted.gained[0];
	return 0;
}

/* All counters of the guest's CPU are the host's. */
static int take_all(FIXTURE_DATA(starved) * self)
{
	int err = competitors_take_counters(&self->pinned, GUEST_CPU);

	self->c.s.pinned = self->pinned.size;
	self->c.s.counters = self->pinned.size;
	return err;
}

TEST_F(starved, E8_no_counter_is_left)
{
	struct guest_case *c = &self->c;
	struct counting counting;

	MUST(count_work(c, &counting, &c->o.guest_control));
	MUST(take_all(self));
	MUST(count_work(c, &counting, &c->o.guest_counted));
	JUDGE("E8", &c->s, &c->o);
}

TEST_F(starved, E9_all_counters_are_free_again)
{
	struct guest_case *c = &self->c;
	struct counting counting;

	MUST(take_all(self));
	MUST(count_work(c, &counting, &c->s.starved_gain));
	competitors_leave(&self->pinned, 0);
	c->s.pinned = 0;
	MUST(count_work(c, &counting, &c->o.guest_counted));
	JUDGE("E9", &c->s, &c->o);
}

TEST_F(starved, E9_one_counter_is_free_again)
{
	struct guest_case *c = &self->c;
	struct counting counting;

	MUST(take_all(self));
	MUST(count_work(c, &counting, &c->s.starved_gain));
	competitors_leave(&self->pinned, self->pinned.size - 1);
	c->s.pinned = self->pinned.size;
	MUST(count_work(c, &counting, &c->o.guest_counted));
	JUDGE("E9", &c->s, &c->o);
}

/* The guest starts all of its counters; the host has left it two. */
TEST_F(starved, E13_some_count_and_some_do_not)
{
	struct guest_case *c = &self->c;
	struct counting counting = { .pmu = c->pmu,
				     .op = GUEST_WORK,
				     .times = TURNS };
	struct counted counted;

	MUST(take_all(self));
	competitors_leave(&self->pinned, self->pinned.size - 2);
	c->s.pinned = self->pinned.size;
	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	MUST(counting_run(&c->guest, &counting, &counted));
	c->o.counters_still = 0;
	c->o.moved_least = VALUE_MAX;
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		int64_t gained = counted.gained[i];

		c->o.counters_still += !gained;
		if (!gained)
			continue;
		if (gained < c->o.moved_least)
			c->o.moved_least = gained;
		if (gained > c->o.moved_most)
			c->o.moved_most = gained;
	}
	describe_count(&c->s, &counting, &counted, PMU_INSTRUCTIONS);
	JUDGE("E13", &c->s, &c->o);
}

/* Flexible ones, however many, give way. */
TEST_F(starved, E9_flexible_events_give_way)
{
	struct guest_case *c = &self->c;
	struct counting counting;

	MUST(competitors_try_outnumber(&self->pinned, 2 * c->host.general,
				       GUEST_CPU, &c->s.counters));
	c->s.pinned = 0;
	c->s.starved_gain = 0;
	MUST(count_work(c, &counting, &c->o.guest_counted));
	JUDGE("E9", &c->s, &c->o);
}

/* A guest that counts and leaves all the time, beside an event of the host. */
TEST_F(starved, E11_the_host_is_set_up_as_before)
{
	struct guest_case *c = &self->c;
	struct counting counting = { .pmu = c->pmu,
				     .op = GUEST_OUT,
				     .times = EXITS };
	struct counted counted;

	NEEDS(!host_registers_read(GUEST_CPU, &self->host.before),
	      "/dev/cpu/*/msr");
	MUST(host_set_up_begin(&self->host, c));
	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(&c->pmu, PMU_INSTRUCTIONS,
						  PMU_USER | PMU_OS);
	MUST(counting_run(&c->guest, &counting, &counted));
	MUST(host_set_up_end(&self->host, c, EXITS, counted.gained[0]));
	JUDGE("E11", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, HOST_NEEDS_EMULATED,
			       calibration_prepare);
}
