// SPDX-License-Identifier: GPL-2.0-only
/*
 * What events of the host count and sample of a guest where both share the PMU,
 * to the instruction (docs/contract/emulated.md, E3 to E6).
 */
#include <sys/ioctl.h>

#include "guest_case.h"
#include "base/work.h"
#include "host/interrupts.h"

#define EXITS 20
#define LONG_TURNS 100000
#define WORK_TURNS 300
#define RING_PAGES 8
/* Many more samples than exits for another reason. */
#define PERIOD 1009

/* Where the code of this program lies, and that of its guests with it. */
extern const char __executable_start[], etext[];

/*
 * Members of the group, the leader first: its enabling and disabling starts and
 * stops all of them at once.
 */
enum member { OF_HOST, OF_GUEST, OF_BOTH, MEMBERS };

static const unsigned int excludes[MEMBERS] = {
	[OF_HOST] = EVENT_EXCLUDES_GUEST,
	[OF_GUEST] = EVENT_EXCLUDES_HOST,
	[OF_BOTH] = 0,
};

FIXTURE(shared)
{
	struct guest_case c;
	int fd[MEMBERS];
	struct perf_event_mmap_page *page;
};

/* What the guest does, few and many times. */
FIXTURE_VARIANT(shared)
{
	enum guest_op op;
	uint64_t few, many;
};

FIXTURE_VARIANT_ADD(shared, that_works){
	.op = GUEST_WORK,
	.few = 1,
	.many = 1 + LONG_TURNS,
};

FIXTURE_VARIANT_ADD(shared, in_user_space){
	.op = GUEST_USER,
	.few = 1,
	.many = 1 + LONG_TURNS,
};

FIXTURE_VARIANT_ADD(shared, that_leaves){
	.op = GUEST_OUT,
	.few = 1,
	.many = 1 + EXITS,
};

FIXTURE_SETUP(shared)
{
	for (int i = 0; i < MEMBERS; i++)
		self->fd[i] = -1;
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(shared)
{
	if (self->page)
		event_unmap(self->page, RING_PAGES);
	for (int i = MEMBERS; i--;) {
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	}
	guest_case_end(&self->c, _metadata);
}

static int open_members(FIXTURE_DATA(shared) * self)
{
	for (int i = 0; i < MEMBERS; i++) {
		unsigned int flags = excludes[i];

		if (!i)
			flags |= EVENT_DISABLED;
		self->fd[i] = event_try_open_core(flags, self->c.guest.tid,
						  ANY_CPU,
						  i ? self->fd[0] : NO_GROUP);
		if (self->fd[i] < 0)
			return -self->fd[i];
	}
	return 0;
}

/*
 * What the members gain while the guest is entered, or, with @work only, while
 * the host works.
 */
struct stretch {
	struct guest *guest;
	const int *fd;
	bool work;
	int64_t gained[MEMBERS];
	int64_t entries, interrupts;
	int err;
};

static void go_along(void *arg)
{
	struct stretch *stretch = arg;
	struct event_value value;

	stretch->entries = -(int64_t)guest_exits_count(stretch->guest);
	stretch->interrupts = -(int64_t)guest_interrupts_count(stretch->guest);
	ioctl(stretch->fd[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
	ioctl(stretch->fd[0], PERF_EVENT_IOC_ENABLE, 0);
	if (stretch->work)
		work(WORK_TURNS);
	else
		guest_enter(stretch->guest);
	ioctl(stretch->fd[0], PERF_EVENT_IOC_DISABLE, 0);
	stretch->entries += (int64_t)guest_exits_count(stretch->guest);
	stretch->interrupts += (int64_t)guest_interrupts_count(stretch->guest);
	for (int i = 0; i < MEMBERS; i++) {
		int err = event_read(stretch->fd[i], &value);

		if (!err && value.running_ns != value.enabled_ns)
			err = EAGAIN;
		stretch->err = err ? err : stretch->err;
		stretch->gained[i] = (int64_t)value.count;
	}
}

static struct stretch stretch_of(FIXTURE_DATA(shared) * self,
				 const FIXTURE_VARIANT(shared) * variant,
				 uint64_t times)
{
	struct stretch stretch = {
		.guest = &self->c.guest,
		.fd = self->fd,
		.work = !times,
	};

	script_clear(&self->c.guest);
	script_do(&self->c.guest, variant->op, times);
	guest_call(&self->c.guest, go_along, &stretch);
	return stretch;
}

/*
 * A short stretch and a long one: what differs is the work of the guest and
 * nothing else. Waited for are two without system management, which counts as
 * the guest's, and, where the processor counts the entry after some exits only,
 * without an interrupt of the host.
 */
static int two_stretches(FIXTURE_DATA(shared) * self,
			 const FIXTURE_VARIANT(shared) * variant,
			 struct stretch *few, struct stretch *many)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	int64_t smis;
	bool quiet;

	/* The first time through, pages are faulted in. */
	*few = stretch_of(self, variant, variant->few);
	do {
		smis = cpu_smis(GUEST_CPU);
		*few = stretch_of(self, variant, variant->few);
		*many = stretch_of(self, variant, variant->many);
		if (few->err || many->err)
			return few->err ? few->err : many->err;
		quiet = cpu_smis(GUEST_CPU) == smis &&
			(calibration_entries_alike(PMU_INSTRUCTIONS) ||
			 (!few->interrupts && !many->interrupts));
	} while (!quiet && !deadline_passed(&deadline));
	return quiet ? 0 : ETIMEDOUT;
}

TEST_F(shared, E3_an_event_of_the_guest_counts_the_guest)
{
	struct guest_case *c = &self->c;
	struct stretch outside, few, many;

	MUST(open_members(self));
	outside = stretch_of(self, variant, 0);
	MUST(outside.err);
	MUST(two_stretches(self, variant, &few, &many));
	c->s.guest_work = counting_retired(variant->op, PMU_INSTRUCTIONS,
					   variant->many - variant->few);
	c->s.guest_entries = many.entries - few.entries;
	c->s.entry_counts = calibration_entry(PMU_INSTRUCTIONS);
	c->s.entries_alike = calibration_entries_alike(PMU_INSTRUCTIONS);
	c->o.counted_before = outside.gained[OF_HOST];
	c->o.counted_outside = outside.gained[OF_GUEST];
	c->o.guest_counted = many.gained[OF_GUEST] - few.gained[OF_GUEST];
	JUDGE("E3", &c->s, &c->o);
}

TEST_F(shared, E4_host_and_guest_add_up)
{
	struct guest_case *c = &self->c;
	struct stretch few, many;

	NEEDS(c->host.version > 1, "a PMU with a global control");
	MUST(open_members(self));
	MUST(two_stretches(self, variant, &few, &many));
	c->s.guest_entries = many.entries;
	c->s.entries_alike = calibration_entries_alike(PMU_INSTRUCTIONS);
	c->o.counted_before = many.gained[OF_HOST];
	c->o.guest_control = many.gained[OF_GUEST];
	c->o.both_surplus = many.gained[OF_BOTH] - many.gained[OF_HOST] -
			    many.gained[OF_GUEST];
	JUDGE("E4", &c->s, &c->o);
}

/* An event that samples, stopped; alone. */
static int open_sampling(FIXTURE_DATA(shared) * self, enum member member)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return err;
	attr.exclude_guest = member == OF_HOST;
	attr.exclude_host = member == OF_GUEST;
	attr.sample_type = PERF_SAMPLE_IP;
	attr.sample_period = PERIOD;
	attr.disabled = 1;
	self->fd[0] =
		event_try_open(&attr, self->c.guest.tid, ANY_CPU, NO_GROUP);
	if (self->fd[0] < 0)
		return -self->fd[0];
	self->page = event_map(self->fd[0], RING_PAGES);
	return self->page ? 0 : errno;
}

static bool is_of_guest(unsigned int mode)
{
	return mode == PERF_RECORD_MISC_GUEST_KERNEL ||
	       mode == PERF_RECORD_MISC_GUEST_USER;
}

static void take_samples(FIXTURE_DATA(shared) * self)
{
	struct observation *o = &self->c.o;
	struct event_place place;

	o->samples = o->samples_of_guest = o->samples_of_host = 0;
	o->samples_elsewhere = 0;
	while (event_ring_next_place(self->page, RING_PAGES, &place)) {
		bool guest = is_of_guest(place.mode);

		o->samples++;
		o->samples_of_guest += guest;
		o->samples_of_host += !guest;
		o->samples_elsewhere +=
			guest &&
			(place.address < (uintptr_t)__executable_start ||
			 place.address >= (uintptr_t)etext);
	}
}

struct sampling {
	struct guest *guest;
	int fd;
	int64_t interrupts;
};

static void enter_sampled(void *arg)
{
	struct sampling *sampling = arg;

	sampling->interrupts =
		-(int64_t)guest_interrupts_count(sampling->guest);
	ioctl(sampling->fd, PERF_EVENT_IOC_ENABLE, 0);
	guest_enter(sampling->guest);
	work(LONG_TURNS);
	ioctl(sampling->fd, PERF_EVENT_IOC_DISABLE, 0);
	sampling->interrupts +=
		(int64_t)guest_interrupts_count(sampling->guest);
}

static int sample(FIXTURE_DATA(shared) * self,
		  const FIXTURE_VARIANT(shared) * variant, enum member member)
{
	struct sampling sampling = { .guest = &self->c.guest };
	int err = open_sampling(self, member);

	if (err)
		return err;
	sampling.fd = self->fd[0];
	script_clear(&self->c.guest);
	/* Enough of everything: exits alone are few instructions. */
	script_do(&self->c.guest, variant->op, variant->many);
	script_do(&self->c.guest, GUEST_WORK, LONG_TURNS);
	guest_call(&self->c.guest, enter_sampled, &sampling);
	/* Its own, which of the scripts only OUT makes, and the last one. */
	self->c.s.other_exits =
		sampling.interrupts + 1 +
		(variant->op == GUEST_OUT ? (int64_t)variant->many : 0);
	self->c.s.overflow_late = calibration_here().overflow_late;
	take_samples(self);
	return 0;
}

TEST_F(shared, E5_a_sample_of_a_guest_says_so)
{
	MUST(sample(self, variant, OF_GUEST));
	JUDGE("E5", &self->c.s, &self->c.o);
}

TEST_F(shared, E6_a_sample_of_the_host_says_so)
{
	MUST(sample(self, variant, OF_HOST));
	JUDGE("E6", &self->c.s, &self->c.o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, HOST_NEEDS_EMULATED,
			       calibration_prepare);
}
