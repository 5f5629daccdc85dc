// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events and VMs side by side where a guest's counters are events of the host:
 * neither refuses the other, and time goes on for both (docs/contract/
 * emulated.md, E1, E2, E7).
 */
#include "cgroup_guest.h"
#include "perf/group.h"
#include "vm/vm.h"

#define WORK_TURNS 20000

enum whose { OF_NOBODY, OF_VCPU, OF_ITSELF };

FIXTURE(beside)
{
	BESIDE_GUEST;
};

/*
 * @whose, @cpu: what the event is bound to
 * @flags:       EVENT_*
 */
FIXTURE_VARIANT(beside)
{
	enum whose whose;
	int cpu;
	unsigned int flags;
};

#define BESIDE(name, ...)                 \
	FIXTURE_VARIANT_ADD(beside, name) \
	{                                 \
		__VA_ARGS__               \
	}

/* clang-format off */
BESIDE(both_of_the_guests_cpu, .cpu = GUEST_CPU);
BESIDE(both_of_another_cpu, .cpu = HOST_CPU);
BESIDE(both_of_the_vcpu, .whose = OF_VCPU, .cpu = ANY_CPU);
BESIDE(both_of_the_vcpu_on_its_cpu, .whose = OF_VCPU, .cpu = GUEST_CPU);
BESIDE(both_of_another_thread, .whose = OF_ITSELF, .cpu = ANY_CPU);
BESIDE(both_pinned, .cpu = GUEST_CPU, .flags = EVENT_PINNED);
BESIDE(both_disabled, .cpu = GUEST_CPU, .flags = EVENT_DISABLED);
BESIDE(guest_of_the_guests_cpu, .cpu = GUEST_CPU, .flags = EVENT_EXCLUDES_HOST);
BESIDE(guest_of_the_vcpu, .whose = OF_VCPU, .cpu = ANY_CPU, .flags = EVENT_EXCLUDES_HOST);
BESIDE(host_of_the_guests_cpu, .cpu = GUEST_CPU, .flags = EVENT_EXCLUDES_GUEST);
BESIDE(host_of_the_vcpu, .whose = OF_VCPU, .cpu = ANY_CPU, .flags = EVENT_EXCLUDES_GUEST);
/* clang-format on */

FIXTURE_SETUP(beside)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = !!(variant->flags & EVENT_EXCLUDES_GUEST);
	self->s.per_cpu = variant->cpu != ANY_CPU;
}

FIXTURE_TEARDOWN(beside)
{
	BESIDE_GUEST_ENDS();
}

struct attempt {
	unsigned int flags;
	pid_t task;
	int cpu, err;
};

static void attempt_open(void *arg)
{
	struct attempt *attempt = arg;
	int fd = event_try_open_core(attempt->flags, attempt->task,
				     attempt->cpu, NO_GROUP);

	attempt->err = fd < 0 ? -fd : 0;
	if (fd >= 0)
		close(fd);
}

TEST_F(beside, E1_an_event_is_opened_while_a_guest_runs)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct attempt attempt = {
		.flags = variant->flags,
		.task = variant->whose == OF_ITSELF ? SELF : ANY_TASK,
		.cpu = variant->cpu,
	};

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	if (variant->whose == OF_VCPU)
		attempt.task = self->guest.tid;
	guest_go(&self->guest);
	self->o.err = guest_errno_inside(&self->guest, attempt_open, &attempt,
					 &attempt.err, &deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.own_errno = 0;
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	JUDGE("E1", &self->s, &self->o);
}

FIXTURE(vm_beside)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(vm_beside)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
}

FIXTURE_TEARDOWN(vm_beside)
{
	BESIDE_GUEST_ENDS();
}

static int make_vm(void)
{
	struct vm vm;
	int err = vm_try_with_irqchip(&vm);

	if (err)
		return err;
	err = vm_try_vcpu(&vm);
	vm_close(&vm);
	return err;
}

TEST_F(vm_beside, E2_a_vm_is_made_beside_an_event_of_its_cpu)
{
	self->fd = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->s.include_events = 1;
	self->o.counted_before =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	self->o.err = make_vm();
	if (!self->o.err)
		guest_visit(&self->guest, GUEST_CPU);
	self->o.counted_after =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	JUDGE("E2", &self->s, &self->o);
}

/* What the one of them gains that gains least. */
static int64_t least_gain(const struct competitors *competitors)
{
	int64_t least = VALUE_MAX;

	for (int i = 0; i < competitors->size; i++) {
		int64_t gain = event_gain_on_cpu(competitors->fd[i], GUEST_CPU,
						 HOST_CPU, WORK_TURNS);

		if (gain < least)
			least = gain;
	}
	return least;
}

/* All counters are the host's, and stay so. */
TEST_F(vm_beside, E2_a_vm_is_made_beside_events_on_all_counters)
{
	struct competitors competitors;

	MUST(competitors_take_counters(&competitors, GUEST_CPU));
	self->fd = event_try_open_core(0, SELF, ANY_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->s.include_events = 1;
	self->o.counted_before = least_gain(&competitors);
	self->o.err = make_vm();
	if (!self->o.err)
		guest_visit(&self->guest, GUEST_CPU);
	self->o.counted_after = least_gain(&competitors);
	competitors_close(&competitors);
	JUDGE("E2", &self->s, &self->o);
}

FIXTURE(clock)
{
	BESIDE_GUEST;
};

FIXTURE_VARIANT(clock)
{
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(clock, of_the_host){
	.flags = EVENT_EXCLUDES_GUEST,
};

FIXTURE_VARIANT_ADD(clock, of_the_guest){
	.flags = EVENT_EXCLUDES_HOST,
};

FIXTURE_VARIANT_ADD(clock, of_both){
	.flags = 0,
};

FIXTURE_SETUP(clock)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
}

FIXTURE_TEARDOWN(clock)
{
	BESIDE_GUEST_ENDS();
}

TEST_F(clock, E7_times_go_on_while_a_guest_runs)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	self->fd = event_try_open_core(variant->flags, ANY_TASK, GUEST_CPU,
				       NO_GROUP);
	MUST_BE(self->fd >= 0);
	MUST_BE(guest_between_reads(&self->guest, self->fd, CPU_TIME, &self->s,
				    &self->o));
	JUDGE("E7", &self->s, &self->o);
}

FIXTURE(cgroup_clock)
{
	BESIDE_GUEST;
};

FIXTURE_VARIANT(cgroup_clock)
{
	bool exclude_guest;
};

FIXTURE_VARIANT_ADD(cgroup_clock, of_the_host){
	.exclude_guest = true,
};

FIXTURE_VARIANT_ADD(cgroup_clock, of_both){
	.exclude_guest = false,
};

FIXTURE_SETUP(cgroup_clock)
{
	BESIDE_GUEST_BEGINS();
}

FIXTURE_TEARDOWN(cgroup_clock)
{
	BESIDE_GUEST_ENDS();
}

TEST_F(cgroup_clock, E7_those_of_a_cgroup_go_on_while_a_guest_runs)
{
	int err = cgroup_guest_between_reads(&self->guest, &self->fd,
					     variant->exclude_guest, WORK_TURNS,
					     &self->s, &self->o);

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	JUDGE("E7.cgroup", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_EMULATED |
				 HOST_NEEDS_STEADY_CLOCK);
}
