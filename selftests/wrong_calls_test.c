// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf's guest interface called by the test module instead of a hypervisor:
 * rightly, to hold a CPU in the state it has under a guest, and wrongly
 * (docs/contract: R2, R6, R7, M22, D8, D9). What the kernel says to a wrong
 * call is part of the contract, so it does not fail the case by itself.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "base/cpu.h"
#include "harness/cases.h"
#include "host/calls.h"
#include "perf/event.h"

#define HOST_CPU 0
#define GUEST_CPU 1
#define WORK_TURNS 20000
/* The functions that complain of misuse have this in their names. */
#define GUEST_CALL "_guest_"
#define LOCKDEP_REPORT "inconsistent lock state"

FIXTURE(wrong_calls)
{
	struct scenario s;
	struct observation o;
};

FIXTURE_SETUP(wrong_calls)
{
	int err;

	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->s.pmu = PMU_CORE;
	self->s.prove_locking = host_proves_locking();
	err = calls_load();
	NEEDS(err != ENOENT && err != ENOEXEC,
	      "the test module of this kernel");
	MUST(err);
	MUST(cpu_pin_self(HOST_CPU));
}

FIXTURE_TEARDOWN(wrong_calls)
{
	calls_unload();
	case_end(_metadata);
}

/* Make the call on the guest's CPU, and come back. Returns 0 or an errno. */
static int call_there(const char *call)
{
	int err = cpu_pin_self(GUEST_CPU);

	if (!err)
		err = calls_make(call);
	if (!err)
		err = cpu_pin_self(HOST_CPU);
	return err;
}

static bool rfc_spoken(void)
{
	return host_contract() != CONTRACT_MEDIATED;
}

/* errno of opening an include-guest event of that CPU now. */
static int64_t open_errno(void)
{
	int fd;

	fd = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -fd : 0;
}

TEST_F(wrong_calls, R7_calls_that_do_not_alternate_change_nothing)
{
	static const char *const calls[] = { "enter", "enter", "exit",
					     "exit",  "enter", "exit" };

	NEEDS(rfc_spoken(), "the RFC's contract");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		klog_expected_begins();
		MUST(call_there(calls[i]));
		klog_expected_ends(GUEST_CALL);
		self->s.entered = !strcmp(calls[i], "enter");
		self->o.err = open_errno();
		JUDGE("R7", &self->s, &self->o, "call %zu, %s", i + 1,
		      calls[i]);
	}
}

/* Whether the kernel complains about the last of these calls. */
static int64_t warned_about(const char *first, const char *last)
{
	int64_t warned;

	if (first && call_there(first))
		return NOT_KNOWN;
	klog_expected_begins();
	if (call_there(last))
		return NOT_KNOWN;
	warned = klog_expected_ends(GUEST_CALL);
	return warned;
}

static void judge_warnings(struct __test_metadata *_metadata,
			   FIXTURE_DATA(wrong_calls) * self, const char *rule)
{
	self->s.calls_alternate = 1;
	self->o.warned = warned_about(NULL, "enter");
	JUDGE(rule, &self->s, &self->o, "first enter");
	self->s.calls_alternate = 0;
	self->o.warned = warned_about(NULL, "enter");
	JUDGE(rule, &self->s, &self->o, "second enter");
	self->s.calls_alternate = 1;
	self->o.warned = warned_about(NULL, "exit");
	JUDGE(rule, &self->s, &self->o, "first exit");
	self->s.calls_alternate = 0;
	self->o.warned = warned_about(NULL, "exit");
	JUDGE(rule, &self->s, &self->o, "second exit");
}

TEST_F(wrong_calls, M22_double_load_and_put_without_load)
{
	NEEDS(!rfc_spoken(), "the mediated contract");
	judge_warnings(_metadata, self, "M22");
}

/*
 * An event of that CPU, under a leader of another kind of PMU or alone, is
 * enabled while the CPU is held; its work must not be counted until it is left.
 */
static void enable_under_guest(struct __test_metadata *_metadata,
			       FIXTURE_DATA(wrong_calls) * self,
			       bool software_leader)
{
	struct perf_event_attr attr, leader_attr;
	struct perf_event_mmap_page *page;
	struct event_value value;
	int fd, leader = NO_GROUP;

	MUST(event_describe(&attr, PMU_CORE));
	MUST(event_describe(&leader_attr, PMU_SOFTWARE));
	attr.exclude_guest = 1;
	attr.disabled = !software_leader;
	leader_attr.exclude_guest = 1;
	leader_attr.disabled = 1;
	if (software_leader) {
		leader = event_try_open(&leader_attr, ANY_TASK, GUEST_CPU,
					NO_GROUP);
		MUST_BE(leader >= 0);
	}
	fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, leader);
	MUST_BE(fd >= 0);
	page = event_map(fd, 0);
	MUST_BE(page != NULL);
	if (leader == NO_GROUP)
		leader = fd;
	MUST(ioctl(leader, PERF_EVENT_IOC_ENABLE, 0) ? errno : 0);
	self->o.counted_before =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	MUST(ioctl(leader, PERF_EVENT_IOC_DISABLE, 0) ? errno : 0);

	MUST(call_there("enter"));
	MUST(ioctl(leader, PERF_EVENT_IOC_ENABLE, 0) ? errno : 0);
	self->o.counted_inside =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	self->o.page_index = page->index;
	MUST(event_read(fd, &value));
	self->o.eof = value.eof;
	MUST(call_there("exit"));
	self->o.counted_after =
		event_gain_on_cpu(fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	event_unmap(page, 0);
	close(fd);
	if (leader != fd)
		close(leader);
	self->s.entered = 1;
	self->s.exclude_guest = 1;
}

TEST_F(wrong_calls, R2_enabled_under_a_guest_it_waits_for_the_exit)
{
	NEEDS(rfc_spoken(), "the RFC's contract");
	enable_under_guest(_metadata, self, false);
	JUDGE("R2.refused", &self->s, &self->o);
}

TEST_F(wrong_calls, M27_enabled_under_a_load_it_waits_for_the_put)
{
	NEEDS(!rfc_spoken(), "the mediated contract");
	enable_under_guest(_metadata, self, false);
	JUDGE("M27.held", &self->s, &self->o);
}

TEST_F(wrong_calls, D8_under_a_software_leader_it_waits_as_well)
{
	enable_under_guest(_metadata, self, true);
	JUDGE("D8", &self->s, &self->o);
}

TEST_F(wrong_calls, D9_calls_that_do_not_alternate_are_warned_about)
{
	judge_warnings(_metadata, self, "D9");
}

/*
 * These come last, in the last program: with its first report lockdep switches
 * itself off, and a context lock taken with interrupts on is one more. So a
 * boot can ask only one of them.
 */
static void judge_interrupts_on(struct __test_metadata *_metadata,
				FIXTURE_DATA(wrong_calls) * self,
				const char *first, const char *call)
{
	NEEDS(rfc_spoken(), "the RFC's contract");
	NEEDS(self->s.prove_locking == 1,
	      "CONFIG_PROVE_LOCKING, and no report so far");
	self->s.interrupts_on = 0;
	self->o.warned = warned_about(NULL, "enter");
	JUDGE("R6", &self->s, &self->o, "enter, interrupts off");
	self->o.warned = warned_about(NULL, "exit");
	JUDGE("R6", &self->s, &self->o, "exit, interrupts off");
	self->s.interrupts_on = 1;
	self->o.warned = warned_about(first, call);
	/* Lockdep has more to say when an interrupt takes the same lock. */
	klog_expected_also(LOCKDEP_REPORT);
	klog_expected_begins();
	call_there("exit");
	open_errno();
	klog_expected_ends(GUEST_CALL);
	klog_expected_also(LOCKDEP_REPORT);
	JUDGE("R6", &self->s, &self->o, "%s, interrupts on", call);
}

TEST_F(wrong_calls, R6_enter_with_interrupts_on)
{
	judge_interrupts_on(_metadata, self, NULL, "enter-on");
}

TEST_F(wrong_calls, R6_exit_with_interrupts_on)
{
	judge_interrupts_on(_metadata, self, "enter", "exit-on");
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_ROOT | HOST_NEEDS_CORE_PMU |
				 HOST_NEEDS_VPMU | HOST_NEEDS_TWO_CPUS);
}
