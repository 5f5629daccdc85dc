// SPDX-License-Identifier: GPL-2.0-only
/*
 * The performance-monitoring interrupt of a guest: from its counter through its
 * own APIC to its own handler, and nowhere else (docs/contract/guest.md, M29,
 * M34.overflow, D26c).
 */
#include <fcntl.h>

#include "guest_case.h"
#include "base/file.h"
#include "host/interrupts.h"

/* Fixed counters are numbered as in the global control. */
#define FIXED 32
/* Cycles, too, of which fewer may do. */
#define FEW_CYCLES (TURNS / 10)
/* Overflows; five steps of a script each. */
#define STORM 20
/* Branches left when a counter has overflowed. */
#define FEW 50
#define NMI_TRIES 10
/* On the Intel machine of the lab two of three find the scheduler. */
#define OUTSIDE_TRIES 30
/* Overflows by an emulated instruction, and tries to have them. */
#define ENOUGH 3
#define STARTS 60
#define SYSRQ "/proc/sysrq-trigger"

FIXTURE(pmi)
{
	struct guest_case c;
	int status, lvt;
};

FIXTURE_SETUP(pmi)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(pmi)
{
	guest_case_end(&self->c, _metadata);
}

/* All counters off, no overflow noted, and where the next interrupts. */
static void script_prepare(struct guest_case *c, uint64_t lvt)
{
	const struct pmu *pmu = &c->pmu;

	script_clear(&c->guest);
	script_write(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_write(&c->guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0),
		     pmu_all(pmu));
	script_write(&c->guest, GUEST_LVTPC_MSR, lvt);
}

#define INTERRUPTS (PMU_USER | PMU_OS | PMU_INTERRUPT)

/* Let counter @counter, set up by @flags, overflow after @before of @event. */
static void script_program(struct guest_case *c, unsigned int counter,
			   enum pmu_event event, unsigned int flags,
			   uint64_t before)
{
	const struct pmu *pmu = &c->pmu;

	script_write(&c->guest, pmu_eventsel_msr(pmu, counter),
		     pmu_select(pmu, event, flags));
	script_write(&c->guest, pmu_counter_msr(pmu, counter),
		     pmu_counter_max(pmu) - before);
}

/* The same of fixed counter @fixed, and the event that it has. */
static void script_program_fixed(struct guest_case *c, unsigned int fixed,
				 uint64_t before)
{
	const struct pmu *pmu = &c->pmu;

	script_write(&c->guest, pmu_msr(pmu, PMU_FIXED_CTRL, 0),
		     pmu_select_fixed(fixed, INTERRUPTS));
	script_write(&c->guest, pmu_msr(pmu, PMU_FIXED_COUNTER, fixed),
		     pmu_counter_max(pmu) - before);
}

/* Up to the moment when counter @counter overflows within @op. */
static void script_go(struct guest_case *c, unsigned int counter,
		      enum guest_op op, uint64_t times)
{
	script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
		     1ull << counter);
	script_do(&c->guest, op, times);
	c->s.status = 1ll << counter;
	c->s.overflows = 1;
}

/* Counter @counter, or a fixed one, @before instructions ahead of it. */
static void script_overflow(struct guest_case *c, unsigned int counter,
			    uint64_t lvt, enum guest_op op, uint64_t times,
			    uint64_t before)
{
	script_prepare(c, lvt);
	if (counter >= FIXED)
		script_program_fixed(c, counter - FIXED, before);
	else
		script_program(c, counter, PMU_INSTRUCTIONS, INTERRUPTS,
			       before);
	script_go(c, counter, op, times);
}

/*
 * Stop, look at the APIC and the status, and only then open interrupts. An
 * overflow interrupt may come after the counter was stopped.
 */
static void script_look(FIXTURE_DATA(pmi) * self, enum guest_op meanwhile,
			uint64_t times)
{
	struct guest_case *c = &self->c;

	script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0), 0);
	script_do(&c->guest, GUEST_WORK, calibration_late_turns());
	script_do(&c->guest, meanwhile, times);
	script_do(&c->guest, GUEST_OPEN, 1);
	self->lvt = script_read(&c->guest, GUEST_LVTPC_MSR);
	self->status = script_read(&c->guest, pmu_msr(&c->pmu, PMU_STATUS, 0));
}

/* What arrived, and where, in one run. */
static void run_once(FIXTURE_DATA(pmi) * self, uint64_t lvt)
{
	struct guest_case *c = &self->c;
	struct guest_script *script = c->guest.script;
	int64_t vpmis = cpu_interrupts("VPMI", GUEST_CPU);
	int64_t nmis = cpu_interrupts("NMI", GUEST_CPU);
	bool as_nmi = (lvt & GUEST_LVT_NMI) != 0;
	int64_t before = (int64_t)(as_nmi ? script->nmis : script->pmis);

	script_run(&c->guest);
	c->o.interrupts =
		(int64_t)(as_nmi ? script->nmis : script->pmis) - before;
	c->o.guest_pmis = cpu_interrupts("VPMI", GUEST_CPU) - vpmis;
	c->o.nmis_inside = cpu_interrupts("NMI", GUEST_CPU) - nmis;
	c->o.status_made = (int64_t)script_seen(&c->guest, self->status);
	c->o.lvt_masked =
		(script_seen(&c->guest, self->lvt) & GUEST_LVT_MASKED) != 0;
	c->s.pmi_masked = (lvt & GUEST_LVT_MASKED) != 0;
}

/* Of counters that overflow at once, one. */
static int64_t interrupts_due(const struct scenario *s)
{
	return s->status & (s->status - 1) ? 1 : s->overflows;
}

/*
 * Does the last run say nothing, for an NMI that may be anybody's? One that
 * took an interrupt from the guest is no such thing when it happens again;
 * where interrupts come late, one may find the host after any exit, and it has
 * to happen more often.
 * @lost: how often that was, from 0.
 */
static bool somebodys_nmi(const struct guest_case *c, int tries, int *lost)
{
	int most = calibration_here().overflow_late > 0 ? 5 : 2;

	*lost += !c->s.pmi_masked && c->o.interrupts != interrupts_due(&c->s);
	return c->o.nmis_inside > 0 && *lost < most && tries < NMI_TRIES;
}

static void run_and_look(FIXTURE_DATA(pmi) * self, uint64_t lvt)
{
	int tries = 0, lost = 0;

	do {
		run_once(self, lvt);
	} while (somebodys_nmi(&self->c, ++tries, &lost));
}

TEST_F(pmi, M29_fixed_vector_from_every_counter)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		script_overflow(c, i, GUEST_PMI_VECTOR, GUEST_WORK, TURNS,
				TURNS);
		script_look(self, GUEST_WORK, 1);
		run_and_look(self, GUEST_PMI_VECTOR);
		JUDGE("M29", &c->s, &c->o, "counter %u", i);
	}
}

TEST_F(pmi, M29_fixed_vector_from_every_fixed_counter)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.fixed > 0, "a PMU with fixed counters");
	for (unsigned int i = 0; i < c->pmu.fixed; i++) {
		script_overflow(c, FIXED + i, GUEST_PMI_VECTOR, GUEST_WORK,
				TURNS, FEW_CYCLES);
		script_look(self, GUEST_WORK, 1);
		run_and_look(self, GUEST_PMI_VECTOR);
		JUDGE("M29", &c->s, &c->o, "fixed counter %u", i);
	}
}

/* Counter @counter overflows after @before instructions and one. */
static void script_count(struct guest_case *c, unsigned int counter,
			 uint64_t before, bool interrupts)
{
	script_prepare(c, GUEST_PMI_VECTOR);
	script_program(c, counter, PMU_INSTRUCTIONS,
		       interrupts ? INTERRUPTS : PMU_USER | PMU_OS, before);
	script_go(c, counter, GUEST_WORK, TURNS);
	c->s.overflows = interrupts;
}

/*
 * The event that overflows may be an instruction that KVM emulates: the one
 * that starts the counter. Before each try the counter overflows as it is not
 * set up then.
 */
static void judge_first(FIXTURE_DATA(pmi) * self,
			struct __test_metadata *_metadata, bool interrupts)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	for (unsigned int i = 0; i < c->pmu.general; i++) {
		int tries = 0, lost = 0;

		do {
			script_count(c, i, TURNS, !interrupts);
			script_look(self, GUEST_WORK, 1);
			script_run(&c->guest);
			script_count(c, i, 0, interrupts);
			script_look(self, GUEST_WORK, 1);
			run_once(self, GUEST_PMI_VECTOR);
		} while (somebodys_nmi(c, ++tries, &lost));
		JUDGE("M29.first", &c->s, &c->o, "counter %u", i);
	}
}

TEST_F(pmi, M29_first_event)
{
	judge_first(self, _metadata, true);
}

TEST_F(pmi, M29_first_event_without_the_interrupt)
{
	judge_first(self, _metadata, false);
}

/*
 * What takes an interrupt of counter 0, which stays on, has to write and no
 * more; the counter overflows again after @before events.
 */
static void script_again(struct guest_case *c, uint64_t before)
{
	const struct pmu *pmu = &c->pmu;

	script_do(&c->guest, GUEST_WORK, calibration_late_turns());
	script_do(&c->guest, GUEST_OPEN, 1);
	script_write(&c->guest, GUEST_LVTPC_MSR, GUEST_PMI_VECTOR);
	script_write(&c->guest, pmu_msr(pmu, PMU_STATUS_CLEAR, 0), 1);
	script_write(&c->guest, pmu_counter_msr(pmu, 0),
		     pmu_counter_max(pmu) - before);
}

/* One overflow after the other, each of the next event. */
TEST_F(pmi, M29_storm)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	/* An event of the host is throttled then. */
	NEEDS(c->s.passthrough == 1, "a mediated or passthrough PMU");
	script_overflow(c, 0, GUEST_PMI_VECTOR, GUEST_WORK, TURNS, 0);
	for (int i = 1; i < STORM; i++)
		script_again(c, 0);
	script_look(self, GUEST_WORK, 1);
	c->s.overflows = STORM;
	run_and_look(self, GUEST_PMI_VECTOR);
	JUDGE("M29", &c->s, &c->o);
}

/*
 * A counter of branches, which KVM emulates none of here: after an instruction
 * that it emulates, a WRMSR among them, it looks at the counter of those again.
 */
TEST_F(pmi, M29_again_by_a_counter_of_branches_that_stays_on)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	script_prepare(c, GUEST_PMI_VECTOR);
	script_program(c, 0, PMU_BRANCHES, INTERRUPTS, TURNS - FEW);
	script_go(c, 0, GUEST_WORK, TURNS);
	script_again(c, TURNS - FEW);
	/* So long that it comes, too, where M29.written is violated. */
	script_do(&c->guest, GUEST_WORK, calibration_late_turns());
	script_do(&c->guest, GUEST_WORK, 2 * TURNS);
	script_look(self, GUEST_WORK, 1);
	c->s.overflows = 2;
	run_and_look(self, GUEST_PMI_VECTOR);
	JUDGE("M29", &c->s, &c->o);
}

/* What the counter counted before the WRMSR is not counted again. */
TEST_F(pmi, M29_written_while_it_counts_branches)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;

	NEEDS(pmu->version > 1, "a PMU with an overflow status");
	script_prepare(c, GUEST_PMI_VECTOR);
	script_program(c, 0, PMU_BRANCHES, INTERRUPTS, 4 * TURNS);
	script_go(c, 0, GUEST_WORK, 2 * TURNS);
	script_write(&c->guest, pmu_counter_msr(pmu, 0),
		     pmu_counter_max(pmu) - TURNS);
	script_do(&c->guest, GUEST_WORK, 2 * TURNS);
	script_look(self, GUEST_WORK, 1);
	run_and_look(self, GUEST_PMI_VECTOR);
	JUDGE("M29.written", &c->s, &c->o);
}

TEST_F(pmi, M63_all_counters_at_once)
{
	struct guest_case *c = &self->c;
	const struct pmu *pmu = &c->pmu;
	uint64_t all = (1ull << pmu->general) - 1;

	NEEDS(pmu->version > 1, "a PMU with an overflow status");
	script_prepare(c, GUEST_PMI_VECTOR);
	for (unsigned int i = 0; i < pmu->general; i++)
		script_program(c, i, PMU_INSTRUCTIONS, INTERRUPTS, TURNS);
	script_write(&c->guest, pmu_msr(pmu, PMU_GLOBAL_CTRL, 0), all);
	script_do(&c->guest, GUEST_WORK, TURNS);
	c->s.status = (int64_t)all;
	c->s.overflows = pmu->general;
	script_look(self, GUEST_WORK, 1);
	run_and_look(self, GUEST_PMI_VECTOR);
	JUDGE("M63", &c->s, &c->o);
}

TEST_F(pmi, M29_nmi)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	script_overflow(c, 0, GUEST_LVT_NMI, GUEST_WORK, TURNS, TURNS);
	script_look(self, GUEST_WORK, 1);
	run_and_look(self, GUEST_LVT_NMI);
	JUDGE("M29", &c->s, &c->o);
}

TEST_F(pmi, M29_masked)
{
	struct guest_case *c = &self->c;
	uint64_t lvt = GUEST_PMI_VECTOR | GUEST_LVT_MASKED;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	script_overflow(c, 0, lvt, GUEST_WORK, TURNS, TURNS);
	script_look(self, GUEST_WORK, 1);
	run_and_look(self, lvt);
	JUDGE("M29", &c->s, &c->o);
}

/* Interrupts are off in the guest: what is pending must wait for it. */
TEST_F(pmi, M29_pending_across_exits)
{
	struct guest_case *c = &self->c;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	script_overflow(c, 0, GUEST_PMI_VECTOR, GUEST_WORK, TURNS, TURNS);
	script_look(self, GUEST_OUT, 20);
	run_and_look(self, GUEST_PMI_VECTOR);
	JUDGE("M29", &c->s, &c->o);
}

/* Out to user space with the overflow pending, and in again. */
TEST_F(pmi, M29_pending_across_kvm_run)
{
	struct guest_case *c = &self->c;
	int64_t vpmis, nmis, pmis;
	int tries = 0, lost = 0;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	do {
		script_overflow(c, 0, GUEST_PMI_VECTOR, GUEST_WORK, TURNS,
				TURNS);
		script_write(&c->guest, pmu_msr(&c->pmu, PMU_GLOBAL_CTRL, 0),
			     0);
		script_do(&c->guest, GUEST_WORK, calibration_late_turns());
		vpmis = cpu_interrupts("VPMI", GUEST_CPU);
		nmis = cpu_interrupts("NMI", GUEST_CPU);
		pmis = (int64_t)c->guest.script->pmis;
		script_run(&c->guest);
		script_clear(&c->guest);
		script_look(self, GUEST_WORK, 1);
		run_once(self, GUEST_PMI_VECTOR);
		c->o.interrupts = (int64_t)c->guest.script->pmis - pmis;
		c->o.guest_pmis = cpu_interrupts("VPMI", GUEST_CPU) - vpmis;
		c->o.nmis_inside = cpu_interrupts("NMI", GUEST_CPU) - nmis;
	} while (somebodys_nmi(c, ++tries, &lost));
	JUDGE("M29", &c->s, &c->o);
}

/*
 * One instruction in four of GUEST_EMULATE is emulated. An overflow by another
 * interrupts the host, one that KVM makes does not: so each is told apart, and
 * no start is sure to meet one.
 */
static void judge_emulated(FIXTURE_DATA(pmi) * self,
			   struct __test_metadata *_metadata,
			   unsigned int counter)
{
	struct guest_case *c = &self->c;
	int met = 0;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	for (uint64_t before = 100; before < 100 + STARTS && met < ENOUGH;
	     before++) {
		script_overflow(c, counter, GUEST_PMI_VECTOR, GUEST_EMULATE, 50,
				before);
		script_look(self, GUEST_WORK, 1);
		run_once(self, GUEST_PMI_VECTOR);
		if (c->o.guest_pmis + c->o.nmis_inside > 0)
			continue;
		met++;
		c->o.overflows_by_kvm = 1;
		JUDGE("M34.overflow", &c->s, &c->o,
		      "%lu instructions before it", (unsigned long)before);
	}
	c->o.overflows_by_kvm = met;
	if (!met)
		JUDGE("M34.overflow", &c->s, &c->o);
}

TEST_F(pmi, M34_overflow_by_an_emulated_instruction)
{
	judge_emulated(self, _metadata, 0);
}

TEST_F(pmi, M34_overflow_of_a_fixed_counter_by_an_emulated_instruction)
{
	NEEDS(self->c.pmu.fixed > 0, "a PMU with fixed counters");
	judge_emulated(self, _metadata, FIXED);
}

/*
 * Where the host takes an NMI that came while the guest ran: on Intel
 * vmx_do_nmi_irqoff(), since 7.2 idt_do_nmi_irqoff(), with FRED
 * asm_fred_entry_from_kvm(); on AMD behind STGI.
 */
static const char *const inside[] = { "do_nmi_irqoff", "fred_entry_from_kvm",
				      "svm_vcpu_run", "svm_vcpu_enter_exit",
				      NULL };

/*
 * Any other NMI of the host while the guest is inside with an overflow noted:
 * the host's handler must leave the guest's status and interrupt alone. Here it
 * is the one that asks every CPU for a backtrace.
 * @is_inside: did the guest run when it came?
 */
static int beside_an_nmi(FIXTURE_DATA(pmi) * self, bool *is_inside)
{
	struct guest_case *c = &self->c;
	int64_t pmis, nmis;
	int err, log;

	script_overflow(c, 0, GUEST_PMI_VECTOR, GUEST_WORK, TURNS, TURNS);
	script_do(&c->guest, GUEST_PAUSE, 1);
	script_look(self, GUEST_WORK, 1);
	pmis = (int64_t)c->guest.script->pmis;
	nmis = cpu_interrupts("NMI", GUEST_CPU);
	klog_expected_begins();
	if (!script_goes(&c->guest, patience_ms()))
		return ETIMEDOUT;
	log = klog_follow();
	err = file_write(SYSRQ, "l");
	*is_inside = klog_backtrace_in(log, GUEST_CPU, inside);
	close(log);
	if (!script_ends(&c->guest, patience_ms()))
		return ETIMEDOUT;
	c->o.warned = klog_expected_ends("amd_pmu_v2_handle_irq");
	c->o.nmis_inside = cpu_interrupts("NMI", GUEST_CPU) - nmis;
	c->o.interrupts = (int64_t)c->guest.script->pmis - pmis;
	c->o.status_made = (int64_t)script_seen(&c->guest, self->status);
	c->s.overflows = 1;
	return err;
}

TEST_F(pmi, D26c_an_nmi_of_the_host_takes_nothing_from_the_guest)
{
	struct guest_case *c = &self->c;
	int fd, tries = 0, lost = 0, outside = 0;
	struct deadline deadline = deadline_after_ms(patience_ms());
	bool is_inside, is_again;
	int64_t warned = 0;

	NEEDS(c->pmu.version > 1, "a PMU with an overflow status");
	NEEDS(!access(SYSRQ, W_OK), "/proc/sysrq-trigger");
	NEEDS(klog_readable(), "the kernel log");
	/* Without an event of its own, perf looks at no NMI. */
	fd = event_try_open_core(EVENT_EXCLUDES_GUEST, ANY_TASK, GUEST_CPU,
				 NO_GROUP);
	MUST_BE(fd >= 0);
	do {
		MUST(beside_an_nmi(self, &is_inside));
		/* It is given once per boot and counter. */
		warned = c->o.warned ?: warned;
		if (is_inside)
			is_again = c->o.interrupts != c->s.overflows &&
				   somebodys_nmi(c, ++tries, &lost);
		else
			is_again = ++outside < OUTSIDE_TRIES &&
				   !deadline_passed(&deadline);
	} while (is_again && !warned);
	close(fd);
	NEEDS(is_inside || warned || lost,
	      "an NMI that finds the guest inside");
	/* One was lost, and whether to that NMI was not seen. */
	if (!is_inside && lost)
		c->o.interrupts = NOT_KNOWN;
	c->o.warned = warned;
	JUDGE("D26c", &c->s, &c->o);
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
