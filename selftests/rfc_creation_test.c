// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening events while a guest of the RFC's contract runs
 * (docs/contract/rfc.md, R8, R19, R22 to R26). The answer depends on the
 * instant, so an open that must be refused is made between two heartbeats of a
 * guest that certainly did not leave in between. An open that must succeed need
 * not meet such an instant: refused at any, it violates.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "beside_guest.h"
#include "base/random.h"
#include "base/work.h"

#define OPENS 50
#define WORK_TURNS 20000
/* About as long as the guest takes for a round. */
#define A_VISIT 10000

/* Who the event is of. */
enum whose { OF_NOBODY, OF_VCPU, OF_ITSELF };

FIXTURE(rfc_open)
{
	BESIDE_GUEST;
};

/*
 * @rule:      what the open is about
 * @leader:    PMU of a leader to open it under, or -1
 * @per_cpu:   the CPU the event is bound to, or ANY_CPU
 */
FIXTURE_VARIANT(rfc_open)
{
	const char *rule;
	enum pmu_kind pmu;
	int leader;
	enum whose whose;
	int cpu;
	bool exclude_guest, exclude_host, disabled, pinned;
};

#define RFC_OPEN(name, rule_id, ...)                            \
	FIXTURE_VARIANT_ADD(rfc_open, name)                     \
	{                                                       \
		.rule = rule_id, .pmu = PMU_CORE, .leader = -1, \
		.cpu = ANY_CPU, __VA_ARGS__                     \
	}

/* clang-format off */
RFC_OPEN(of_the_guests_cpu, "R22", .cpu = GUEST_CPU);
RFC_OPEN(of_a_task_on_the_guests_cpu, "R22", .whose = OF_ITSELF, .cpu = GUEST_CPU);
RFC_OPEN(of_the_vcpu_on_the_guests_cpu, "R22", .whose = OF_VCPU, .cpu = GUEST_CPU);
RFC_OPEN(of_the_vcpu_on_another_cpu, "R8", .whose = OF_VCPU, .cpu = HOST_CPU);
RFC_OPEN(pinned_of_the_guests_cpu, "R22", .cpu = GUEST_CPU, .pinned = true);
RFC_OPEN(of_guests_only, "R22", .cpu = GUEST_CPU, .exclude_host = true);
RFC_OPEN(of_another_cpu, "R8", .cpu = HOST_CPU);
RFC_OPEN(of_the_vcpu, "R23", .whose = OF_VCPU);
RFC_OPEN(of_another_thread, "R23", .whose = OF_ITSELF);
RFC_OPEN(disabled_of_the_guests_cpu, "R25", .cpu = GUEST_CPU, .disabled = true);
RFC_OPEN(disabled_of_the_vcpu, "R25", .whose = OF_VCPU, .disabled = true);
RFC_OPEN(under_a_software_leader, "R26", .cpu = GUEST_CPU, .leader = PMU_SOFTWARE);
RFC_OPEN(under_a_leader_that_excludes_the_guest, "R26", .cpu = GUEST_CPU, .leader = PMU_CORE);
RFC_OPEN(software_under_a_hardware_leader, "R26", .pmu = PMU_SOFTWARE, .cpu = GUEST_CPU, .leader = PMU_CORE);
RFC_OPEN(excluding_the_guest_of_its_cpu, "R19", .cpu = GUEST_CPU, .exclude_guest = true);
RFC_OPEN(excluding_the_guest_of_the_vcpu, "R19", .whose = OF_VCPU, .exclude_guest = true);
/* clang-format on */

FIXTURE_SETUP(rfc_open)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = variant->pmu;
	self->s.exclude_guest = variant->exclude_guest;
	self->s.per_cpu = variant->cpu != ANY_CPU;
}

FIXTURE_TEARDOWN(rfc_open)
{
	BESIDE_GUEST_ENDS();
}

struct attempt {
	struct perf_event_attr attr;
	pid_t task;
	int cpu, group;
	int err;
	bool keep;
	int fd;
};

static void attempt_open(void *arg)
{
	struct attempt *attempt = arg;
	int fd = event_try_open(&attempt->attr, attempt->task, attempt->cpu,
				attempt->group);

	attempt->err = fd < 0 ? -fd : 0;
	attempt->fd = fd;
	if (fd >= 0 && !attempt->keep) {
		close(fd);
		attempt->fd = -1;
	}
}

static pid_t task_of(const struct guest *guest, enum whose whose)
{
	if (whose == OF_NOBODY)
		return ANY_TASK;
	return whose == OF_VCPU ? guest->tid : SELF;
}

/* The leader is opened before the guest runs. Returns 0 or an errno. */
static int prepare(const struct guest *guest,
		   const FIXTURE_VARIANT(rfc_open) * variant,
		   struct attempt *attempt)
{
	struct perf_event_attr leader;
	int err = event_describe(&attempt->attr, variant->pmu);

	attempt->attr.exclude_guest = variant->exclude_guest;
	attempt->attr.exclude_host = variant->exclude_host;
	attempt->attr.disabled = variant->disabled;
	attempt->attr.pinned = variant->pinned;
	attempt->task = task_of(guest, variant->whose);
	attempt->cpu = variant->cpu;
	attempt->group = NO_GROUP;
	attempt->keep = false;
	if (err || variant->leader < 0)
		return err;
	err = event_describe(&leader, (enum pmu_kind)variant->leader);
	leader.exclude_guest = 1;
	if (err)
		return err;
	attempt->group =
		event_try_open(&leader, attempt->task, attempt->cpu, NO_GROUP);
	return attempt->group < 0 ? -attempt->group : 0;
}

/* What every variant is about when no guest is there: it opens. */
static const char *rule_outside(const FIXTURE_VARIANT(rfc_open) * variant)
{
	return variant->cpu != ANY_CPU ? "R22" : "R23";
}

static void judge_outside(struct __test_metadata *_metadata,
			  FIXTURE_DATA(rfc_open) * self,
			  const FIXTURE_VARIANT(rfc_open) * variant,
			  struct attempt *attempt)
{
	self->s.cpu_in_guest = 0;
	self->s.task_in_guest = 0;
	attempt_open(attempt);
	self->o.err = attempt->err;
	JUDGE(rule_outside(variant), &self->s, &self->o);
}

TEST_F(rfc_open, R8_R19_R22_R23_R25_R26_before_during_and_after)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct attempt attempt;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(prepare(&self->guest, variant, &attempt));
	judge_outside(_metadata, self, variant, &attempt);

	guest_go(&self->guest);
	self->o.err = guest_errno_inside(&self->guest, attempt_open, &attempt,
					 &attempt.err, &deadline);
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	self->s.cpu_in_guest = variant->cpu == GUEST_CPU;
	self->s.task_in_guest = variant->whose == OF_VCPU;
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE(variant->rule, &self->s, &self->o);

	judge_outside(_metadata, self, variant, &attempt);
	if (variant->whose == OF_VCPU)
		attempt.task = SELF;
	guest_destroy(&self->guest);
	judge_outside(_metadata, self, variant, &attempt);
	if (attempt.group >= 0)
		close(attempt.group);
}

struct own {
	struct attempt cpu, task;
	int err_of_cpu, err_of_task;
};

/* On the vCPU thread itself, which is therefore not inside. */
static void attempt_own(void *arg)
{
	struct own *own = arg;

	attempt_open(&own->cpu);
	attempt_open(&own->task);
	if (own->cpu.err)
		own->err_of_cpu = own->cpu.err;
	if (own->task.err)
		own->err_of_task = own->task.err;
}

FIXTURE(rfc_run)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_run)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.exclude_guest = 0;
}

FIXTURE_TEARDOWN(rfc_run)
{
	BESIDE_GUEST_ENDS();
}

/* Whoever opens on the CPU it runs on, or on itself, finds no guest there. */
TEST_F(rfc_run, R22_R23_its_own_cpu_and_thread)
{
	struct own own = { .err_of_cpu = 0 };

	MUST(event_describe(&own.cpu.attr, PMU_CORE));
	own.cpu.task = ANY_TASK;
	own.cpu.cpu = GUEST_CPU;
	own.cpu.group = NO_GROUP;
	own.task = own.cpu;
	own.task.task = SELF;
	own.task.cpu = ANY_CPU;
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	for (int i = 0; i < OPENS; i++) {
		guest_step(&self->guest);
		guest_call(&self->guest, attempt_own, &own);
	}
	guest_destroy(&self->guest);

	self->s.cpu_in_guest = 0;
	self->s.task_in_guest = 0;
	self->s.per_cpu = 1;
	self->o.err = own.err_of_cpu;
	JUDGE("R22", &self->s, &self->o);
	self->s.per_cpu = 0;
	self->o.err = own.err_of_task;
	JUDGE("R23", &self->s, &self->o);
}

static void work_here(void *arg)
{
	(void)arg;
	work(WORK_TURNS);
}

/* Opened while the guest runs, it has its counter from the next exit on. */
TEST_F(rfc_run, R19_counts_after_the_exit)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value from, to;
	struct attempt attempt = { .task = ANY_TASK,
				   .cpu = GUEST_CPU,
				   .group = NO_GROUP,
				   .keep = true };

	MUST(event_describe(&attempt.attr, PMU_CORE));
	attempt.attr.exclude_guest = 1;
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(guest_time_inside(&self->guest, 100000, &deadline) > 0);
	attempt.keep = false;
	MUST_BE(guest_errno_inside(&self->guest, attempt_open, &attempt,
				   &attempt.err, &deadline) != NOT_KNOWN);
	attempt.keep = true;
	attempt_open(&attempt);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.exclude_guest = 1;
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	self->o.err = attempt.err;
	if (!attempt.err) {
		MUST(event_read(attempt.fd, &from));
		guest_call(&self->guest, work_here, NULL);
		MUST(event_read(attempt.fd, &to));
		self->o.counted_after = (int64_t)(to.count - from.count);
		close(attempt.fd);
	}
	JUDGE("R19.counts", &self->s, &self->o);
}

/*
 * @slips:     opens that succeeded
 * @refused:   opens that did not, with @err
 * @strange:   opens refused with another errno than the first one
 * @survivors: slips that could still be read after two more entries
 */
struct slips {
	int64_t slips, refused, err, strange, survivors;
};

static void count_slip(struct guest *guest, int fd, struct slips *slips,
		       const struct deadline *deadline)
{
	struct event_value value = { .eof = false };

	/* One that was not asked afterwards counts as alive. */
	slips->slips++;
	if (!wait_at_least(&guest->record->heartbeat,
			   guest->record->heartbeat + 2, deadline) ||
	    event_read(fd, &value) || !value.eof)
		slips->survivors++;
	close(fd);
}

static void count_refusal(int err, struct slips *slips)
{
	if (!slips->refused++)
		slips->err = err;
	slips->strange += err != slips->err;
}

/*
 * A guest that leaves all the time: some opens meet it outside, and some
 * inside, whatever the two have in step.
 */
TEST_F(rfc_run, R24_what_slips_through_goes_to_error)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct slips slips = { .slips = 0 };
	uint64_t seed = random_seed(), random = seed;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	guest_go(&self->guest);
	while ((slips.slips < 20 || slips.refused < 1) && slips.slips < 2000 &&
	       !deadline_passed(&deadline)) {
		int fd;

		work(random_below(&random, A_VISIT));
		fd = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);

		if (fd >= 0)
			count_slip(&self->guest, fd, &slips, &deadline);
		else
			count_refusal(-fd, &slips);
	}
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	report_note("seed %llu", (unsigned long long)seed);
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	self->o.attempts = slips.slips;
	self->o.err = slips.refused ? slips.err : NOT_KNOWN;
	self->o.strange = slips.strange;
	self->o.survivors = slips.survivors;
	JUDGE("R24", &self->s, &self->o);
}

/* An include-guest event of the CPU next door, all the time. */
TEST_F(rfc_run, R8_the_cpu_next_door_goes_on_counting)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct event_value at[4];
	int fd;

	fd = event_try_open_core(0, ANY_TASK, HOST_CPU, NO_GROUP);
	MUST_BE(fd >= 0);
	MUST(event_read(fd, &at[0]));
	work(WORK_TURNS);
	MUST(event_read(fd, &at[1]));
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(guest_time_inside(&self->guest, 100000, &deadline) > 0);
	MUST(event_read(fd, &at[2]));
	work(WORK_TURNS);
	MUST(event_read(fd, &at[3]));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	self->o.counted_before = (int64_t)(at[1].count - at[0].count);
	self->o.others_changed = at[3].eof || at[3].count <= at[2].count ||
				 at[3].enabled_ns != at[3].running_ns;
	JUDGE("R8.others", &self->s, &self->o);
	close(fd);
}

static void move_to(void *arg)
{
	cpu_pin_self(*(int *)arg);
}

/* The vCPU changes places with the one who asks. */
TEST_F(rfc_run, R8_R22_after_the_vcpu_has_moved)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct attempt attempt = { .task = ANY_TASK, .group = NO_GROUP };
	int host_cpu = HOST_CPU;

	MUST(event_describe(&attempt.attr, PMU_CORE));
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_call(&self->guest, move_to, &host_cpu);
	MUST(cpu_pin_self(GUEST_CPU));
	guest_go(&self->guest);
	self->s.per_cpu = 1;
	attempt.cpu = HOST_CPU;
	self->o.err = guest_errno_inside(&self->guest, attempt_open, &attempt,
					 &attempt.err, &deadline);
	self->s.cpu_in_guest = 1;
	JUDGE("R22", &self->s, &self->o);
	attempt.cpu = GUEST_CPU;
	self->o.err = guest_errno_inside(&self->guest, attempt_open, &attempt,
					 &attempt.err, &deadline);
	self->s.cpu_in_guest = 0;
	JUDGE("R8", &self->s, &self->o);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_RFC_GUESTS);
}
