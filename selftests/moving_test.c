// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world moves: vCPU threads change CPUs, CPUs go and come back, guests end
 * in every way there is. After each the guest has what it had, and the machine
 * is as it was (docs/contract/guest.md, M41, M42, M48, M49).
 */
#include <signal.h>
#include <sys/wait.h>

#include "guest_case.h"
#include "base/work.h"
#include "host/hotplug.h"
#include "perf/rdpmc.h"
#include "vm/pattern.h"
#include "vm/vm.h"

#define HOST_CPU 0
#define MOVES 20
#define WORK_TURNS 20000
#define SAMPLE_PERIOD 1000

FIXTURE(move)
{
	struct guest_case c;
	int fd;
};

FIXTURE_SETUP(move)
{
	self->fd = -1;
	/* A case that was killed may have left one away. */
	cpus_bring_back();
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(move)
{
	cpus_bring_back();
	if (self->fd >= 0)
		close(self->fd);
	guest_case_end(&self->c, _metadata);
}

static void pin_here(void *arg)
{
	cpu_pin_self(*(int *)arg);
}

static void move_guest(struct guest_case *c, int cpu)
{
	guest_call(&c->guest, pin_here, &cpu);
	c->guest.cpu = cpu;
}

static int open_excluding(int cpu)
{
	return event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK, cpu,
				   NO_GROUP);
}

static int64_t gain_on(int fd, int cpu)
{
	return event_gain_on_cpu(fd, cpu, HOST_CPU, WORK_TURNS);
}

TEST_F(move, M42_patterns_survive_migration)
{
	struct guest_case *c = &self->c;
	uint64_t exits;

	self->fd = open_excluding(GUEST_CPU);
	MUST_BE(self->fd >= 0);
	c->o.counted_before = gain_on(self->fd, GUEST_CPU);
	pattern_write(&c->guest, &c->pmu);
	exits = guest_exits_count(&c->guest);
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_OUT, 1);
	for (int i = 0; i < MOVES; i++) {
		move_guest(c, i % 2 ? GUEST_CPU : HOST_CPU);
		script_run(&c->guest);
	}
	c->s.exits_asked = MOVES;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	JUDGE("M42", &c->s, &c->o);
}

static void move_on(void *arg, unsigned int run)
{
	move_guest(arg, run % 2 ? GUEST_CPU : HOST_CPU);
}

TEST_F(move, M41_counts_exactly_across_migration)
{
	struct guest_case *c = &self->c;
	struct counting counting = {
		.pmu = c->pmu,
		.op = GUEST_WORK,
		.times = TURNS,
	};
	struct counted counted;

	for (unsigned int i = 0; i < c->pmu.general; i++)
		counting.eventsel[i] = pmu_select(
			&c->pmu, i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			PMU_USER | PMU_OS);
	MUST(counting_run_on(&c->guest, &counting, MOVES, move_on, c,
			     &counted));
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		describe_count(&c->s, &counting, &counted,
			       i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS);
		c->s.guest_work *= MOVES;
		c->o.guest_counted = counted.gained[i];
		c->o.guest_control = counted.gained[0];
		JUDGE("M41", &c->s, &c->o, "counter %u", i);
	}
}

/* The guest is inside on the CPU that goes; its thread is moved elsewhere. */
TEST_F(move, M48_the_guest_outlives_its_cpu)
{
	struct guest_case *c = &self->c;
	bool off, on, ended;

	NEEDS(cpu_can_go(GUEST_CPU), "CPU hotplug");
	pattern_write(&c->guest, &c->pmu);
	script_clear(&c->guest);
	script_do(&c->guest, GUEST_PAUSE, 1);
	MUST_BE(script_goes(&c->guest, patience_ms()));
	off = !cpu_set_online(GUEST_CPU, false);
	on = !cpu_set_online(GUEST_CPU, true);
	ended = script_ends(&c->guest, patience_ms());
	c->o.failed = !off + !on + !ended;
	MUST_BE(ended);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	self->fd = open_excluding(GUEST_CPU);
	MUST_BE(self->fd >= 0);
	c->o.counted_after = gain_on(self->fd, GUEST_CPU);
	c->s.attempts_asked = 1;
	JUDGE("M48", &c->s, &c->o);
}

/* The CPU is away and back between two visits, with a host event on it. */
TEST_F(move, M48_between_two_visits)
{
	struct guest_case *c = &self->c;
	int before = open_excluding(GUEST_CPU);

	NEEDS(cpu_can_go(GUEST_CPU), "CPU hotplug");
	MUST_BE(before >= 0);
	pattern_write(&c->guest, &c->pmu);
	move_guest(c, HOST_CPU);
	MUST(cpu_set_online(GUEST_CPU, false));
	c->o.failed = 0;
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	MUST(cpu_set_online(GUEST_CPU, true));
	move_guest(c, GUEST_CPU);
	c->o.mismatches += pattern_mismatches(&c->guest, &c->pmu);
	self->fd = open_excluding(GUEST_CPU);
	MUST_BE(self->fd >= 0);
	c->o.counted_after = gain_on(self->fd, GUEST_CPU);
	c->s.attempts_asked = 1;
	close(before);
	JUDGE("M48", &c->s, &c->o);
}

FIXTURE(end)
{
	struct scenario s;
	struct observation o;
	struct pmu host;
};

FIXTURE_SETUP(end)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	cpus_bring_back();
	self->host = pmu_of_host();
	self->s.host_counters = self->host.general;
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(end)
{
	case_end(_metadata);
}

/*
 * On the CPU where the guest was: its values, and whether the host's events
 * count and sample.
 */
static int look_for_remains(FIXTURE_DATA(end) * self)
{
	struct perf_event_mmap_page *page;
	struct perf_event_attr attr;
	int fd, err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	self->o.left_over = fd < 0;
	if (fd >= 0)
		close(fd);
	attr.exclude_guest = 1;
	fd = event_try_open(&attr, SELF, ANY_CPU, NO_GROUP);
	page = fd < 0 ? NULL : event_map(fd, 0);
	err = page ? cpu_pin_self(GUEST_CPU) : ENOENT;
	if (!err)
		self->o.leaked = pattern_leaks(&self->host, page, UINT64_MAX,
					       &self->o.leak_control);
	self->o.counted_after =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	if (page)
		event_unmap(page, 0);
	close(fd);
	self->o.samples_after = event_samples_on_cpu(GUEST_CPU, HOST_CPU,
						     SAMPLE_PERIOD, WORK_TURNS);
	return err;
}

/* A child with a guest that is inside, and stays there. Returns its pid. */
static pid_t start_victim(enum guest_op last)
{
	struct guest guest;
	struct pmu pmu = guest_pmu_offered();
	int ends[2];
	char byte;
	pid_t child;

	if (pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		script_guest_create(&guest, GUEST_CPU);
		pattern_write(&guest, &pmu);
		script_clear(&guest);
		script_do(&guest, last, 1);
		if (last == GUEST_PAUSE)
			byte = script_goes(&guest, patience_ms());
		else
			byte = guest_dies(&guest);
		_exit(write(ends[1], &byte, 1) != 1 || pause());
	}
	close(ends[1]);
	if (child > 0 && (read(ends[0], &byte, 1) != 1 || !byte)) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = -1;
	}
	close(ends[0]);
	return child;
}

static void end_victim(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

TEST_F(end, M49_killed_inside_the_guest)
{
	pid_t child = start_victim(GUEST_PAUSE);

	MUST_BE(child > 0);
	end_victim(child);
	MUST(look_for_remains(self));
	JUDGE("M49", &self->s, &self->o);
}

TEST_F(end, M49_killed_many_times)
{
	for (int i = 0; i < 5; i++) {
		pid_t child = start_victim(GUEST_PAUSE);

		MUST_BE(child > 0);
		end_victim(child);
	}
	MUST(look_for_remains(self));
	JUDGE("M49", &self->s, &self->o);
}

TEST_F(end, M49_triple_fault)
{
	pid_t child = start_victim(GUEST_DIE);

	MUST_BE(child > 0);
	end_victim(child);
	MUST(look_for_remains(self));
	JUDGE("M49", &self->s, &self->o);
}

/* Two guests on one CPU, one of them killed; then the other ends in order. */
TEST_F(end, M49_one_of_two_killed)
{
	const struct pmu offered = guest_pmu_offered();
	struct guest guest;
	pid_t child;

	script_guest_create(&guest, GUEST_CPU);
	pattern_write(&guest, &offered);
	child = start_victim(GUEST_PAUSE);
	MUST_BE(child > 0);
	end_victim(child);
	self->o.mismatches = pattern_mismatches(&guest, &offered);
	guest_destroy(&guest);
	MUST_BE(!self->o.mismatches);
	MUST(look_for_remains(self));
	JUDGE("M49", &self->s, &self->o);
}

/* The VMM came out and never goes in again: the VM is there, the guest not. */
TEST_F(end, M20_never_entered_again)
{
	const struct pmu offered = guest_pmu_offered();
	struct guest guest;

	script_guest_create(&guest, GUEST_CPU);
	pattern_write(&guest, &offered);
	MUST(look_for_remains(self));
	JUDGE("M20", &self->s, &self->o);
	guest_destroy(&guest);
	MUST(look_for_remains(self));
	JUDGE("M49", &self->s, &self->o);
}

/* Before cases are forked. */
static int prepare(void)
{
	calibration_prepare();
	return cpus_back_at_exit();
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, prepare);
}
