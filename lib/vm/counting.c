// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "counting.h"

static void select_all(struct guest *guest, const struct counting *counting,
		       bool on)
{
	const struct pmu *pmu = &counting->pmu;
	uint64_t fixed = 0;

	for (unsigned int i = 0; i < pmu->general; i++)
		script_write(guest, pmu_selector_msr(pmu, i),
			     on ? counting->selector[i] : 0);
	for (unsigned int i = 0; i < pmu->fixed; i++)
		fixed |= pmu_select_fixed(i, counting->fixed);
	if (pmu->fixed)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
			     on ? fixed : 0);
}

static void clear_all(struct guest *guest, const struct pmu *pmu)
{
	for (unsigned int i = 0; i < pmu->general; i++)
		script_write(guest, pmu_counter_msr(pmu, i), 0);
	for (unsigned int i = 0; i < pmu->fixed; i++)
		script_write(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i), 0);
}

/* Without a global control the selectors themselves start and stop. */
static void start_or_stop(struct guest *guest, const struct counting *counting,
			  bool on)
{
	const struct pmu *pmu = &counting->pmu;

	if (pmu->version > 1)
		script_write(guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0),
			     on ? pmu_all(pmu) : 0);
	else
		select_all(guest, counting, on);
}

void counting_script(struct guest *guest, const struct counting *counting,
		     uint64_t times, int read[COUNTERS_MAX])
{
	const struct pmu *pmu = &counting->pmu;
	int next = 0;

	script_clear(guest);
	start_or_stop(guest, counting, false);
	if (pmu->version > 1)
		select_all(guest, counting, true);
	clear_all(guest, pmu);
	start_or_stop(guest, counting, true);
	script_add(guest, counting->op, counting->index, counting->value,
		   times);
	start_or_stop(guest, counting, false);
	for (unsigned int i = 0; i < pmu->general; i++)
		read[next++] = script_read(guest, pmu_counter_msr(pmu, i));
	for (unsigned int i = 0; i < pmu->fixed; i++)
		read[next++] =
			script_read(guest, pmu_msr(pmu, PMU_FIXED_COUNTER, i));
}

static bool any_fault(const struct guest *guest)
{
	const struct guest_step *step = guest->script->step;

	for (; step->op != GUEST_END; step++) {
		if (step->vector)
			return true;
	}
	return false;
}

static int count_once(struct guest *guest, const struct counting *counting,
		      uint64_t times, int64_t counts[COUNTERS_MAX])
{
	int read[COUNTERS_MAX];

	counting_script(guest, counting, times, read);
	script_run(guest);
	for (unsigned int i = 0;
	     i < counting->pmu.general + counting->pmu.fixed; i++)
		counts[i] = (int64_t)script_seen(guest, read[i]);
	return any_fault(guest) ? EIO : 0;
}

int counting_run(struct guest *guest, const struct counting *counting,
		 int64_t gained[COUNTERS_MAX])
{
	int64_t few[COUNTERS_MAX];
	int err = count_once(guest, counting, 1, few);

	if (!err)
		err = count_once(guest, counting, 1 + counting->times, gained);
	for (unsigned int i = 0;
	     i < counting->pmu.general + counting->pmu.fixed; i++)
		gained[i] -= few[i];
	return err;
}

int64_t counting_work(enum guest_op op, enum pmu_event event, uint64_t times)
{
	static const struct {
		int64_t instructions, branches;
	} made_of[GUEST_OPS] = {
		[GUEST_WORK] = { 2, 1 },    [GUEST_USER] = { 2, 1 },
		[GUEST_EMULATE] = { 4, 1 }, [GUEST_OUT] = { 3, 1 },
		[GUEST_IPI] = { 3, 1 },	    [GUEST_INVD] = { 3, 1 },
		[GUEST_NESTED] = { 2, 1 },
	};

	return (int64_t)times * (event == PMU_BRANCHES
					 ? made_of[op].branches
					 : made_of[op].instructions);
}
