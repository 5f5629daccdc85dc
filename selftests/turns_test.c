// SPDX-License-Identifier: GPL-2.0-only
/*
 * More host events than counters, beside a guest that comes and goes
 * (docs/contract/guest.md, M28).
 */
#include "beside_guest.h"
#include "perf/group.h"
#include "vm/pmu.h"

/* More flexible events than any core PMU has counters. */
#define COMPETITORS 16
#define EXITS 300

FIXTURE(rotate)
{
	BESIDE_GUEST;
	struct competitors competitors;
};

FIXTURE_SETUP(rotate)
{
	BESIDE_GUEST_BEGINS();
}

FIXTURE_TEARDOWN(rotate)
{
	competitors_close(&self->competitors);
	BESIDE_GUEST_ENDS();
}

/* Members of the competitors that have not counted since @from. */
static int64_t starved(const struct competitors *competitors,
		       const uint64_t *from)
{
	struct event_value value;
	int64_t found = 0;

	for (int i = 0; i < competitors->size; i++)
		found += event_read(competitors->fd[i], &value) ||
			 value.count == from[i];
	return found;
}

TEST_F(rotate, M28_everybody_has_a_turn_between_exits)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from[COMPETITORS], exits;
	struct event_value value;

	guest_create(&self->guest, guest_code_exits, GUEST_CPU);
	MUST(competitors_try_open(&self->competitors, COMPETITORS, ANY_TASK,
				  GUEST_CPU));
	guest_go(&self->guest);
	MUST_BE(wait_at_least(&self->guest.record->heartbeat, 100, &deadline));
	for (int i = 0; i < COMPETITORS; i++) {
		MUST(event_read(self->competitors.fd[i], &value));
		from[i] = value.count;
	}
	exits = guest_exits_count(&self->guest);
	do {
		self->o.starved = starved(&self->competitors, from);
		self->o.exits_made =
			(int64_t)(guest_exits_count(&self->guest) - exits);
	} while ((self->o.starved || self->o.exits_made < EXITS) &&
		 !deadline_passed(&deadline));
	MUST_BE(guest_stop(&self->guest, patience_ms()));
	guest_destroy(&self->guest);
	self->o.eof = 0;
	for (int i = 0; i < COMPETITORS; i++)
		self->o.eof |= !event_read(self->competitors.fd[i], &value) &&
			       value.eof;
	self->s.competitors = COMPETITORS;
	self->s.counters = pmu_of_host().general;
	self->s.exits_asked = EXITS;
	JUDGE("M28", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_TWO_CPUS);
}
