// SPDX-License-Identifier: GPL-2.0-only
#include "script.h"

static void prepare(struct guest *guest)
{
	guest_take_interrupts(guest);
	guest_open_user_page(guest);
	guest_map_nowhere(guest);
	script_clear(guest);
}

void script_guest_create(struct guest *guest, int cpu)
{
	guest_create(guest, guest_code_script, cpu);
	prepare(guest);
}

void script_guest_create_without_pmu(struct guest *guest, int cpu)
{
	guest_create_without_pmu(guest, guest_code_script, cpu);
	prepare(guest);
}

/* The steps follow each other up to the first GUEST_END. */
static int steps(const struct guest *guest)
{
	int count = 0;

	while (guest->script->step[count].op != GUEST_END)
		count++;
	return count;
}

void script_clear(struct guest *guest)
{
	for (int i = 0; i < GUEST_STEPS_MAX; i++)
		guest->script->step[i] = (struct guest_step){ 0 };
	guest->script->repeats = 0;
}

int script_add(struct guest *guest, enum guest_op op, uint32_t index,
	       uint64_t value, uint64_t times)
{
	int step = steps(guest);

	if (step == GUEST_STEPS_MAX - 1)
		step--;
	guest->script->step[step] = (struct guest_step){
		.op = op,
		.index = index,
		.value = value,
		.times = times,
	};
	return step;
}

int script_write(struct guest *guest, uint32_t msr, uint64_t value)
{
	return script_add(guest, GUEST_WRITE, msr, value, 1);
}

int script_read(struct guest *guest, uint32_t msr)
{
	return script_add(guest, GUEST_READ, msr, 0, 1);
}

int script_rdpmc(struct guest *guest, uint32_t index)
{
	return script_add(guest, GUEST_RDPMC, index, 0, 1);
}

int script_do(struct guest *guest, enum guest_op op, uint64_t times)
{
	return script_add(guest, op, 0, 0, times);
}

/* What an earlier run left must not be taken for what this one saw. */
static void forget(struct guest *guest)
{
	for (int i = 0; i < steps(guest); i++) {
		guest->script->step[i].seen = 0;
		guest->script->step[i].vector = 0;
	}
	guest->script->go_on = 0;
}

uint64_t script_run(struct guest *guest)
{
	forget(guest);
	return guest_step(guest);
}

void script_repeats(struct guest *guest)
{
	forget(guest);
	guest->script->repeats = 1;
	guest_step_begins(guest);
}

bool script_goes(struct guest *guest, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);
	uint64_t heartbeat = guest->record->heartbeat;

	forget(guest);
	guest_step_begins(guest);
	return wait_at_least(&guest->record->heartbeat, heartbeat + 1,
			     &deadline);
}

bool script_ends(struct guest *guest, unsigned int ms)
{
	guest->script->go_on = 1;
	return guest_step_ends(guest, ms);
}

uint64_t script_seen(const struct guest *guest, int step)
{
	return guest->script->step[step].seen;
}

int64_t script_vector(const struct guest *guest, int step)
{
	return (int64_t)guest->script->step[step].vector;
}

int64_t script_any_vector(const struct guest *guest)
{
	const struct guest_step *step = guest->script->step;

	while (step->op != GUEST_END && !step->vector)
		step++;
	return step->op == GUEST_END ? 0 : (int64_t)step->vector;
}
