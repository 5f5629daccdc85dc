// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into ERROR at guest entry, and what a program sees of it afterwards
 * (docs/contract/rfc.md, R4, R9 to R15).
 *
 * Most cases enter the guest once, on demand, so that what happened is known
 * without looking at a clock: guest_step() says how often it entered.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "beside_guest.h"
#include "base/work.h"
#include "perf/group.h"

#define WORK_TURNS 20000
/* More than KVM_RUN takes to enter a guest, on any kernel. */
#define MUCH_WORK 4000000

FIXTURE(rfc_error)
{
	BESIDE_GUEST;
};

FIXTURE_SETUP(rfc_error)
{
	BESIDE_GUEST_BEGINS();
	self->s.pmu = PMU_CORE;
	self->s.as_posted = host_as_posted();
	self->s.state_at_entry = STATE_ACTIVE;
	self->s.exclude_guest = 0;
	self->s.group_includes = 1;
	self->s.group_size = 1;
}

FIXTURE_TEARDOWN(rfc_error)
{
	BESIDE_GUEST_ENDS();
}

static int64_t is_eof(int fd)
{
	struct event_value value;

	return event_read(fd, &value) ? NOT_KNOWN : value.eof;
}

/* An include-guest event of the vCPU thread or of its CPU. */
static int open_include(FIXTURE_DATA(rfc_error) * self, bool of_task,
			unsigned int flags)
{
	self->fd = event_try_open_core(flags,
				       of_task ? self->guest.tid : ANY_TASK,
				       of_task ? ANY_CPU : GUEST_CPU, NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

static void enter(FIXTURE_DATA(rfc_error) * self)
{
	self->s.entries = (int64_t)guest_step(&self->guest);
}

static int request(int fd, unsigned long what)
{
	return ioctl(fd, what, 0) ? errno : 0;
}

static void move_to_host_cpu(void *arg)
{
	*(int *)arg = cpu_pin_self(HOST_CPU);
}

/* Is it in ERROR now, as the rule says? */
static void judge_eof(struct __test_metadata *_metadata,
		      FIXTURE_DATA(rfc_error) * self, const char *rule,
		      const char *when)
{
	self->o.eof = is_eof(self->fd);
	JUDGE(rule, &self->s, &self->o, "%s", when);
}

TEST_F(rfc_error, R4_for_good)
{
	int err = 0;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, true, 0));
	enter(self);
	judge_eof(_metadata, self, "R4", "after the entry");

	/* More exits, more entries, another CPU. */
	enter(self);
	guest_call(&self->guest, move_to_host_cpu, &err);
	MUST(err);
	enter(self);
	judge_eof(_metadata, self, "R4", "after more entries and another CPU");

	guest_free_vm(&self->guest);
	judge_eof(_metadata, self, "R4", "once the VM is gone");
}

TEST_F(rfc_error, R4_of_a_cpu_for_good)
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, false, 0));
	enter(self);
	judge_eof(_metadata, self, "R4", "after the entry");
	guest_free_vm(&self->guest);
	judge_eof(_metadata, self, "R4", "once the VM is gone");
}

/* read() as tools do it, and of a whole group. */
TEST_F(rfc_error, R9_read_and_group_read)
{
	struct perf_event_attr attr;
	uint64_t words[16];
	int leader, sibling;
	ssize_t got;

	MUST(event_describe(&attr, PMU_CORE));
	attr.read_format |= PERF_FORMAT_GROUP;
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	leader = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	sibling = event_try_open(&attr, ANY_TASK, GUEST_CPU, leader);
	MUST_BE(leader >= 0 && sibling >= 0);
	MUST(open_include(self, false, 0));
	self->s.entries = 0;
	judge_eof(_metadata, self, "R9", "before the entry");
	enter(self);
	judge_eof(_metadata, self, "R9", "after the entry");
	got = read(leader, words, sizeof(words));
	MUST_BE(got >= 0);
	self->o.eof = !got;
	JUDGE("R9", &self->s, &self->o, "of the whole group");
	close(sibling);
	close(leader);
}

/*
 * In ERROR for a whole run and for some work after it, then revived: what do
 * its clocks say? Another event tells how much work that is. Returns an errno.
 */
static int look_past_error(FIXTURE_DATA(rfc_error) * self,
			   const struct deadline *deadline)
{
	struct event_value from, to;
	uint64_t outer_from = now_ns(), inner_from, work_from, error_ns;
	int control, err = event_read(self->fd, &from);

	inner_from = now_ns();
	guest_go(&self->guest);
	error_ns = guest_time_inside(&self->guest, INSIDE_NS, deadline);
	if (!guest_stop(&self->guest, patience_ms()) || error_ns < INSIDE_NS)
		return ETIMEDOUT;
	control = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);
	if (control < 0)
		return -control;
	work_from = now_ns();
	self->s.work_in_error = guest_gain(&self->guest, control, MUCH_WORK);
	error_ns += now_ns() - work_from;
	close(control);
	/* It is of a CPU. */
	self->s.present_ns = (int64_t)(now_ns() - inner_from);
	err = err ?: request(self->fd, PERF_EVENT_IOC_ENABLE);
	err = err ?: event_read(self->fd, &to);
	self->s.guest_min_ns = (int64_t)error_ns;
	self->s.wall_max_ns = (int64_t)(now_ns() - outer_from);
	self->o.counted_before = (int64_t)from.count;
	self->o.counted_after = (int64_t)(to.count - from.count);
	self->o.enabled_ns = (int64_t)(to.enabled_ns - from.enabled_ns);
	self->o.running_ns = (int64_t)(to.running_ns - from.running_ns);
	return err;
}

TEST_F(rfc_error, R11_frozen_not_lost)
{
	struct deadline deadline = deadline_after_ms(patience_ms());

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_include(self, false, 0));
	MUST_BE(guest_gain(&self->guest, self->fd, WORK_TURNS) > 0);
	do {
		MUST(look_past_error(self, &deadline));
	} while (!guest_would_show(&self->s) && !deadline_passed(&deadline));
	self->s.entries = (int64_t)guest_exits_count(&self->guest);
	JUDGE("R11", &self->s, &self->o);
}

TEST_F(rfc_error, R12_disable_and_reset)
{
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, true, 0));
	MUST_BE(guest_gain(&self->guest, self->fd, WORK_TURNS) > 0);
	MUST(event_read(self->fd, &value));
	self->o.counted_before = (int64_t)value.count;
	enter(self);

	self->s.request = REQUEST_DISABLE;
	self->o.err = request(self->fd, PERF_EVENT_IOC_DISABLE);
	self->o.eof = is_eof(self->fd);
	JUDGE("R12", &self->s, &self->o, "disabled");

	MUST_BE(guest_settle(&self->guest, patience_ms()));
	self->s.request = REQUEST_RESET;
	self->o.err = request(self->fd, PERF_EVENT_IOC_RESET);
	self->o.eof = is_eof(self->fd);
	/* Its thread waits, so it can be revived without counting. */
	MUST(request(self->fd, PERF_EVENT_IOC_ENABLE));
	MUST(event_read(self->fd, &value));
	self->o.hidden_count = (int64_t)value.count;
	JUDGE("R12", &self->s, &self->o, "reset");
}

static int enable_by_ioctl(int fd)
{
	return request(fd, PERF_EVENT_IOC_ENABLE);
}

static int enable_by_prctl(int fd)
{
	(void)fd;
	return prctl(PR_TASK_PERF_EVENTS_ENABLE) ? errno : 0;
}

/* Enable an event in ERROR outside the guest: alive, until the next entry. */
static void judge_revival(struct __test_metadata *_metadata,
			  FIXTURE_DATA(rfc_error) * self, bool of_task,
			  int (*enable)(int fd))
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, of_task, of_task ? 0 : EVENT_PINNED));
	enter(self);
	self->s.request = REQUEST_ENABLE;
	self->s.entries = 0;
	self->o.err = enable(self->fd);
	self->o.eof = is_eof(self->fd);
	JUDGE("R13", &self->s, &self->o, "before the next entry");
	enter(self);
	self->o.eof = is_eof(self->fd);
	JUDGE("R13", &self->s, &self->o, "after the next entry");
}

TEST_F(rfc_error, R13_enable_of_a_task_event)
{
	judge_revival(_metadata, self, true, enable_by_ioctl);
}

TEST_F(rfc_error, R13_enable_of_a_pinned_cpu_event)
{
	judge_revival(_metadata, self, false, enable_by_ioctl);
}

TEST_F(rfc_error, R13_enable_by_prctl)
{
	judge_revival(_metadata, self, true, enable_by_prctl);
}

/* While the guest runs, reviving lasts until it is entered again: not long. */
TEST_F(rfc_error, R13_enable_under_the_guest)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	bool entered;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_include(self, false, 0));
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 1, &deadline));
	self->s.request = REQUEST_ENABLE;
	self->o.err = request(self->fd, PERF_EVENT_IOC_ENABLE);
	/* A heartbeat after the request is one after another entry. */
	entered = wait_at_least(&self->guest.record->heartbeat,
				self->guest.record->heartbeat + 2, &deadline);
	self->s.entries = entered;
	self->o.eof = is_eof(self->fd);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("R13", &self->s, &self->o);
}

static volatile sig_atomic_t signals_seen;

static void count_signal(int number)
{
	(void)number;
	signals_seen++;
}

/* Have this thread told by SIGIO. Returns 0 or an errno. */
static int watch_for_signals(int fd)
{
	struct sigaction action = { .sa_handler = count_signal,
				    .sa_flags = SA_RESTART };

	if (sigaction(SIGIO, &action, NULL) || fcntl(fd, F_SETOWN, getpid()) ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC))
		return errno;
	return 0;
}

/*
 * That the signal can be seen at all: a pinned event that is enabled where all
 * counters are taken is in ERROR for that reason, and its watcher is told.
 */
static int64_t signals_of_a_failed_pinned_event(void)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	struct competitors competitors;
	int64_t seen;
	int fd;

	if (event_describe(&attr, PMU_CORE) ||
	    competitors_take_counters(&competitors, GUEST_CPU))
		return NOT_KNOWN;
	attr.exclude_guest = 1;
	attr.pinned = 1;
	attr.disabled = 1;
	fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	signals_seen = 0;
	if (fd < 0 || watch_for_signals(fd) ||
	    request(fd, PERF_EVENT_IOC_ENABLE))
		return NOT_KNOWN;
	while (!signals_seen && !deadline_passed(&deadline))
		;
	seen = signals_seen;
	close(fd);
	competitors_close(&competitors);
	return seen;
}

static void judge_no_wakeup(struct __test_metadata *_metadata,
			    FIXTURE_DATA(rfc_error) * self, bool pinned)
{
	struct pollfd poller = { .events = POLLIN };

	self->o.signals_control = signals_of_a_failed_pinned_event();
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, false, pinned ? EVENT_PINNED : 0));
	MUST(watch_for_signals(self->fd));
	signals_seen = 0;
	enter(self);
	/* What was to be sent from that CPU is sent before the next entry. */
	guest_step(&self->guest);
	poller.fd = self->fd;
	MUST_BE(poll(&poller, 1, 0) >= 0);
	self->s.pinned = pinned;
	self->o.signals = signals_seen;
	self->o.poll_err = !!(poller.revents & POLLERR);
	JUDGE("R14", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(rfc_error, R14_nobody_is_woken_flexible)
{
	judge_no_wakeup(_metadata, self, false);
}

TEST_F(rfc_error, R14_nobody_is_woken_pinned)
{
	judge_no_wakeup(_metadata, self, true);
}

TEST_F(rfc_error, R15_disabled_survives_until_it_is_on)
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(open_include(self, false, EVENT_DISABLED));
	enter(self);
	self->s.state_at_entry = STATE_OFF;
	judge_eof(_metadata, self, "R15", "off");

	MUST(request(self->fd, PERF_EVENT_IOC_ENABLE));
	enter(self);
	self->s.state_at_entry = STATE_ACTIVE;
	judge_eof(_metadata, self, "R15", "on");
}

/* All counters are taken by pinned events, so it waits for its turn. */
TEST_F(rfc_error, R15_waiting_survives_until_it_is_on)
{
	struct competitors competitors;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_take_counters(&competitors, GUEST_CPU));
	MUST(open_include(self, false, 0));
	enter(self);
	self->s.state_at_entry = STATE_INACTIVE;
	judge_eof(_metadata, self, "R15", "waiting");

	competitors_close(&competitors);
	MUST(request(self->fd, PERF_EVENT_IOC_DISABLE));
	MUST(request(self->fd, PERF_EVENT_IOC_ENABLE));
	enter(self);
	self->s.state_at_entry = STATE_ACTIVE;
	judge_eof(_metadata, self, "R15", "on a counter");
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_RFC_GUESTS | HOST_NEEDS_STEADY_CLOCK);
}
