// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups of a CPU that take more samples than a tick allows, and stand still
 * until the next one (docs/contract/guest.md, M68; defects.md, D48).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/param.h>

#include "beside_guest.h"
#include "host/klog.h"
#include "host/limits.h"

/* One sample a tick: the first one of each is the last. */
#define RATE 1
#define PERIOD 10000
#define WORK_TURNS 50000
#define PAGES 8
#define ENTRIES 20
/* Of the one that is throttled, after it was. */
#define SAMPLES 20
#define MEMBERS 2

/* A leader and its sibling, and their rings. */
struct pair {
	int fd[MEMBERS];
	struct perf_event_mmap_page *page[MEMBERS];
};

static void pair_begin(struct pair *pair)
{
	*pair = (struct pair){ .fd = { -1, -1 } };
}

static void pair_end(struct pair *pair)
{
	for (int i = MEMBERS - 1; i >= 0; i--) {
		if (pair->page[i])
			event_unmap(pair->page[i], PAGES);
		if (pair->fd[i] >= 0)
			close(pair->fd[i]);
	}
	limits_back();
}

/*
 * Open them on the guest's CPU, with these sample periods; one with 0 does not
 * sample. Of user space only: what stops them and starts them again is in
 * neither count. The leader is off. Returns 0 or an errno.
 */
static int pair_open(struct pair *pair, const uint64_t period[MEMBERS])
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = 1;
	attr.exclude_kernel = 1;
	attr.sample_type = PERF_SAMPLE_IP;
	for (int i = 0; i < MEMBERS; i++) {
		attr.disabled = !i;
		attr.sample_period = period[i];
		pair->fd[i] = event_try_open(&attr, ANY_TASK, GUEST_CPU,
					     i ? pair->fd[0] : NO_GROUP);
		if (pair->fd[i] < 0)
			return -pair->fd[i];
		pair->page[i] = event_map(pair->fd[i], PAGES);
		if (!pair->page[i])
			return errno;
	}
	return 0;
}

/*
 * @guest: comes and goes after the work, or NULL. Returns false if that could
 * not be done.
 */
static bool work_and_enter(const struct pair *pair, struct guest *guest)
{
	if (event_gain_on_cpu(pair->fd[0], GUEST_CPU, HOST_CPU, WORK_TURNS) ==
	    NOT_KNOWN)
		return false;
	for (int i = 0; guest && i < ENTRIES; i++)
		guest_step(guest);
	return true;
}

/*
 * Work until the group was throttled, and one of its members took some samples
 * after that: how many, @o->samples tells, and @o->samples_of_other how many
 * the other one took meanwhile. Returns false if that could not be done.
 */
static bool pair_sample(struct pair *pair, struct guest *guest,
			struct observation *o)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int64_t samples[MEMBERS] = { 0 };

	o->throttles = 0;
	do {
		if (!work_and_enter(pair, guest))
			return false;
		for (int i = 0; i < MEMBERS; i++)
			o->throttles += event_ring_count(pair->page[i],
							 PERF_RECORD_THROTTLE);
	} while (!o->throttles && !deadline_passed(&deadline));
	do {
		if (!work_and_enter(pair, guest))
			return false;
		for (int i = 0; i < MEMBERS; i++)
			samples[i] += event_ring_count(pair->page[i],
						       PERF_RECORD_SAMPLE);
		o->samples = MAX(samples[0], samples[1]);
	} while (o->samples < SAMPLES && !deadline_passed(&deadline));
	o->samples_of_other = MIN(samples[0], samples[1]);
	return true;
}

/* Of two that are off. Returns 0 or an errno. */
static int pair_compare(struct pair *pair, struct observation *o)
{
	struct event_value leader, sibling;
	int err = event_read(pair->fd[0], &leader)
			  ?: event_read(pair->fd[1], &sibling);

	o->members_apart = llabs((int64_t)(leader.count - sibling.count));
	return err;
}

FIXTURE(throttled)
{
	BESIDE_GUEST;
	struct pair pair;
};

FIXTURE_VARIANT(throttled)
{
	uint64_t period[MEMBERS];
	bool guests;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(throttled, by_its_leader) { .period = { PERIOD, 0 } };
FIXTURE_VARIANT_ADD(throttled, by_a_sibling) { .period = { 0, PERIOD } };
FIXTURE_VARIANT_ADD(throttled, by_its_leader_between_guests) { .period = { PERIOD, 0 }, .guests = true };
FIXTURE_VARIANT_ADD(throttled, by_a_sibling_between_guests) { .period = { 0, PERIOD }, .guests = true };
/* clang-format on */

FIXTURE_SETUP(throttled)
{
	BESIDE_GUEST_BEGINS();
	pair_begin(&self->pair);
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
}

FIXTURE_TEARDOWN(throttled)
{
	pair_end(&self->pair);
	BESIDE_GUEST_ENDS();
}

TEST_F(throttled, M68_its_members_count_the_same)
{
	struct pair *pair = &self->pair;

	MUST(limits_lower(RATE));
	MUST(pair_open(pair, variant->period));
	MUST_BE(!ioctl(pair->fd[0], PERF_EVENT_IOC_ENABLE, 0));
	MUST_BE(pair_sample(pair, variant->guests ? &self->guest : NULL,
			    &self->o));
	MUST_BE(!ioctl(pair->fd[0], PERF_EVENT_IOC_DISABLE, 0));
	MUST(pair_compare(pair, &self->o));
	self->s.group_size = MEMBERS;
	JUDGE("M68", &self->s, &self->o);
}

FIXTURE(together)
{
	BESIDE_GUEST;
	struct pair pair;
};

FIXTURE_SETUP(together)
{
	BESIDE_GUEST_BEGINS();
	pair_begin(&self->pair);
}

FIXTURE_TEARDOWN(together)
{
	klog_expected_close();
	pair_end(&self->pair);
	BESIDE_GUEST_ENDS();
}

/* With one period, both overflow by the same instruction. */
TEST_F(together, D48_both_go_on_sampling)
{
	static const uint64_t alike[MEMBERS] = { PERIOD, PERIOD };
	struct pair *pair = &self->pair;

	NEEDS(klog_readable(), "the kernel log");
	MUST(limits_lower(RATE));
	MUST(pair_open(pair, alike));
	klog_expected_begins();
	MUST_BE(!ioctl(pair->fd[0], PERF_EVENT_IOC_ENABLE, 0));
	MUST_BE(pair_sample(pair, NULL, &self->o));
	MUST_BE(!ioctl(pair->fd[0], PERF_EVENT_IOC_DISABLE, 0));
	self->o.warned = klog_expected_ends("amd_pmu_v2_handle_irq");
	MUST(pair_compare(pair, &self->o));
	self->s.group_size = MEMBERS;
	JUDGE("D48", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv, HOST_NEEDS_GUEST_PMU,
				 limits_start);
}
