// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the clocks of an event make of the time its CPU spent in a guest
 * (docs/contract/mediated.md, M23 to M25), by every way a program can learn
 * them: read(), the mmap page, samples.
 *
 * No bound is a tolerance. The guest's time is a sum of stretches it certainly
 * did not leave; the wall time is taken outside the event's life for an upper
 * bound and inside it for a lower one.
 */
#include <sys/ioctl.h>

#include "cgroup_guest.h"

#define WORK_TURNS 100000
#define RING_PAGES 8
#define SAMPLE_PERIOD 50000
#define READER_ROUNDS 10
/* Most of the time between two ticks of a host at 250 Hz. */
#define LONGEST_STINT_NS 2500000

FIXTURE(times)
{
	BESIDE_GUEST;
	struct perf_event_mmap_page *page;
};

static void host_work(void)
{
	for (volatile int turn = 0; turn < WORK_TURNS; turn++)
		;
}

FIXTURE_SETUP(times)
{
	BESIDE_GUEST_BEGINS();
}

FIXTURE_TEARDOWN(times)
{
	BESIDE_GUEST_ENDS();
}

/* Open on the vCPU thread or on its CPU. Returns 0 or an errno. */
static int open_for_guest(FIXTURE_DATA(times) * self, enum pmu_kind pmu,
			  bool exclude_guest, bool of_task,
			  uint64_t sample_period)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, pmu);

	if (err)
		return err;
	attr.exclude_guest = exclude_guest;
	attr.sample_period = sample_period;
	attr.sample_type = sample_period ? PERF_SAMPLE_READ : 0;
	self->s.pmu = pmu;
	self->s.exclude_guest = exclude_guest;
	self->fd = event_try_open(&attr, of_task ? self->guest.tid : ANY_TASK,
				  of_task ? ANY_CPU : self->guest.cpu,
				  NO_GROUP);
	return self->fd < 0 ? -self->fd : 0;
}

static bool between_reads(FIXTURE_DATA(times) * self, enum time_of time_of)
{
	return guest_between_reads(&self->guest, self->fd, time_of, &self->s,
				   &self->o);
}

TEST_F(times, M23_read_of_a_task_event_leaves_the_guest_out)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, true, 0));
	MUST_BE(between_reads(self, TASK_TIME));
	JUDGE("M23", &self->s, &self->o);
}

TEST_F(times, M23_read_of_a_cpu_event_leaves_the_guest_out)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, false, 0));
	MUST_BE(between_reads(self, CPU_TIME));
	JUDGE("M23", &self->s, &self->o);
}

/*
 * The host's share is most of the event's life here: it waits on the vCPU
 * thread before the guest and after it.
 */
struct visit {
	uint64_t from_ns, to_ns;
};

static void note_entry(void *arg)
{
	struct visit *visit = arg;

	host_work();
	visit->from_ns = now_ns();
}

static void note_exit(void *arg)
{
	struct visit *visit = arg;

	visit->to_ns = now_ns();
	host_work();
}

/* Of a CPU: the time that a task sleeps is no time of its events. */
static void judge_sum(FIXTURE_DATA(times) * self,
		      struct __test_metadata *_metadata)
{
	struct visit visit;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, false, 0));
	self->guest.before = note_entry;
	self->guest.after = note_exit;
	self->guest.arg = &visit;
	MUST_BE(between_reads(self, CPU_TIME));
	self->s.guest_max_ns = (int64_t)(visit.to_ns - visit.from_ns);
	JUDGE("M23.sum", &self->s, &self->o);
	guest_destroy(&self->guest);
}

TEST_F(times, M23_host_and_guest_add_up_to_the_wall_time)
{
	judge_sum(self, _metadata);
}

static int read_cgroup_event(FIXTURE_DATA(times) * self)
{
	return cgroup_guest_between_reads(&self->guest, &self->fd, true,
					  WORK_TURNS, &self->s, &self->o);
}

TEST_F(times, M26_a_cgroup_event_leaves_the_guest_out)
{
	int err = read_cgroup_event(self);

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	JUDGE("M26", &self->s, &self->o);
}

TEST_F(times, M26_a_cgroup_event_runs_as_long_as_it_is_enabled)
{
	int err = read_cgroup_event(self);

	NEEDS(err != ENOENT, "events of a cgroup2");
	MUST(err);
	JUDGE("M26.running", &self->s, &self->o);
}

TEST_F(times, M24_task_clock_counts_the_guest_its_times_do_not)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_SOFTWARE, true, true, 0));
	MUST_BE(between_reads(self, ANY_TIME));
	self->o.left_out_ns = self->o.count_ns - self->o.enabled_ns;
	JUDGE("M24", &self->s, &self->o);
}

TEST_F(times, M25_software_event_keeps_wall_time)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_SOFTWARE, false, false, 0));
	MUST_BE(between_reads(self, ANY_TIME));
	JUDGE("M25", &self->s, &self->o);
}

TEST_F(times, M25_msr_event_keeps_wall_time)
{
	int err;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	err = open_for_guest(self, PMU_MSR, false, false, 0);
	NEEDS(err != ENOENT, "the msr PMU");
	MUST(err);
	MUST_BE(between_reads(self, ANY_TIME));
	JUDGE("M25", &self->s, &self->o);
}

/*
 * A reader on another CPU.
 * @stint_ns:  how long to stay inside the guest before the first read
 * @inside:    that read, and @from_ns and @read_ns, when staying began and
 * ended
 */
struct reader {
	int fd;
	uint64_t stint_ns, from_ns, read_ns;
	struct event_value inside;
};

static void read_late(void *arg)
{
	struct reader *reader = arg;

	reader->from_ns = now_ns();
	do {
		reader->read_ns = now_ns();
	} while (reader->read_ns - reader->from_ns < reader->stint_ns);
	event_read(reader->fd, &reader->inside);
}

/*
 * Read certainly inside the guest, long after its last entry, and again once
 * it has been left. Time only passes, so the second read may not be less.
 * Returns the number of steps back (0 or 1), or NOT_KNOWN if the round tells
 * nothing: a kernel that takes the guest's time in and out again must show it
 * if less time passed between the reads than inside before the first one.
 */
static int64_t reader_round(struct guest *guest, struct reader *reader,
			    const struct deadline *deadline)
{
	struct deadline soon = deadline_after_ms(200);
	struct event_value outside;
	struct inside inside;
	uint64_t exits;

	if (!guest_inside(guest, read_late, reader, 0, &soon, &inside)) {
		/* Its stints are shorter than that: the host ticks faster. */
		reader->stint_ns -= reader->stint_ns / 4;
		return NOT_KNOWN;
	}
	exits = guest_exits_count(guest);
	while (guest_exits_count(guest) == exits) {
		if (deadline_passed(deadline))
			return NOT_KNOWN;
	}
	if (event_read(reader->fd, &outside))
		return NOT_KNOWN;
	if (outside.enabled_ns < reader->inside.enabled_ns)
		return 1;
	if (now_ns() - reader->read_ns < reader->read_ns - reader->from_ns)
		return 0;
	return NOT_KNOWN;
}

TEST_F(times, M23_time_never_goes_back_for_a_reader_elsewhere)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct reader reader = { .stint_ns = LONGEST_STINT_NS };
	int telling = 0;

	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, true, 0));
	reader.fd = self->fd;
	guest_go(&self->guest);
	while (telling < READER_ROUNDS && !deadline_passed(&deadline)) {
		int64_t steps = reader_round(&self->guest, &reader, &deadline);

		if (steps == NOT_KNOWN)
			continue;
		telling++;
		if (steps || telling == READER_ROUNDS)
			self->o.backward_steps = steps;
		if (steps)
			break;
	}
	self->s.guest_iterations = (int64_t)self->guest.record->heartbeat;
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	JUDGE("M23.monotonic", &self->s, &self->o);
}

static void keep_larger(int64_t *kept, uint64_t a, uint64_t b)
{
	int64_t difference = (int64_t)(a - b);

	if (*kept == NOT_KNOWN || difference > *kept)
		*kept = difference;
}

/* Time only passes: what is read between two reads lies between them. */
static void compare_page(FIXTURE_DATA(times) * self)
{
	uint64_t enabled_ns, running_ns;
	struct event_value before, after;

	if (event_read(self->fd, &before) ||
	    !event_page_times(self->page, &enabled_ns, &running_ns) ||
	    event_read(self->fd, &after))
		return;
	keep_larger(&self->o.page_ahead_ns, enabled_ns, after.enabled_ns);
	keep_larger(&self->o.page_behind_ns, before.enabled_ns, enabled_ns);
}

/*
 * On the vCPU thread, which has just left the guest: the page as the exit left
 * it, and as the kernel writes it when something else updates it.
 */
static void compare_pages(void *arg)
{
	FIXTURE_DATA(times) *self = arg;

	compare_page(self);
	ioctl(self->fd, PERF_EVENT_IOC_RESET, 0);
	compare_page(self);
}

TEST_F(times, M23_page_leaves_the_guest_out)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, true, 0));
	self->page = event_map(self->fd, 0);
	MUST_BE(self->page != NULL);
	self->guest.after = compare_pages;
	self->guest.arg = self;
	MUST_BE(between_reads(self, ANY_TIME));
	JUDGE("M23.page", &self->s, &self->o);
}

/* Samples of work between two reads; those of before the guest are dropped. */
static void take_samples(void *arg)
{
	FIXTURE_DATA(times) *self = arg;
	struct event_value before, after, sample;
	uint64_t earliest_ns = UINT64_MAX, latest_ns = 0;

	while (event_ring_next(self->page, RING_PAGES, &sample))
		;
	if (event_read(self->fd, &before))
		return;
	host_work();
	if (event_read(self->fd, &after))
		return;
	while (event_ring_next(self->page, RING_PAGES, &sample)) {
		if (sample.enabled_ns > latest_ns)
			latest_ns = sample.enabled_ns;
		if (sample.enabled_ns < earliest_ns)
			earliest_ns = sample.enabled_ns;
	}
	if (!latest_ns)
		return;
	keep_larger(&self->o.sample_ahead_ns, latest_ns, after.enabled_ns);
	keep_larger(&self->o.sample_behind_ns, before.enabled_ns, earliest_ns);
}

TEST_F(times, M23_samples_leave_the_guest_out)
{
	guest_create(&self->guest, guest_code_spin, GUEST_CPU);
	MUST(open_for_guest(self, PMU_CORE, true, true, SAMPLE_PERIOD));
	self->page = event_map(self->fd, RING_PAGES);
	MUST_BE(self->page != NULL);
	self->guest.after = take_samples;
	self->guest.arg = self;
	MUST_BE(between_reads(self, ANY_TIME));
	JUDGE("M23.sample", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_CLAIMS | HOST_NEEDS_TWO_CPUS |
				 HOST_NEEDS_STEADY_CLOCK);
}
