// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random histories of what users do with events and guests, while the model of
 * the whole history follows (docs/contract/guest.md, M52 to M55). What the
 * model excludes is shrunk and printed as a program of its own; scripts/explore
 * keeps it.
 */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/random.h"
#include "explore/explore.h"
#include "harness/cases.h"
#include "host/hotplug.h"
#include "host/limits.h"

#define EXPLORE_SEED 1
/* For making it shorter, beside half of the time it took to find. */
#define SHRINK_MS 30000
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
	limits_back();
	case_end(_metadata);
}

static unsigned int explore_ms(void)
{
	const char *given = getenv("PMU_EXPLORE_MS");

	return given ? (unsigned int)strtoul(given, NULL, 10) : 0;
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
	/* The same histories in every run, unless others are asked for. */
	uint64_t seed = getenv("PMU_SEED") ? random_seed() : EXPLORE_SEED;
	/* In the lab nothing else runs. */
	bool alone = getenv("PMU_ALONE");

	NEEDS(cpu_count() > 1, "two CPUs");
	NEEDS(klog_readable(), "the kernel log");
	/* Its bugs are known; the model of histories has none. */
	NEEDS(host_contract() != CONTRACT_RFC_AS_POSTED,
	      "a contract without known bugs");
	/* A history samples, and more than a limit of time allows. */
	MUST(limits_lift());
	explore(e, host_contract(), alone, seed, explore_ms());
	report_note("seed %llu, %llu histories, %llu steps",
		    (unsigned long long)seed, (unsigned long long)e->histories,
		    (unsigned long long)e->steps);
	if (e->end == EXPLORED_FINE) {
		judge_last(e, _metadata);
		return;
	}
	if (e->complaint[0])
		report_note("%s", e->complaint);
	if (e->end == EXPLORED_CANNOT) {
		report_note("step %d, which could not be done", e->step + 1);
		history_write(e, "#c ");
	}
	MUST_BE(e->end != EXPLORED_CANNOT);
	if (e->end == EXPLORED_STUCK) {
		report_note("step %d, from which the kernel does not come back",
			    e->history.length);
		history_write(e, "#c ");
		JUDGE(e->question.id, &e->question.s, &e->question.o);
		return;
	}
	report_note("%s at step %d; looking for a shorter way", e->question.id,
		    e->step + 1);
	explore_shrink(e, host_contract(), alone, SHRINK_MS + explore_ms() / 2);
	report_note("step %d of the shortest history, event %d", e->step + 1,
		    e->slot);
	history_write(e, "#c ");
	JUDGE(e->question.id, &e->question.s, &e->question.o);
}

static int keep(void)
{
	int err = cpus_back_at_exit();

	return err ? err : limits_start();
}

int main(int argc, char **argv)
{
	return case_main_keeping(argc, argv, HOST_NEEDS_GUEST_PMU, keep);
}
