/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs about a guest's own PMU have in common. */
#ifndef PMU_SELFTESTS_GUEST_CASE_H
#define PMU_SELFTESTS_GUEST_CASE_H

#include "base/cpu.h"
#include "base/file.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "perf/group.h"
#include "vm/calibrated.h"
#include "vm/counting.h"
#include "vm/guest_calibrate.h"

#define GUEST_CPU 1
#define TURNS 1000

/* @pmu: what the guest's CPUID announces; @host: the machine's */
struct guest_case {
	struct scenario s;
	struct observation o;
	struct guest guest;
	struct pmu pmu, host;
};

static inline void guest_case_describe(struct guest_case *c)
{
	c->s.amd = c->pmu.amd;
	c->s.passthrough = contract_among(host_contract(), BY_PASSTHROUGH);
	c->s.guest_counters = c->pmu.general;
	c->s.guest_version = c->pmu.version;
	c->s.host_counters = c->host.general;
	c->s.guest_fixed = c->pmu.fixed;
	c->s.host_fixed = c->host.fixed;
	c->s.host_version = c->host.version;
	c->s.counter_width = c->pmu.width;
}

/* A guest with all that KVM offers; this thread on CPU 0, the guest on another.
 */
static inline bool guest_case_begin(struct guest_case *c)
{
	case_begin();
	c->s = scenario_unknown;
	c->o = observation_unknown;
	c->host = pmu_of_host();
	c->pmu = guest_pmu_offered();
	guest_case_describe(c);
	if (cpu_pin_self(0))
		return false;
	script_guest_create(&c->guest, GUEST_CPU);
	return true;
}

/* Before its first run: announce a lesser PMU to the guest. */
static inline void guest_case_limit(struct guest_case *c, unsigned int counters,
				    unsigned int version)
{
	guest_limit_pmu(&c->guest, counters, version);
	c->pmu.general = counters;
	c->pmu.version = version;
	/* The first version has no fixed counters. */
	if (version < 2)
		c->pmu.fixed = c->pmu.fixed_mask = 0;
	/* guest_limit_pmu() drops the extension where four are announced. */
	c->pmu.core = !c->pmu.amd || version > 1 || counters > 4;
	guest_case_describe(c);
}

/* State what counters of @event had to count while the step was taken. */
static inline void describe_count(struct scenario *s,
				  const struct counting *counting,
				  const struct counted *counted,
				  enum pmu_event event)
{
	s->guest_work = counting_work(counting->op, event, counted->times);
	s->guest_entries = counted->entries;
	s->entry_counts = calibration_entry(event);
	s->entries_alike = calibration_entries_alike(event);
}

/*
 * Let counter @counter count @event during @op, at the levels in @levels, and
 * another one beside it at all levels: the control.
 */
static inline int count_one(struct guest_case *c, unsigned int counter,
			    enum pmu_event event, unsigned int levels,
			    enum guest_op op, uint64_t times)
{
	struct counting counting = { .pmu = c->pmu, .op = op, .times = times };
	unsigned int other = counter ? 0 : 1;
	struct counted counted;
	int err;

	counting.eventsel[counter] = pmu_select(&c->pmu, event, levels);
	counting.eventsel[other] =
		pmu_select(&c->pmu, event, PMU_USER | PMU_OS);
	err = counting_run(&c->guest, &counting, &counted);
	c->o.guest_counted = counted.gained[counter];
	c->o.guest_control = counted.gained[other];
	describe_count(&c->s, &counting, &counted, event);
	return err;
}

/*
 * Of a processor that nobody knows, nobody knows that nested page faults are
 * counted alike, unless they are as other exits.
 */
static inline bool faults_are_alike(void)
{
	const struct calibration now = calibration_here();

	return !calibration_faults_vary() &&
	       (calibration_known() ||
		(now.fault_entry_instructions == now.entry_instructions &&
		 now.fault_entry_branches == now.entry_branches));
}

/*
 * Two counts that must be the same, each the least of several measurements:
 * what disturbs, an interrupt or a VM entry by chance, adds to a count and
 * never takes from it (lib/perf/calibration.h). And it comes by chance: a count
 * that is the least in fewer than a quarter of the measurements says nothing.
 */
struct least {
	int64_t value;
	unsigned int times;
};

struct least_of_two {
	struct least first, second;
	unsigned int rounds;
};

#define LEAST_OF_NONE                                 \
	{                                             \
		{ INT64_MAX, 0 }, { INT64_MAX, 0 }, 0 \
	}
#define LEAST_TRIES 6
/* Where they differ in so many, they do. */
#define LEAST_TRIES_DIFFER 12
#define LEAST_TRIES_MOST 40

static inline void least_take(struct least *least, int64_t value)
{
	if (value < least->value)
		*least = (struct least){ .value = value };
	least->times += value == least->value;
}

static inline bool least_is_sure(const struct least_of_two *least)
{
	return least->rounds >= LEAST_TRIES &&
	       4 * least->first.times >= least->rounds &&
	       4 * least->second.times >= least->rounds;
}

/* Take one more of each. Returns true while more are needed. */
static inline bool least_wants_more(struct least_of_two *least, int64_t first,
				    int64_t second)
{
	least->rounds++;
	least_take(&least->first, first);
	least_take(&least->second, second);
	/* NOT_KNOWN is the least of all. */
	if (first == NOT_KNOWN || second == NOT_KNOWN)
		return false;
	if (least_is_sure(least))
		return least->first.value != least->second.value &&
		       least->rounds < LEAST_TRIES_DIFFER;
	return least->rounds < LEAST_TRIES_MOST;
}

/* The second less the first, or NOT_KNOWN. */
static inline int64_t least_difference(const struct least_of_two *least)
{
	if (least->first.value == NOT_KNOWN ||
	    least->second.value == NOT_KNOWN || !least_is_sure(least) ||
	    calibration_here().exact == 0)
		return NOT_KNOWN;
	return least->second.value - least->first.value;
}

/*
 * Where a counter of the guest is an event of the host's, it has none while
 * others hold them all: a profiler with pinned events, another guest.
 */
static inline bool others_hold_counters(void)
{
	int found;

	if (contract_among(host_contract(), BY_PASSTHROUGH))
		return false;
	found = counters_free(GUEST_CPU);
	return found >= 0 && found < (int)pmu_of_host().general;
}

/*
 * main() of a program whose guests count. @needs: HOST_NEEDS_*, beside a guest
 * with a PMU; @keep as for case_main_keeping(), or NULL. Returns 2 for a
 * PMU_CALIBRATION that is none.
 */
static inline int guest_case_main(int argc, char **argv, unsigned int needs,
				  int (*keep)(void))
{
	const char *told = getenv("PMU_CALIBRATION");
	struct calibration calibration;

	if (told && calibration_read(told, &calibration)) {
		fprintf(stderr,
			"%s: PMU_CALIBRATION wants what calibrate prints, not '%s'\n",
			program_invocation_short_name, told);
		return 2;
	}
	needs |= HOST_NEEDS_GUEST_PMU;
	if (!case_only_lists(argc, argv) && !host_missing(needs) &&
	    others_hold_counters()) {
		ksft_print_header();
		ksft_exit_skip("needs counters that nobody holds\n");
	}
	return case_main_keeping(argc, argv, needs, keep);
}

/* Then KVM takes any value for any register, and reads one that is none as 0.
 */
static inline bool guest_msrs_are_ignored(void)
{
	char value[4];

	return !file_read("/sys/module/kvm/parameters/ignore_msrs", value,
			  sizeof(value)) &&
	       value[0] == 'Y';
}

static inline void guest_case_end(struct guest_case *c,
				  struct __test_metadata *_metadata)
{
	guest_destroy(&c->guest);
	case_end(_metadata);
}

/* A number of counters that is fewer than the host's, and that AMD allows. */
static inline unsigned int fewer_counters(const struct guest_case *c)
{
	return c->host.general > 4 ? 4 : c->host.general;
}

#endif
