// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who goes to ERROR at guest entry (docs/contract/rfc.md, R3, R10, R16). The
 * guest is entered on demand, so that what happened is known without looking at
 * a clock.
 */
#include "beside_guest.h"
#include "perf/group.h"

#define MEMBERS 3

FIXTURE(rfc_group)
{
	BESIDE_GUEST;
	struct group group;
};

/* @include: bit i: member i includes the guest, 0 is the leader */
FIXTURE_VARIANT(rfc_group)
{
	unsigned int include;
	bool pinned, of_task;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(rfc_group, none_includes) { .include = 0 };
FIXTURE_VARIANT_ADD(rfc_group, leader_includes) { .include = 1 };
FIXTURE_VARIANT_ADD(rfc_group, second_includes) { .include = 2 };
FIXTURE_VARIANT_ADD(rfc_group, last_includes) { .include = 4 };
FIXTURE_VARIANT_ADD(rfc_group, all_include) { .include = 7 };
FIXTURE_VARIANT_ADD(rfc_group, pinned_none_includes) { .include = 0, .pinned = true };
FIXTURE_VARIANT_ADD(rfc_group, pinned_last_includes) { .include = 4, .pinned = true };
FIXTURE_VARIANT_ADD(rfc_group, task_none_includes) { .include = 0, .of_task = true };
FIXTURE_VARIANT_ADD(rfc_group, task_leader_includes) { .include = 1, .of_task = true };
FIXTURE_VARIANT_ADD(rfc_group, task_last_includes) { .include = 4, .of_task = true };
FIXTURE_VARIANT_ADD(rfc_group, task_pinned_leader_includes) { .include = 1, .of_task = true, .pinned = true };
/* clang-format on */

FIXTURE_SETUP(rfc_group)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.as_posted = host_as_posted();
	self->s.state_at_entry = STATE_ACTIVE;
}

FIXTURE_TEARDOWN(rfc_group)
{
	group_close(&self->group);
	BESIDE_GUEST_ENDS();
}

TEST_F(rfc_group, R3_R10_one_verdict_for_the_group)
{
	struct group *group = &self->group;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	*group = (struct group){ .size = MEMBERS, .include = variant->include };
	MUST(group_try_open(
		group, variant->of_task ? self->guest.tid : ANY_TASK,
		variant->of_task ? ANY_CPU : GUEST_CPU, variant->pinned));
	self->s.entries = (int64_t)guest_step(&self->guest);
	self->s.group_size = group->size;
	self->s.group_includes = group_includes(group);
	self->o.siblings_eof = group_eofs(group, 1);
	self->o.eof = group_eofs(group, 0) - self->o.siblings_eof;
	guest_destroy(&self->guest);
	JUDGE("R3", &self->s, &self->o);
	/* Siblings share the leader's fate; whose wish it was is R3's matter.
	 */
	if (!variant->include || (variant->include & 1))
		JUDGE("R10", &self->s, &self->o);
}

/* The leader is of another PMU; what it wishes counts all the same. */
static int open_software_led(struct group *group, bool include)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_SOFTWARE);

	attr.exclude_guest = !include;
	*group = (struct group){ .size = 2,
				 .include = include,
				 .fd = { -1, -1 } };
	if (err)
		return err;
	group->fd[0] = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	err = event_describe(&attr, PMU_CORE);
	attr.exclude_guest = 1;
	if (err || group->fd[0] < 0)
		return err ? err : -group->fd[0];
	group->fd[1] = event_try_open(&attr, ANY_TASK, GUEST_CPU, group->fd[0]);
	return group->fd[1] < 0 ? -group->fd[1] : 0;
}

TEST_F(rfc_group, R3_a_software_leader_has_a_say)
{
	struct group *group = &self->group;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_software_led(group, variant->include & 1));
	self->s.entries = (int64_t)guest_step(&self->guest);
	self->s.group_size = group->size;
	self->s.group_includes = variant->include & 1;
	self->o.siblings_eof = group_eofs(group, 1);
	self->o.eof = group_eofs(group, 0) - self->o.siblings_eof;
	guest_destroy(&self->guest);
	JUDGE("R3", &self->s, &self->o);
}

FIXTURE(rfc_pinned)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_pinned)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.as_posted = host_as_posted();
	self->s.state_at_entry = STATE_ACTIVE;
}

FIXTURE_TEARDOWN(rfc_pinned)
{
	BESIDE_GUEST_ENDS();
}

static void judge_pinned(struct __test_metadata *_metadata,
			 FIXTURE_DATA(rfc_pinned) * self, bool include,
			 bool of_task)
{
	struct group group = { .size = 1, .include = include };

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(group_try_open(&group, of_task ? self->guest.tid : ANY_TASK,
			    of_task ? ANY_CPU : GUEST_CPU, true));
	self->s.entries = (int64_t)guest_step(&self->guest);
	self->s.pinned = 1;
	self->s.group_includes = include;
	self->o.eof = group_eofs(&group, 0);
	JUDGE("R16", &self->s, &self->o);
	group_close(&group);
	guest_destroy(&self->guest);
}

TEST_F(rfc_pinned, R16_pinned_that_includes)
{
	judge_pinned(_metadata, self, true, false);
}

TEST_F(rfc_pinned, R16_pinned_that_excludes)
{
	judge_pinned(_metadata, self, false, false);
}

TEST_F(rfc_pinned, R16_pinned_of_the_vcpu_that_includes)
{
	judge_pinned(_metadata, self, true, true);
}

TEST_F(rfc_pinned, R16_pinned_of_the_vcpu_that_excludes)
{
	judge_pinned(_metadata, self, false, true);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_RFC_GUESTS);
}
