// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two owners of one PMU: neither finds the other's values in it
 * (docs/contract/guest.md, M20; D16).
 */
#include "guest_case.h"
#include "perf/group.h"
#include "vm/pattern.h"

FIXTURE(share)
{
	struct guest_case c;
	struct competitors competitors;
	int fd;
	struct perf_event_mmap_page *page;
	uint64_t moving;
};

FIXTURE_SETUP(share)
{
	self->fd = -1;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(share)
{
	competitors_close(&self->competitors);
	if (self->fd >= 0)
		close(self->fd);
	guest_case_end(&self->c, _metadata);
}

/* The host keeps all counters busy up to the guest's first look. */
TEST_F(share, M20_the_guest_finds_nothing_of_the_host)
{
	struct guest_case *c = &self->c;
	int counter[COUNTERS_MAX], eventsel[COUNTERS_MAX];
	struct event_value value;

	MUST(competitors_take_counters(&self->competitors, GUEST_CPU));
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		counter[i] =
			script_read(&c->guest, pmu_counter_msr(&c->pmu, i));
		eventsel[i] =
			script_read(&c->guest, pmu_eventsel_msr(&c->pmu, i));
	}
	script_run(&c->guest);
	c->o.leaked = 0;
	c->o.leak_control = 0;
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		c->o.leaked += script_seen(&c->guest, counter[i]) != 0;
		c->o.leaked += script_seen(&c->guest, eventsel[i]) != 0;
	}
	for (int i = 0; i < self->competitors.size; i++)
		c->o.leak_control +=
			!event_read(self->competitors.fd[i], &value) &&
			value.count;
	JUDGE("M20", &c->s, &c->o);
}

/*
 * A program's own event, mapped, so that it may use RDPMC. Of branches, which
 * no fixed counter counts: enabling one writes the control of all fixed ones.
 */
static int open_mapped(FIXTURE_DATA(share) * self)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = PERF_COUNT_HW_BRANCH_INSTRUCTIONS;
	attr.exclude_guest = 1;
	self->fd = event_try_open(&attr, self->c.guest.tid, ANY_CPU, NO_GROUP);
	if (self->fd < 0)
		return -self->fd;
	self->page = event_map(self->fd, 0);
	return self->page ? 0 : errno;
}

/* On the vCPU thread, right after the guest, read everything there is. */
static void look_for_patterns(void *arg)
{
	FIXTURE_DATA(share) *self = arg;
	struct guest_case *c = &self->c;

	c->o.leaked = pattern_leaks(&c->host, self->page, self->moving,
				    &c->o.leak_control);
}

/* On the vCPU thread, before the guest was ever inside. */
static void look_who_moves(void *arg)
{
	FIXTURE_DATA(share) *self = arg;

	self->moving = pattern_moving(&self->c.host, self->page);
}

TEST_F(share, M20_the_host_finds_nothing_of_the_guest)
{
	struct guest_case *c = &self->c;

	MUST(open_mapped(self));
	NEEDS(self->page->cap_user_rdpmc, "RDPMC in user space");
	guest_call(&c->guest, look_who_moves, self);
	pattern_write(&c->guest, &c->pmu);
	guest_call(&c->guest, look_for_patterns, self);
	JUDGE("M20", &c->s, &c->o);
	JUDGE("D16", &c->s, &c->o);
}

/* After the VM is gone as well. */
TEST_F(share, D16_nothing_is_left_of_a_guest_that_is_gone)
{
	struct guest_case *c = &self->c;

	MUST(open_mapped(self));
	NEEDS(self->page->cap_user_rdpmc, "RDPMC in user space");
	guest_call(&c->guest, look_who_moves, self);
	pattern_write(&c->guest, &c->pmu);
	guest_free_vm(&c->guest);
	guest_call(&c->guest, look_for_patterns, self);
	JUDGE("D16", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
