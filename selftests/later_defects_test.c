// SPDX-License-Identifier: GPL-2.0-only
/*
 * Defects that came up after the RFC, in reviews of what followed it and in
 * what was merged, asked of any kernel (docs/contract/defects.md, D13 to D50).
 * Those about the guest's own counters are with the programs about them.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "beside_guest.h"
#include "guest_case.h"
#include "base/work.h"
#include "host/watchdog.h"
#include "perf/cgroup.h"
#include "perf/group.h"
#include "vm/vm.h"

#define WORK_TURNS 50000
#define WINDOW_NS 500000ull
#define COMPETITORS 12
#define VMS 20
#define MAPS 20

FIXTURE(later)
{
	BESIDE_GUEST;
	struct vm vm;
	struct competitors competitors;
	struct cgroup cgroup;
};

FIXTURE_SETUP(later)
{
	BESIDE_GUEST_BEGINS();
	self->vm.fd = -1;
	self->cgroup.fd = -1;
}

FIXTURE_TEARDOWN(later)
{
	competitors_close(&self->competitors);
	cgroup_leave_and_remove(&self->cgroup);
	if (self->vm.fd >= 0)
		vm_close(&self->vm);
	watchdog_off();
	BESIDE_GUEST_ENDS();
}

/* Services that make VMs at boot, with the watchdog on as it is then. */
TEST_F(later, D13_a_vm_is_made_beside_the_watchdog)
{
	int all = counters_free(GUEST_CPU);
	int free, err = watchdog_on();

	NEEDS(!err, "a hard-lockup watchdog");
	free = counters_free(GUEST_CPU);
	MUST_BE(all > 0 && free >= 0);
	self->o.held_before = all - free;
	self->s.include_events = cpu_count();
	self->s.vcpus = 0;
	self->o.err = vm_try_with_irqchip(&self->vm);
	JUDGE("D13", &self->s, &self->o);
}

TEST_F(later, D15_a_guest_without_an_irqchip_runs)
{
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
				       GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	self->o.counted_before =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	MUST(vm_try_create(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	/* Intel's has no PMU that could be loaded before it is told of one. */
	MUST(vm_try_offered_cpuid(&self->vm));
	MUST(cpu_pin_self(GUEST_CPU));
	self->s.irqchip = 0;
	self->o.err = vm_try_run_halt(&self->vm);
	self->o.counted_after =
		event_gain_on_cpu(self->fd, GUEST_CPU, HOST_CPU, WORK_TURNS);
	JUDGE("D15", &self->s, &self->o);
}

/* The log is read after the case: a count that wraps would be in it. */
TEST_F(later, D18_the_first_vm_and_the_last)
{
	self->o.attempts = 0;
	self->o.failed = 0;
	for (int i = 0; i < VMS; i++) {
		self->o.failed += vm_try_with_irqchip(&self->vm) ||
				  vm_try_vcpu(&self->vm);
		vm_close(&self->vm);
		self->o.attempts++;
	}
	self->vm.fd = -1;
	self->fd = event_try_open_core(0, ANY_TASK, GUEST_CPU, NO_GROUP);
	self->s.attempts_asked = VMS;
	self->o.left_over = self->fd < 0;
	JUDGE("D18", &self->s, &self->o);
}

static int64_t greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What events that took turns say of their times. Returns 0 or an errno. */
static int read_turns(FIXTURE_DATA(later) * self)
{
	struct observation *o = &self->o;

	o->eof = 0;
	o->running_all_ns = 0;
	for (int i = 0; i < self->competitors.size; i++) {
		struct event_value value;
		int err = event_read(self->competitors.fd[i], &value);
		int64_t enabled_ns = (int64_t)value.enabled_ns;
		int64_t running_ns = (int64_t)value.running_ns;

		if (err)
			return err;
		o->eof |= value.eof;
		o->running_all_ns += running_ns;
		/* NOT_KNOWN is the least of all. */
		o->enabled_ns = greater(o->enabled_ns, enabled_ns);
		o->running_ahead_ns =
			greater(o->running_ahead_ns, running_ns - enabled_ns);
	}
	return 0;
}

TEST_F(later, D19_times_of_events_that_take_turns)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from_ns, had_ns, stay_ns = INSIDE_NS;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	from_ns = now_ns();
	had_ns = thread_time_ns(self->guest.tid);
	MUST(competitors_try_open(&self->competitors, COMPETITORS,
				  self->guest.tid, ANY_CPU));
	self->o.counted_before =
		guest_gain(&self->guest, self->competitors.fd[0], WORK_TURNS);
	self->s.guest_min_ns = 0;
	/* Each stay longer, so that it outgrows what is between two. */
	do {
		guest_go(&self->guest);
		self->s.guest_min_ns += (int64_t)guest_time_inside(
			&self->guest, stay_ns, &deadline);
		stay_ns *= 2;
		MUST_BE(guest_stop(&self->guest, patience_ms()));
		self->s.present_ns =
			(int64_t)(thread_time_ns(self->guest.tid) - had_ns);
		MUST(read_turns(self));
		self->s.wall_max_ns = (int64_t)(now_ns() - from_ns);
	} while (!guest_would_show(&self->s) && !deadline_passed(&deadline));
	self->s.competitors = COMPETITORS;
	self->s.counters = pmu_of_host().general;
	JUDGE("D19", &self->s, &self->o);
}

/*
 * One window: read the event, let the guest run for @inside_ns, read it again.
 * The cgroup is on the CPU all the while if the vCPU thread is, so that its
 * clock has at least what lies between the two reads. What the reads may have
 * added must be less than the time inside, or a clock that stands still there
 * would not show.
 * Returns an errno. What was asked is only stated if the window was good.
 */
static int look_at_window(FIXTURE_DATA(later) * self, uint64_t inside_ns,
			  const struct deadline *deadline)
{
	volatile uint64_t *heartbeat = &self->guest.record->heartbeat;
	long switches = guest_switches_count(&self->guest);
	struct event_value from, to;
	uint64_t before_ns, from_ns, to_ns, after_ns;
	int err;

	if (!wait_at_least(heartbeat, *heartbeat + 1, deadline))
		return 0;
	before_ns = now_ns();
	err = event_read(self->fd, &from);
	from_ns = now_ns();
	inside_ns = guest_time_inside(&self->guest, inside_ns, deadline);
	to_ns = now_ns();
	err = err ?: event_read(self->fd, &to);
	after_ns = now_ns();
	if (err || !wait_at_least(heartbeat, *heartbeat + 1, deadline) ||
	    switches < 0 || guest_switches_count(&self->guest) != switches ||
	    inside_ns <= (after_ns - before_ns) - (to_ns - from_ns))
		return err;
	self->s.guest_min_ns = (int64_t)inside_ns;
	self->s.wall_min_ns = (int64_t)(to_ns - from_ns);
	self->s.wall_max_ns = (int64_t)(after_ns - before_ns);
	self->o.enabled_ns = (int64_t)(to.enabled_ns - from.enabled_ns);
	return 0;
}

/* Short windows see no other task, long ones outweigh the reads. */
static int read_around_guest(FIXTURE_DATA(later) * self,
			     const struct deadline *deadline)
{
	int err = 0;

	for (int i = 0;
	     !err && !known(self->s.wall_min_ns) && !deadline_passed(deadline);
	     i++)
		err = look_at_window(self, WINDOW_NS << i % 6, deadline);
	return err;
}

TEST_F(later, D20_the_clock_of_a_cgroup_goes_on_inside)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct perf_event_attr attr;
	int err = cgroup_try_make(&self->cgroup, "pmu-later");

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	MUST(event_describe(&attr, PMU_SOFTWARE));
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(cgroup_enter(&self->cgroup));
	self->fd = cgroup_try_open_event(&self->cgroup, &attr, GUEST_CPU);
	MUST_BE(self->fd >= 0);
	guest_go(&self->guest);
	MUST(read_around_guest(self, &deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("D20", &self->s, &self->o);
}

TEST_F(later, D21_events_are_mapped_beside_a_guest)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct inside inside;

	self->o.attempts = 0;
	self->o.failed = 0;
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	MUST_BE(guest_inside(&self->guest, NULL, NULL, 0, &deadline, &inside));
	for (int i = 0; i < MAPS; i++) {
		int fd = event_try_open_core(EVENT_EXCLUDES_GUEST,
					     i % 2 ? ANY_TASK : SELF,
					     i % 2 ? GUEST_CPU : ANY_CPU,
					     NO_GROUP);
		struct perf_event_mmap_page *page = event_map(fd, 0);

		self->o.failed += !page;
		if (page)
			event_unmap(page, 0);
		close(fd);
		self->o.attempts++;
	}
	MUST_BE(guest_inside(&self->guest, NULL, NULL, 0, &deadline, &inside));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);
	self->s.guest_iterations = (int64_t)inside.heartbeat;
	self->s.attempts_asked = MAPS;
	JUDGE("D21", &self->s, &self->o);
}

struct refusal {
	pid_t task;
	int fd;
};

static void open_once(void *arg)
{
	struct refusal *refusal = arg;

	refusal->fd = event_try_open_core(
		0, refusal->task,
		refusal->task == ANY_TASK ? GUEST_CPU : ANY_CPU, NO_GROUP);
	if (refusal->fd >= 0)
		close(refusal->fd);
}

TEST_F(later, D22_a_refusal_is_not_a_missing_right)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct refusal refusal = { 0 };
	struct inside inside;
	pid_t tasks[3];

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	tasks[0] = ANY_TASK;
	tasks[1] = SELF;
	tasks[2] = self->guest.tid;
	guest_go(&self->guest);
	self->o.denied = 0;
	self->o.refused = 0;
	for (int i = 0; i < 3; i++) {
		refusal.task = tasks[i];
		MUST_BE(guest_inside(&self->guest, open_once, &refusal, 0,
				     &deadline, &inside));
		self->o.denied += refusal.fd == -EACCES;
		self->o.refused += refusal.fd < 0;
	}
	self->s.guest_iterations = (int64_t)inside.heartbeat;
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);
	JUDGE("D22", &self->s, &self->o);
}

/*
 * On the vCPU thread, after its guest: an event it opens now. What its page
 * says must lie before a read() made after it.
 */
struct fresh {
	int fd;
	int64_t ahead_ns;
};

static void look_at_fresh(void *arg)
{
	struct fresh *fresh = arg;
	struct perf_event_mmap_page *page;
	struct event_value value;
	uint64_t enabled_ns, running_ns;

	fresh->ahead_ns = NOT_KNOWN;
	fresh->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
					GUEST_CPU, NO_GROUP);
	page = event_map(fresh->fd, 0);
	if (!page)
		return;
	if (event_page_times(page, &enabled_ns, &running_ns) &&
	    !event_read(fresh->fd, &value))
		fresh->ahead_ns = (int64_t)(enabled_ns - value.enabled_ns);
	event_unmap(page, 0);
}

TEST_F(later, D29_a_new_event_after_a_guest)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct fresh fresh = { .fd = -1 };

	/* Something must have kept the CPU's clock while the guest ran. */
	self->fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK,
				       GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	guest_go(&self->guest);
	self->s.guest_min_ns =
		(int64_t)guest_time_inside(&self->guest, INSIDE_NS, &deadline);
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_call(&self->guest, look_at_fresh, &fresh);
	close(fresh.fd);
	guest_destroy(&self->guest);
	self->s.exclude_guest = 1;
	self->o.page_ahead_ns = fresh.ahead_ns;
	JUDGE("D29", &self->s, &self->o);
}

/* The watchdog's counter is one that is missing for others. */
TEST_F(later, D33_a_watchdog_that_reads_as_on_is_on)
{
	int all = counters_free(GUEST_CPU);
	int free, err = watchdog_on();

	NEEDS(!err, "a hard-lockup watchdog");
	MUST_BE(all > 0);
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->s.counters = all;
	self->o.held_before = all - free;
	MUST(watchdog_off());
	MUST(vm_try_with_irqchip(&self->vm));
	MUST(vm_try_vcpu(&self->vm));
	watchdog_on();
	self->s.sysctl_reads = watchdog_state();
	free = counters_free(GUEST_CPU);
	MUST_BE(free >= 0);
	self->o.held_now = all - free;
	JUDGE("D33", &self->s, &self->o);
}

/*
 * The cgroup is one that nobody is in. What runs on the CPU without a task of
 * another cgroup is in the root.
 */
static int open_elsewhere(struct cgroup *cgroup)
{
	struct perf_event_attr attr;
	int err = cgroup_try_make(cgroup, "pmu-elsewhere")
			  ?: cgroup_enter_root();

	if (!err)
		err = event_describe(&attr, PMU_CORE);
	if (err)
		return -err;
	attr.exclude_guest = 1;
	return cgroup_try_open_event(cgroup, &attr, GUEST_CPU);
}

TEST_F(later, D36_a_cgroup_elsewhere_and_a_guest)
{
	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	self->fd = open_elsewhere(&self->cgroup);
	NEEDS(self->fd != -ENOENT, "cgroup2");
	MUST_BE(self->fd >= 0);
	klog_expected_begins();
	self->o.exits_made = (int64_t)guest_step(&self->guest);
	self->o.warned = klog_expected_ends("ctx_sched_in");
	NEEDS(self->o.warned != NOT_KNOWN, "the kernel log");
	guest_destroy(&self->guest);
	self->s.exits_asked = 1;
	JUDGE("D36", &self->s, &self->o);
}

/* What an event gains that is opened disabled and then enabled. */
static int64_t gain_once_enabled(void)
{
	struct event_value value;
	int64_t gained = NOT_KNOWN;
	int fd;

	fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_DISABLED,
				 ANY_TASK, GUEST_CPU, NO_GROUP);
	if (fd < 0)
		return NOT_KNOWN;
	if (!ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		work(WORK_TURNS);
		if (!event_read(fd, &value))
			gained = (int64_t)value.count;
	}
	close(fd);
	return gained;
}

/* No guest in it: the cause of D36, seen from the host. */
TEST_F(later, D37_a_cgroup_elsewhere_and_an_event_enabled_late)
{
	MUST(cpu_pin_self(GUEST_CPU));
	self->o.counted_before = gain_once_enabled();
	self->fd = open_elsewhere(&self->cgroup);
	NEEDS(self->fd != -ENOENT, "cgroup2");
	MUST_BE(self->fd >= 0);
	self->o.counted_after = gain_once_enabled();
	self->s.host_work = WORK_TURNS;
	JUDGE("D37", &self->s, &self->o);
}

/* Again no guest: events of a task start the context of a CPU. */
TEST_F(later, D50_a_cgroup_elsewhere_and_a_task_that_comes)
{
	struct perf_event_attr attr;
	int of_cpu, of_task;

	MUST(event_describe(&attr, PMU_SOFTWARE));
	attr.disabled = 1;
	self->fd = open_elsewhere(&self->cgroup);
	NEEDS(self->fd != -ENOENT, "cgroup2");
	MUST_BE(self->fd >= 0);
	of_cpu = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	of_task = event_try_open_core(EVENT_EXCLUDES_GUEST, SELF, ANY_CPU,
				      NO_GROUP);
	MUST_BE(of_cpu >= 0 && of_task >= 0);
	klog_expected_begins();
	self->o.counted_after =
		event_gain_on_cpu(of_task, GUEST_CPU, HOST_CPU, WORK_TURNS);
	self->o.warned = klog_expected_ends("visit_groups_merge");
	close(of_task);
	close(of_cpu);
	NEEDS(self->o.warned != NOT_KNOWN, "the kernel log");
	self->s.host_work = WORK_TURNS;
	JUDGE("D50", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv,
				 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_STEADY_CLOCK,
				 watchdog_back_at_exit);
}
