/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The executable contract: what a kernel that hands its PMU to guests must do.
 *
 * A test describes what it set up (struct scenario) and what it then saw
 * (struct observation). The model answers with what a conforming kernel may
 * show (struct expectation), and contract_judge() compares. Everything here is
 * a pure function of its arguments: no system call, no clock, no allocation,
 * no output. The words behind each rule are in docs/contract/.
 */
#ifndef PMU_CONTRACT_H
#define PMU_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value nobody measured or stated. Never equal to a measured one. */
#define NOT_KNOWN INT64_MIN

#define VALUE_MIN (INT64_MIN + 1)
#define VALUE_MAX INT64_MAX

/*
 * CONTRACT_SEED_LITERAL is the seed with its slips, as a kernel may speak it;
 * rules belong to CONTRACT_SEED. CONTRACT_ANY has the defects that no kernel
 * should show, whatever it speaks.
 */
enum contract {
	CONTRACT_NONE,
	CONTRACT_MEDIATED,
	CONTRACT_SEED,
	CONTRACT_SEED_LITERAL,
	CONTRACT_ANY,
};

/* Kinds of PMU, as far as the contracts tell them apart. */
enum pmu_kind {
	PMU_CORE,
	PMU_SOFTWARE,
	PMU_TRACEPOINT,
	PMU_BREAKPOINT,
	PMU_MSR,
};

/* States of an event or group as far as the contracts tell them apart. */
enum event_state {
	STATE_OFF,
	STATE_INACTIVE,
	STATE_ACTIVE,
};

/* Registers of a guest's PMU, as far as KVM treats them differently. */
enum guest_register {
	REGISTER_SELECTOR,
	REGISTER_COUNTER,
	REGISTER_OLD_COUNTER,
	REGISTER_GLOBAL,
	REGISTER_RDPMC,
};

/* What is asked of a condemned event. */
enum request {
	REQUEST_DISABLE,
	REQUEST_RESET,
	REQUEST_ENABLE,
};

/*
 * What a test arranged. Times are nanoseconds, truth values are 0 or 1.
 *
 * Host:
 *   param_requested     enable_mediated_pmu as asked for on the command line
 *   kvm_enable_pmu      kvm.enable_pmu
 *   core_capable        the core PMU can be handed to a guest (M2)
 * Event (the one asked about):
 *   pmu                 enum pmu_kind
 *   exclude_guest       attr.exclude_guest
 *   pinned              attr.pinned
 *   own_errno           errno of the same open without any VM, 0 if it opens
 * System at the moment of asking:
 *   claims              VMs that hold the claim on the PMU
 *   include_events      include-guest events of capable PMUs in existence
 * VM (the one asked about):
 *   irqchip             has an in-kernel irqchip
 *   pmu_disabled        KVM_PMU_CAP_DISABLE was set
 *   vcpus               vCPUs created, the one asked about not included
 *   claim_tried         an earlier KVM_CREATE_VCPU came as far as the claim
 *   refs                references that keep the VM alive (fds, mappings)
 *   cap_bits            argument of KVM_CAP_PMU_CAPABILITY
 * Seed:
 *   literal             the kernel speaks the seed with its slips
 *   prove_locking       the kernel checks its own assertions about locks
 *   interrupts_on       the call is made with interrupts on
 *   calls_alternate     enter and exit are called in turn
 *   entered             the last of these calls was enter
 *   per_cpu             the event is bound to a CPU
 *   cpu_in_guest        that CPU is certainly inside a guest (1), or not (0)
 *   task_in_guest       the same for the event's task
 *   inherited           the event comes into being by fork()
 *   group_size          members of the group
 *   group_includes      how many of them are include-guest
 *   state_at_entry      enum event_state of the group when the guest entered
 *   entries             guest entries since the event was last enabled
 *   request             enum request
 *   crowd               CPU flexible events beside it, more than counters
 *   counters            counters of the CPU while nobody uses one
 *   work_condemned      instructions the CPU certainly worked off while the
 *                       event was condemned
 *   swapped             the task runs with the context of another
 * Guest run:
 *   guest_min_ns        time certainly spent inside the guest; of a condemned
 *                       event: certainly spent condemned
 *   wall_min_ns         time certainly between enabling and reading
 *   wall_max_ns         time at most between enabling and reading
 *   guest_beats         the guest's own progress
 * Guest's PMU:
 *   amd                 the vCPU is an AMD one
 *   guest_counters      general counters its CPUID announces
 *   host_counters       general counters of the CPU
 *   guest_fixed, host_fixed
 *                       the same of the fixed counters
 *   listed_counters, listed_fixed
 *                       those in KVM_GET_MSR_INDEX_LIST
 *   host_version        PMU version of the CPU, counted in the same way
 *   guest_version       PMU version its CPUID announces; AMD: 2 with PerfMonV2
 *   counter_width       bits of a counter
 *   reg                 enum guest_register
 *   absent              the register is beyond what CPUID announces
 *   accesses            how often it was read or written
 *   guest_work          events the guest certainly made, at the privilege
 *                       levels its counter selects
 *   guest_entries       VM entries while its counter ran
 *   entry_counts        what this processor adds to the count for each
 *   entries_alike       it does so whatever the exit before it was
 *   nested_entries      VMRUN instructions of the guest as a host of its own
 *   filtered            the VMM's event filter denies the event
 *   host_only, guest_only, svme, nested
 *                       bits of AMD's selector, EFER.SVME, and whether the
 *                       work was done by a nested guest
 *   overflows           overflows of counters with the interrupt bit
 *   pmi_masked          the guest's LVTPC is masked
 *   status              overflow bits the guest made, set, or left
 *   exits_asked         VM exits that were to happen meanwhile
 *   sysctl_reads        kernel.nmi_watchdog as it read afterwards
 *   host_work           events of the host's work that must be in a count
 *   attempts_asked      how often something was to be tried at least
 *   guest_max_ns        time at most between the first entry and the last exit
 * History (world.h):
 *   condemned           the event was condemned and not enabled since
 *   host_work_most      events of the host's work that can be in a count
 *   time_before         time_enabled at the look before
 */
#define SCENARIO_FIELDS(X) \
	X(param_requested) \
	X(kvm_enable_pmu)  \
	X(core_capable)    \
	X(pmu)             \
	X(exclude_guest)   \
	X(pinned)          \
	X(own_errno)       \
	X(claims)          \
	X(include_events)  \
	X(irqchip)         \
	X(pmu_disabled)    \
	X(vcpus)           \
	X(claim_tried)     \
	X(refs)            \
	X(cap_bits)        \
	X(literal)         \
	X(prove_locking)   \
	X(interrupts_on)   \
	X(calls_alternate) \
	X(entered)         \
	X(per_cpu)         \
	X(cpu_in_guest)    \
	X(task_in_guest)   \
	X(inherited)       \
	X(group_size)      \
	X(group_includes)  \
	X(state_at_entry)  \
	X(entries)         \
	X(request)         \
	X(crowd)           \
	X(counters)        \
	X(swapped)         \
	X(work_condemned)  \
	X(guest_min_ns)    \
	X(wall_min_ns)     \
	X(wall_max_ns)     \
	X(guest_beats)     \
	X(amd)             \
	X(guest_counters)  \
	X(host_counters)   \
	X(guest_fixed)     \
	X(host_fixed)      \
	X(listed_counters) \
	X(listed_fixed)    \
	X(host_version)    \
	X(guest_version)   \
	X(counter_width)   \
	X(reg)             \
	X(absent)          \
	X(accesses)        \
	X(guest_work)      \
	X(guest_entries)   \
	X(entry_counts)    \
	X(entries_alike)   \
	X(nested_entries)  \
	X(filtered)        \
	X(host_only)       \
	X(guest_only)      \
	X(svme)            \
	X(nested)          \
	X(overflows)       \
	X(pmi_masked)      \
	X(status)          \
	X(exits_asked)     \
	X(attempts_asked)  \
	X(guest_max_ns)    \
	X(sysctl_reads)    \
	X(host_work)       \
	X(host_work_most)  \
	X(condemned)       \
	X(time_before)

/*
 * What a test saw.
 *
 *   err                 errno of the act asked about, 0 if it succeeded
 *   param_effective     enable_mediated_pmu as read back
 *   claimed             an include-guest event is refused now
 *   sysctl_value        kernel.nmi_watchdog as read back
 *   counted_before      count gained before the guest ran (control)
 *   counted_inside      count gained while the guest ran without an exit
 *   counted_after       count gained after the guest was left
 *   eof                 read() returned no bytes: the event is in ERROR
 *   page_index          index of the mmap page while the guest ran
 *   index_before        the same while it counted
 *   siblings_eof        siblings of the group whose read() returned no bytes
 *   others_changed      events of other CPUs or PMUs that stopped or went to
 *                       ERROR
 *   warned              the kernel complained
 *   poll_err            poll() says POLLERR
 *   signals             signals a watcher of the event got
 *   signals_control     the same for a pinned event that found no counter
 *   hidden_count        count of a condemned event, once it can be read again
 *   starved             events that never got a counter, from some point on
 *   attempts            how often something was tried
 *   outcomes            different answers to the same open
 *   strange             refusals with another errno than the first one
 *   survivors           events that got past a refusal and outlived an entry
 *   scaled_surplus      count * enabled / running, minus count
 *   samples_inside      samples written while the guest ran
 *   samples_after       bytes of samples written after it
 *   nmis_inside         NMIs of the guest's CPU while the guest ran
 *   guest_pmis          overflows of the guest's counters that KVM was told of
 *   held_before         counters the watchdog took when it was switched on
 *   counters_free       pinned events that find a counter
 *   watchdog_survives   the watchdog kept its counter through a guest
 *   count_ns            value of a clock event
 *   enabled_ns          time_enabled gained
 *   running_ns          time_running gained
 *   not_running_ns      time_enabled minus time_running
 *   left_out_ns         a task clock's count minus its time_enabled
 *   backward_steps      times time_enabled became smaller between two reads
 *   page_ahead_ns       how far the mmap page's time_enabled is ahead of a
 *                       read() made after it
 *   page_behind_ns      how far it is behind a read() made before it
 *   sample_ahead_ns     the same for the time in PERF_SAMPLE_READ
 *   sample_behind_ns
 *   vector              exception that the guest's access raised, 0 if none
 *   access_exits        VM exits that the accesses took
 *   handed_on           accesses of a nested guest that exited to the guest
 *   exits_made          VM exits meanwhile
 *   guest_counted       what the guest's counter gained
 *   guest_control       what a counter gained that had to count
 *   mismatches          registers that hold something else than was written
 *   registers_found     registers that can be read, from the first on
 *   fixed_found         the same of the fixed counters
 *   offered_counters, offered_fixed, offered_version
 *                       what KVM_GET_SUPPORTED_CPUID announces
 *   selectors_or        all selectors of the guest, or-ed
 *   counters_or         likewise the counters
 *   global_ctrl         the guest's global control register
 *   highest             what a counter holds after all ones were written
 *   status_made         status register after an overflow
 *   status_cleared      after clearing it
 *   status_set          after setting it
 *   interrupts          PMIs the guest's handler took
 *   lvt_masked          the guest's LVTPC is masked afterwards
 *   leaked              counters that show a value of the other side
 *   leak_control        counters of the host that a reader saw move
 *   host_surplus        what a host event gained more beside a longer guest
 *   announced           extensions in the guest's CPUID that it cannot have
 *   both, neither       races that both sides won, or none
 *   failed              acts that must succeed and did not
 *   left_over           claims, references or events that outlive their owner
 *   held_now            counters the watchdog holds now
 *   denied              refusals with EACCES
 *   refused             refusals with any errno
 */
#define OBSERVATION_FIELDS(X) \
	X(err)                \
	X(param_effective)    \
	X(claimed)            \
	X(sysctl_value)       \
	X(counted_before)     \
	X(counted_inside)     \
	X(counted_after)      \
	X(eof)                \
	X(page_index)         \
	X(index_before)       \
	X(siblings_eof)       \
	X(others_changed)     \
	X(warned)             \
	X(poll_err)           \
	X(signals)            \
	X(signals_control)    \
	X(hidden_count)       \
	X(starved)            \
	X(attempts)           \
	X(outcomes)           \
	X(strange)            \
	X(survivors)          \
	X(scaled_surplus)     \
	X(samples_inside)     \
	X(samples_after)      \
	X(nmis_inside)        \
	X(guest_pmis)         \
	X(held_before)        \
	X(counters_free)      \
	X(watchdog_survives)  \
	X(count_ns)           \
	X(enabled_ns)         \
	X(running_ns)         \
	X(not_running_ns)     \
	X(left_out_ns)        \
	X(backward_steps)     \
	X(page_ahead_ns)      \
	X(page_behind_ns)     \
	X(sample_ahead_ns)    \
	X(sample_behind_ns)   \
	X(vector)             \
	X(access_exits)       \
	X(handed_on)          \
	X(exits_made)         \
	X(guest_counted)      \
	X(guest_control)      \
	X(mismatches)         \
	X(registers_found)    \
	X(fixed_found)        \
	X(offered_counters)   \
	X(offered_fixed)      \
	X(offered_version)    \
	X(selectors_or)       \
	X(counters_or)        \
	X(global_ctrl)        \
	X(highest)            \
	X(status_made)        \
	X(status_cleared)     \
	X(status_set)         \
	X(interrupts)         \
	X(lvt_masked)         \
	X(leaked)             \
	X(leak_control)       \
	X(host_surplus)       \
	X(announced)          \
	X(both)               \
	X(neither)            \
	X(failed)             \
	X(left_over)          \
	X(held_now)           \
	X(denied)             \
	X(refused)

#define CONTRACT_MEMBER(name) int64_t name;
struct scenario {
	SCENARIO_FIELDS(CONTRACT_MEMBER)
};

struct observation {
	OBSERVATION_FIELDS(CONTRACT_MEMBER)
};
#undef CONTRACT_MEMBER

/* Start from these: every field not named afterwards is NOT_KNOWN. */
extern const struct scenario scenario_unknown;
extern const struct observation observation_unknown;

/*
 * One observable and the values a conforming kernel may show.
 * @field:   name of a member of struct observation
 * @offset:  where that member is
 * @lo, @hi: bounds, both included
 * @control: proves that the instrument works; if it fails, nothing was learned
 */
struct expectation {
	const char *field;
	size_t offset;
	int64_t lo;
	int64_t hi;
	bool control;
};

#define EXPECTATIONS_MAX 6

enum verdict {
	CONFORMS,
	VIOLATES,
	BROKEN,
	UNDECIDED,
};

/*
 * @verdict: what the observation says about the rule
 * @missed:  the expectation that decided it, NULL if it conforms
 * @seen:    what was observed in its place
 */
struct finding {
	enum verdict verdict;
	struct expectation missed;
	int64_t seen;
};

/*
 * @id:       permanent number, as in docs/contract/
 * @contract: which contract the rule belongs to
 * @words:    the rule in one sentence
 * @expect:   fills in what the scenario demands and returns how many
 *            expectations that is; 0 if the scenario does not say enough
 */
struct rule {
	const char *id;
	enum contract contract;
	const char *words;
	int (*expect)(const struct scenario *s, struct expectation *e);
};

/* All rules of all contracts, by @index from 0; NULL after the last. */
const struct rule *contract_rule_at(size_t index);

/* The rule called @id, or NULL. */
const struct rule *contract_rule(const char *id);

/* Does a kernel that speaks @spoken promise this rule? */
bool contract_has(enum contract spoken, const struct rule *rule);

/* The name by which a contract is asked for, e.g. "seed-literal". */
const char *contract_name(enum contract contract);

/* The contract of that name, or CONTRACT_NONE. */
enum contract contract_named(const char *name);

/*
 * Compare an observation with what the rule demands of the scenario.
 * Returns a finding: BROKEN if a control failed, UNDECIDED if the scenario or
 * the observation leaves a demanded value open, else VIOLATES or CONFORMS.
 */
struct finding contract_judge(const struct rule *rule, const struct scenario *s,
			      const struct observation *o);

const char *verdict_name(enum verdict verdict);

/* Fields by name, for files and reports. @index from 0; NULL after the last. */
const char *scenario_field(size_t index, size_t *offset);
const char *observation_field(size_t index, size_t *offset);

static inline int64_t *contract_value(void *base, size_t offset)
{
	return (int64_t *)((char *)base + offset);
}

static inline int64_t contract_get(const void *base, size_t offset)
{
	return *(const int64_t *)((const char *)base + offset);
}

#endif
