// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening events beside a VM that holds the claim, and creating vCPUs beside
 * events (docs/contract/mediated.md, M11, M12 and M16). Each open is first made
 * without a VM: whatever refuses it then must refuse it now, too.
 */
#include <errno.h>

#include "base/child.h"
#include "base/cpu.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "vm/vm.h"

#define WORK_TURNS 20000

FIXTURE(open_event)
{
	struct scenario s;
	struct observation o;
	struct vm vm;
};

/*
 * @pmu, @exclude_guest: the event
 * @task, @cpu:          as for perf_event_open()
 * @disabled, @exclude_host, @pinned: attributes that must not matter
 * @bad_format:          an attribute that is refused on any kernel
 * @software_leader:     open it as a sibling of a software event
 */
FIXTURE_VARIANT(open_event)
{
	enum pmu_kind pmu;
	bool exclude_guest, exclude_host, disabled, pinned, bad_format;
	bool software_leader;
	int task, cpu;
};

#define OPEN_EVENT(name, ...)                             \
	FIXTURE_VARIANT_ADD(open_event, name)             \
	{                                                 \
		.task = SELF, .cpu = ANY_CPU, __VA_ARGS__ \
	}

/* clang-format off */
OPEN_EVENT(of_a_task, .pmu = PMU_CORE);
OPEN_EVENT(of_a_cpu, .pmu = PMU_CORE, .task = ANY_TASK, .cpu = 0);
OPEN_EVENT(of_a_task_on_a_cpu, .pmu = PMU_CORE, .cpu = 0);
OPEN_EVENT(disabled, .pmu = PMU_CORE, .disabled = true);
OPEN_EVENT(pinned, .pmu = PMU_CORE, .pinned = true);
OPEN_EVENT(of_the_guest_only, .pmu = PMU_CORE, .exclude_host = true);
OPEN_EVENT(under_a_software_leader, .pmu = PMU_CORE, .software_leader = true);
OPEN_EVENT(refused_anyway, .pmu = PMU_CORE, .bad_format = true);
OPEN_EVENT(excluding_the_guest, .pmu = PMU_CORE, .exclude_guest = true);
OPEN_EVENT(excluding_the_guest_of_a_cpu, .pmu = PMU_CORE,
	   .exclude_guest = true, .task = ANY_TASK, .cpu = 0);
OPEN_EVENT(software, .pmu = PMU_SOFTWARE);
OPEN_EVENT(software_of_a_cpu, .pmu = PMU_SOFTWARE, .task = ANY_TASK, .cpu = 0);
OPEN_EVENT(tracepoint, .pmu = PMU_TRACEPOINT);
OPEN_EVENT(breakpoint, .pmu = PMU_BREAKPOINT);
OPEN_EVENT(msr, .pmu = PMU_MSR);
/* clang-format on */

FIXTURE_SETUP(open_event)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = variant->pmu;
	self->s.exclude_guest = variant->exclude_guest;
	self->vm.fd = -1;
}

FIXTURE_TEARDOWN(open_event)
{
	if (self->vm.fd >= 0)
		vm_close(&self->vm);
	case_end(_metadata);
}

/* Open the variant's event. Returns its errno; the fd is closed again. */
static int open_errno(const FIXTURE_VARIANT(open_event) * variant)
{
	struct perf_event_attr attr, leader;
	int fd, group = NO_GROUP;

	if (event_describe(&attr, variant->pmu))
		return ENOENT;
	attr.exclude_guest = variant->exclude_guest;
	attr.exclude_host = variant->exclude_host;
	attr.disabled = variant->disabled;
	attr.pinned = variant->pinned;
	if (variant->bad_format)
		attr.read_format = ~0ull;
	if (variant->software_leader) {
		event_describe(&leader, PMU_SOFTWARE);
		group = event_try_open(&leader, variant->task, variant->cpu,
				       NO_GROUP);
	}
	fd = event_try_open(&attr, variant->task, variant->cpu, group);
	if (group >= 0)
		close(group);
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static const char *open_rule(const FIXTURE_VARIANT(open_event) * variant)
{
	return variant->pmu == PMU_CORE ? "M11" : "M16";
}

TEST_F(open_event, M11_M16_before_during_and_after_the_claim)
{
	int without_vm = open_errno(variant);

	/* What the machine lacks may skip a case; the core PMU it has. */
	NEEDS(variant->pmu == PMU_CORE || !without_vm, "this kind of event");
	self->s.own_errno = variant->bad_format ? EINVAL : 0;
	self->s.claims = 0;
	self->o.err = without_vm;
	JUDGE(open_rule(variant), &self->s, &self->o);

	MUST(vm_try_with_irqchip(&self->vm));
	self->s.claims = 0;
	self->o.err = open_errno(variant);
	JUDGE(open_rule(variant), &self->s, &self->o);

	MUST(vm_try_vcpu(&self->vm));
	self->s.claims = 1;
	self->o.err = open_errno(variant);
	JUDGE(open_rule(variant), &self->s, &self->o);

	vm_close(&self->vm);
	self->s.claims = 0;
	self->o.err = open_errno(variant);
	JUDGE(open_rule(variant), &self->s, &self->o);
}

FIXTURE(existing_event)
{
	struct scenario s;
	struct observation o;
	struct vm vm;
	int fd;
};

FIXTURE_SETUP(existing_event)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.claims = 0;
	self->s.vcpus = 0;
	self->s.irqchip = 1;
	self->s.pmu_disabled = 0;
	self->fd = -1;
	MUST(vm_try_with_irqchip(&self->vm));
}

FIXTURE_TEARDOWN(existing_event)
{
	vm_close(&self->vm);
	if (self->fd >= 0)
		close(self->fd);
	case_end(_metadata);
}

/*
 * With @events include-guest events in existence, try to create a vCPU. What
 * is claimed afterwards can only be asked for once the events are gone, so a
 * refused creation is checked with the events still there.
 */
static void judge_creation(struct __test_metadata *_metadata,
			   FIXTURE_DATA(existing_event) * self, int events)
{
	self->s.include_events = events;
	self->o.err = vm_try_vcpu(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M12", &self->s, &self->o);
}

TEST_F(existing_event, M12_counting_blocks)
{
	self->fd = event_try_open_core(0, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 1);
}

TEST_F(existing_event, M12_disabled_blocks)
{
	self->fd = event_try_open_core(EVENT_DISABLED, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 1);
}

TEST_F(existing_event, M12_of_another_cpu_blocks)
{
	self->fd = event_try_open_core(0, ANY_TASK, cpu_count() - 1, NO_GROUP);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 1);
}

TEST_F(existing_event, M12_of_a_dead_task_blocks)
{
	struct child child;

	MUST(child_start(&child));
	self->fd = event_try_open_core(0, child.pid, ANY_CPU, NO_GROUP);
	MUST(child_end(&child));
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 1);
}

TEST_F(existing_event, M12_closed_but_mapped_blocks)
{
	struct perf_event_mmap_page *page;
	int fd = event_try_open_core(EVENT_DISABLED, SELF, ANY_CPU, NO_GROUP);

	MUST_BE(fd >= 0);
	page = event_map(fd, 0);
	MUST_BE(page != NULL);
	close(fd);
	judge_creation(_metadata, self, 1);
	event_unmap(page, 0);
	judge_creation(_metadata, self, 0);
}

/* Pinned events beyond the counters: the last one cannot go on. */
TEST_F(existing_event, M12_in_error_blocks)
{
	struct event_value value;
	int fds[64], count = 0;

	do {
		MUST_BE(count < 64);
		fds[count] = event_try_open_core(EVENT_PINNED, ANY_TASK, 0,
						 NO_GROUP);
		MUST_BE(fds[count] >= 0);
		MUST(event_read(fds[count], &value));
		count++;
	} while (!value.eof);
	self->fd = fds[--count];
	while (count)
		close(fds[--count]);
	judge_creation(_metadata, self, 1);
}

TEST_F(existing_event, M12_a_sibling_of_a_software_leader_blocks)
{
	struct perf_event_attr attr;
	int leader;

	MUST(event_describe(&attr, PMU_SOFTWARE));
	leader = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(leader >= 0);
	self->fd = event_try_open_core(0, SELF, ANY_CPU, leader);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 1);
	close(self->fd);
	self->fd = -1;
	judge_creation(_metadata, self, 0);
	close(leader);
}

TEST_F(existing_event, M12_inherited_by_a_child_blocks)
{
	struct child child;

	self->fd =
		event_try_open_core(EVENT_INHERITED, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	MUST(child_start(&child));
	judge_creation(_metadata, self, 2);
	MUST(child_end(&child));
	close(self->fd);
	self->fd = -1;
	judge_creation(_metadata, self, 0);
}

TEST_F(existing_event, M12_excluding_the_guest_does_not_block)
{
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, SELF, ANY_CPU,
				       NO_GROUP);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 0);
}

TEST_F(existing_event, M12_of_another_pmu_does_not_block)
{
	struct perf_event_attr attr;

	MUST(event_describe(&attr, PMU_SOFTWARE));
	self->fd = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	judge_creation(_metadata, self, 0);
}

FIXTURE(beside)
{
	struct scenario s;
	struct observation o;
	struct vm vm;
	int fd;
};

FIXTURE_SETUP(beside)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = PMU_CORE;
	self->s.own_errno = 0;
	self->s.inherited = 1;
	self->fd = -1;
	MUST(vm_try_with_irqchip(&self->vm));
}

FIXTURE_TEARDOWN(beside)
{
	if (self->fd >= 0)
		close(self->fd);
	vm_close(&self->vm);
	case_end(_metadata);
}

/*
 * Fork, with an inherited event open. What the child works is added when it has
 * ended, so the child is counted if this gains.
 */
static void count_over_fork(struct __test_metadata *_metadata,
			    FIXTURE_DATA(beside) * self, bool exclude_guest)
{
	struct event_value from, to;

	self->s.exclude_guest = exclude_guest;
	/* A turn is more than one instruction. */
	self->s.host_work = WORK_TURNS;
	MUST(event_read(self->fd, &from));
	self->o.err = child_try_work(WORK_TURNS);
	MUST(event_read(self->fd, &to));
	self->o.counted_after = (int64_t)(to.count - from.count);
}

static int open_inherited(unsigned int flags)
{
	return event_try_open_core(flags | EVENT_INHERITED | EVENT_USER_ONLY,
				   SELF, ANY_CPU, NO_GROUP);
}

TEST_F(beside, M13_an_event_that_excludes_is_inherited_beside_a_vm)
{
	MUST(vm_try_vcpu(&self->vm));
	self->fd = open_inherited(EVENT_EXCLUDES_GUEST);
	MUST_BE(self->fd >= 0);
	count_over_fork(_metadata, self, true);
	vm_close(&self->vm);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M13", &self->s, &self->o);
}

/* The VM is refused as long as the event lives, so no fork can be. */
TEST_F(beside, M13_an_event_that_includes_is_inherited)
{
	self->fd = open_inherited(0);
	MUST_BE(self->fd >= 0);
	MUST_BE(vm_try_vcpu(&self->vm) != 0);
	count_over_fork(_metadata, self, false);
	self->o.claimed = pmu_is_claimed();
	JUDGE("M13", &self->s, &self->o);
}

TEST_F(beside, M18_refused_it_opens_without_the_guest)
{
	struct perf_event_attr attr;
	int fd;

	MUST(vm_try_vcpu(&self->vm));
	MUST(event_describe(&attr, PMU_CORE));
	MUST_BE(event_try_open(&attr, SELF, ANY_CPU, NO_GROUP) < 0);
	attr.exclude_guest = 1;
	fd = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	self->s.claims = 1;
	self->s.exclude_guest = 1;
	self->o.err = fd < 0 ? -fd : 0;
	self->fd = fd;
	JUDGE("M18", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_CLAIMS);
}
