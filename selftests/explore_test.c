// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random histories of what users do with events and guests, while the model of
 * the whole history follows (docs/contract/guest.md, M52 to M55). What the
 * model excludes is shrunk and printed as a program of its own; scripts/explore
 * keeps it.
 */
#include <stdlib.h>

#include "explore/explore.h"
#include "perf/cpu.h"
#include "report/cases.h"
#include "sync/random.h"

#define EXPLORE_MS 1500
/* A whole history can be shrunk within this. */
#define CASE_S 600

FIXTURE(history)
{
	struct exploration e;
};

FIXTURE_SETUP(history)
{
	case_begin();
}

FIXTURE_TEARDOWN(history)
{
	case_end(_metadata);
}

static unsigned int explore_ms(void)
{
	const char *given = getenv("PMU_EXPLORE_MS");

	return given ? (unsigned int)strtoul(given, NULL, 10) : EXPLORE_MS;
}

/* Of what conformed, the last of each rule stands for all. */
static void judge_last(struct exploration *e, struct __test_metadata *_metadata)
{
	for (int i = 0; i < EXPLORED_RULES; i++)
		JUDGE(e->last[i].id, &e->last[i].s, &e->last[i].o);
}

TEST_F_TIMEOUT(history, M52_M53_M54_M55_random_histories, CASE_S)
{
	struct exploration *e = &self->e;
	uint64_t seed = random_seed();

	NEEDS(cpu_count() > 1, "two CPUs");
	explore(e, host_contract(), seed, explore_ms());
	report_note("seed %llu, %llu histories, %llu steps",
		    (unsigned long long)seed, (unsigned long long)e->histories,
		    (unsigned long long)e->steps);
	MUST_BE(e->end != EXPLORED_CANNOT);
	if (e->end == EXPLORED_FINE) {
		judge_last(e, _metadata);
		return;
	}
	report_note("step %d of the shortest history, event %d", e->step + 1,
		    e->slot);
	if (e->complaint[0])
		report_note("%s", e->complaint);
	history_write(e, "#c ");
	JUDGE(e->question.id, &e->question.s, &e->question.o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
