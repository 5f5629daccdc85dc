// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same on every CPU of the machine at once: a guest on each that counts,
 * and a host event beside each (docs/contract/guest.md, M41, M43). All CPUs
 * work at the same time, so that a large machine takes little longer than a
 * small one.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "guest_case.h"
#include "base/work.h"
#include "perf/kicks.h"

#define WORK_TURNS 300
#define LONG_TURNS 200000
#define LONGER_TRIES 4
/* VMs are made one after the other. */
#define TIMEOUT_S 240

/*
 * What belongs to one CPU. @least: what the host's event @fd gained over the
 * host's own work, beside a brief guest and beside a longer one.
 */
struct place {
	struct guest guest;
	pthread_t thread;
	const struct counting *counting;
	struct counted counted;
	int fd;
	struct least_of_two least;
	int err;
};

FIXTURE(every)
{
	struct scenario s;
	struct pmu pmu;
	struct place *place;
	int places;
};

/* A guest takes a handful of file descriptors, and an event one more. */
static bool room_for_files(int places)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	limit.rlim_cur = limit.rlim_max;
	return !setrlimit(RLIMIT_NOFILE, &limit) &&
	       limit.rlim_cur > 16 + 8 * (rlim_t)places;
}

FIXTURE_SETUP(every)
{
	case_begin();
	NEEDS(room_for_files(cpu_count()), "a higher limit of open files");
	self->s = scenario_unknown;
	self->pmu = guest_pmu_offered();
	self->s.amd = self->pmu.amd;
	self->s.guest_counters = self->pmu.general;
	self->s.guest_version = self->pmu.version;
	self->s.host_counters = pmu_of_host().general;
	self->s.counter_width = self->pmu.width;
	self->place = calloc((size_t)cpu_highest() + 1, sizeof(*self->place));
	MUST_BE(self->place);
	for (int cpu = 0; cpu <= cpu_highest(); cpu++) {
		if (cpu_is_online(cpu))
			script_guest_create(&self->place[self->places++].guest,
					    cpu);
	}
}

FIXTURE_TEARDOWN(every)
{
	for (int i = 0; i < self->places; i++)
		guest_destroy(&self->place[i].guest);
	free(self->place);
	case_end(_metadata);
}

/* Do @code for each place, in a thread of its own. Returns 0 or an errno. */
static int everywhere(FIXTURE_DATA(every) * self, void *(*code)(void *place))
{
	int started = 0, err = 0;

	for (; started < self->places && !err; started++)
		err = pthread_create(&self->place[started].thread, NULL, code,
				     &self->place[started]);
	for (int i = 0; i < started - !!err; i++)
		pthread_join(self->place[i].thread, NULL);
	for (int i = 0; i < self->places && !err; i++)
		err = self->place[i].err;
	return err;
}

static void *count_here(void *arg)
{
	struct place *place = arg;
	struct counting counting = *place->counting;

	/* Until an interrupt came while it counted. */
	for (int tries = 0; tries < (counting.interrupted ? LONGER_TRIES : 1);
	     tries++) {
		place->err = counting_run_on(&place->guest, &counting, 1, NULL,
					     NULL, &place->counted);
		if (place->err || place->counted.entries > 0)
			break;
		counting.times *= 2;
	}
	return NULL;
}

TEST_F_TIMEOUT(every, M41_guests_on_all_cpus_count_exactly, TIMEOUT_S)
{
	struct counting counting = {
		.pmu = self->pmu,
		.op = GUEST_WORK,
		.times = LONG_TURNS,
	};
	struct kicks *kicks = NULL;
	int err;

	for (unsigned int i = 0; i < self->pmu.general; i++)
		counting.eventsel[i] = pmu_select(
			&self->pmu, i % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS,
			PMU_USER | PMU_OS);
	for (int i = 0; i < self->places; i++)
		self->place[i].counting = &counting;
	/* Interrupts of the host come while they count, if that can be told. */
	if (calibration_entries_alike(PMU_INSTRUCTIONS) &&
	    calibration_entries_alike(PMU_BRANCHES)) {
		counting.interrupted = true;
		kicks = kicks_start(0, cpu_highest());
		MUST_BE(kicks);
	}
	err = everywhere(self, count_here);
	if (kicks)
		kicks_stop(kicks);
	MUST(err);
	for (int i = 0; i < self->places; i++) {
		const struct place *place = &self->place[i];

		for (unsigned int n = 0; n < self->pmu.general; n++) {
			struct observation o = observation_unknown;

			describe_count(&self->s, &counting, &place->counted,
				       n % 2 ? PMU_BRANCHES : PMU_INSTRUCTIONS);
			o.guest_counted = place->counted.gained[n];
			o.guest_control = place->counted.gained[0];
			JUDGE("M41", &self->s, &o, "counter %u on CPU %d", n,
			      place->guest.cpu);
		}
	}
}

/* On the vCPU's thread. */
static int64_t gain_beside(struct place *place, uint64_t turns)
{
	struct event_value from, to;

	script_clear(&place->guest);
	script_do(&place->guest, GUEST_WORK, turns);
	if (event_read(place->fd, &from))
		return NOT_KNOWN;
	guest_enter(&place->guest);
	work(WORK_TURNS);
	if (event_read(place->fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

/*
 * As in load_put_test.c: what disturbs only adds. All rounds at once, so that
 * no thread wakes another meanwhile, always at the same moment.
 */
static void gain_often(void *arg)
{
	struct deadline deadline = deadline_after_ms(patience_ms() / 2);
	struct place *place = arg;
	int64_t brief, longer;

	place->least = (struct least_of_two)LEAST_OF_NONE;
	/* The first pass through the code is longer: pages are faulted in. */
	gain_beside(place, TURNS);
	do {
		brief = gain_beside(place, TURNS);
		longer = gain_beside(place, LONG_TURNS);
	} while (least_wants_more(&place->least, brief, longer) &&
		 !deadline_passed(&deadline));
}

static void *gain_here(void *arg)
{
	struct place *place = arg;

	guest_call(&place->guest, gain_often, place);
	return NULL;
}

/* User space of the vCPU's thread only: nobody else's work is in it. */
static int open_beside(struct place *place)
{
	place->fd = event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_USER_ONLY,
					place->guest.tid, ANY_CPU, NO_GROUP);
	return place->fd < 0 ? -place->fd : 0;
}

TEST_F_TIMEOUT(every, M43_host_events_on_all_cpus_beside_longer_guests,
	       TIMEOUT_S)
{
	for (int i = 0; i < self->places; i++)
		MUST(open_beside(&self->place[i]));
	MUST(everywhere(self, gain_here));
	for (int i = 0; i < self->places; i++) {
		const struct place *place = &self->place[i];
		struct observation o = observation_unknown;

		self->s.exclude_guest = 1;
		self->s.guest_iterations =
			(int64_t)place->guest.record->heartbeat;
		o.counted_before = place->least.first.value;
		o.host_surplus = least_difference(&place->least);
		JUDGE("M43", &self->s, &o, "CPU %d", place->guest.cpu);
	}
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
