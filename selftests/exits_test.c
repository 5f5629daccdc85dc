// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest wrote stays through every kind of exit, while the host uses
 * the same counters in between (docs/contract/guest.md, M42).
 */
#include <signal.h>
#include <sys/syscall.h>

#include "guest_case.h"
#include "perf/noise.h"
#include "vm/pattern.h"

#define EXITS 100
/* Each takes until the other thread has had its share of the CPU. */
#define EXITS_FROM_OUTSIDE 20
#define MSR_OF_KVM 0x1b /* IA32_APIC_BASE, which KVM keeps */

enum exit_kind {
	EXIT_IN_THE_GUEST,
	EXIT_PAGE_FAULT,
	EXIT_SIGNAL,
	EXIT_BY_ITSELF,
};

FIXTURE(exits)
{
	struct guest_case c;
	struct noise *noise;
};

/* @kind: who makes the exits; @op and @index: how the guest makes them */
FIXTURE_VARIANT(exits)
{
	enum exit_kind kind;
	enum guest_op op;
	uint32_t index;
};

#define EXITS_BY(name, ...)              \
	FIXTURE_VARIANT_ADD(exits, name) \
	{                                \
		__VA_ARGS__              \
	}

EXITS_BY(hlt, .op = GUEST_HALT);
EXITS_BY(io, .op = GUEST_OUT);
EXITS_BY(cpuid, .op = GUEST_EMULATE);
EXITS_BY(msr, .op = GUEST_READ, .index = MSR_OF_KVM);
EXITS_BY(fast_path, .op = GUEST_IPI);
EXITS_BY(page_fault, .kind = EXIT_PAGE_FAULT, .op = GUEST_TOUCH);
EXITS_BY(signals, .kind = EXIT_SIGNAL, .op = GUEST_PAUSE);
/* The host's tick, and the other thread on this CPU that wants its share. */
EXITS_BY(tick_and_preemption, .kind = EXIT_BY_ITSELF, .op = GUEST_PAUSE);

static void take_signal(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(exits)
{
	struct sigaction action = { .sa_handler = take_signal };

	MUST_BE(!sigaction(SIGUSR1, &action, NULL));
	MUST_BE(guest_case_begin(&self->c));
	self->noise = noise_start(GUEST_CPU);
	MUST_BE(self->noise);
}

FIXTURE_TEARDOWN(exits)
{
	if (self->noise)
		noise_stop(self->noise);
	guest_case_end(&self->c, _metadata);
}

/* Until there were enough exits while the guest was in its loop. */
static bool exits_from_outside(struct guest_case *c, enum exit_kind kind)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	uint64_t from;

	if (!script_goes(&c->guest, patience_ms()))
		return false;
	from = guest_exits_count(&c->guest);
	while (guest_exits_count(&c->guest) < from + EXITS_FROM_OUTSIDE) {
		if (deadline_passed(&deadline))
			break;
		if (kind == EXIT_SIGNAL)
			syscall(SYS_tgkill, getpid(), c->guest.tid, SIGUSR1);
	}
	return script_ends(&c->guest, patience_ms());
}

static bool make_exits(struct guest_case *c,
		       const FIXTURE_VARIANT(exits) * variant)
{
	script_clear(&c->guest);
	script_add(&c->guest, variant->op, variant->index, 0,
		   variant->kind == EXIT_IN_THE_GUEST ? EXITS : 1);
	if (variant->kind == EXIT_IN_THE_GUEST) {
		script_run(&c->guest);
		return true;
	}
	if (variant->kind != EXIT_PAGE_FAULT)
		return exits_from_outside(c, variant->kind);
	for (int i = 0; i < EXITS; i++) {
		guest_drop_page(&c->guest);
		script_run(&c->guest);
	}
	return true;
}

/*
 * At least one whole round of the noise must lie between the first exit and the
 * last: else nothing disturbed.
 */
TEST_F(exits, M42_patterns_survive)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest_case *c = &self->c;
	uint64_t exits, rounds;

	pattern_write(&c->guest, &c->pmu);
	rounds = noise_rounds(self->noise);
	exits = guest_exits_count(&c->guest);
	do {
		MUST_BE(make_exits(c, variant));
	} while (noise_rounds(self->noise) < rounds + 2 &&
		 !deadline_passed(&deadline));
	c->s.exits_asked = variant->kind == EXIT_SIGNAL ||
					   variant->kind == EXIT_BY_ITSELF
				   ? EXITS_FROM_OUTSIDE
				   : EXITS;
	c->o.exits_made = (int64_t)(guest_exits_count(&c->guest) - exits);
	c->o.mismatches = pattern_mismatches(&c->guest, &c->pmu);
	MUST_BE(noise_rounds(self->noise) >= rounds + 2);
	c->o.counted_before = noise_stop(self->noise);
	self->noise = NULL;
	JUDGE("M42", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
