/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of a scenario and of an observation: X(name, kind, gloss). What
 * they are called, how a value of theirs is written (enum field_kind), and what
 * a failure says of them, in this list and nowhere else. Truth values are 0
 * or 1.
 */
#ifndef PMU_CONTRACT_FIELDS_H
#define PMU_CONTRACT_FIELDS_H

/* What a case arranged: host, event, system, VM, RFC, guest, guest's PMU,
 * history. */
#define SCENARIO_FIELDS(X)                                                                \
	X(param_requested, NUMBER,                                                        \
	  "enable_mediated_pmu as asked for on the command line")                         \
	X(kvm_enable_pmu, NUMBER, "kvm.enable_pmu")                                       \
	X(core_capable, NUMBER, "the core PMU can be mediated")                           \
	X(pmu, PMU, "PMU of the event")                                                   \
	X(exclude_guest, NUMBER, "attr.exclude_guest of the event")                       \
	X(pinned, NUMBER, "attr.pinned of the event")                                     \
	X(own_errno, ERRNO,                                                               \
	  "errno of the same open without any VM, 0 if it opens")                         \
	X(claims, NUMBER, "VMs that hold the claim on the PMU")                           \
	X(include_events, NUMBER,                                                         \
	  "include-guest events of capable PMUs that exist")                              \
	X(irqchip, NUMBER, "the VM has an in-kernel irqchip")                             \
	X(pmu_disabled, NUMBER, "KVM_PMU_CAP_DISABLE was set for the VM")                 \
	X(vcpus, NUMBER, "vCPUs of the VM before the call")                               \
	X(claim_tried, NUMBER,                                                            \
	  "an earlier KVM_CREATE_VCPU came as far as the claim")                          \
	X(refs, NUMBER, "references that keep the VM alive (fds, mappings)")              \
	X(cap_bits, MASK, "argument of KVM_CAP_PMU_CAPABILITY")                           \
	X(as_posted, NUMBER, "the kernel has the bugs of the RFC as posted")              \
	X(prove_locking, NUMBER, "CONFIG_PROVE_LOCKING")                                  \
	X(interrupts_on, NUMBER, "the call is made with interrupts on")                   \
	X(calls_alternate, NUMBER,                                                        \
	  "enter and exit, or load and put, are called in turn")                          \
	X(entered, NUMBER, "the last of these calls was enter, or load")                  \
	X(per_cpu, NUMBER, "the event is bound to a CPU")                                 \
	X(cpu_in_guest, NUMBER,                                                           \
	  "the event's CPU is certainly inside a guest, or certainly not")                \
	X(task_in_guest, NUMBER,                                                          \
	  "the event's task is certainly inside a guest, or certainly not")               \
	X(inherited, NUMBER, "the event comes into being by fork()")                      \
	X(group_size, NUMBER, "members of the group")                                     \
	X(group_includes, NUMBER, "include-guest members of the group")                   \
	X(state_at_entry, STATE, "state of the group at guest entry")                     \
	X(entries, NUMBER, "guest entries since the event was last enabled")              \
	X(request, REQUEST, "ioctl() made on the event in ERROR")                         \
	X(competitors, NUMBER,                                                            \
	  "flexible events of the CPU that compete for its counters")                     \
	X(counters, NUMBER, "counters of the CPU that no other event uses")               \
	X(swapped, NUMBER,                                                                \
	  "the task runs with the perf context of another task")                          \
	X(work_in_error, NUMBER,                                                          \
	  "instructions the CPU certainly retired while the event was in ERROR")          \
	X(guest_min_ns, NS,                                                               \
	  "time certainly inside the guest; of an event in ERROR: certainly in ERROR")    \
	X(wall_min_ns, NS,                                                                \
	  "time certainly between two readings, or enabling and reading")                 \
	X(wall_max_ns, NS,                                                                \
	  "time at most between two readings, or enabling and reading")                   \
	X(guest_iterations, NUMBER,                                                       \
	  "iterations of the guest's loop; 0: it never ran")                              \
	X(amd, NUMBER, "the vCPU is an AMD one")                                          \
	X(guest_counters, NUMBER, "general counters in the guest's CPUID")                \
	X(host_counters, NUMBER, "general counters of the CPU")                           \
	X(guest_fixed, NUMBER, "fixed counters in the guest's CPUID")                     \
	X(host_fixed, NUMBER, "fixed counters of the CPU")                                \
	X(listed_counters, NUMBER,                                                        \
	  "general counters in KVM_GET_MSR_INDEX_LIST")                                   \
	X(listed_fixed, NUMBER, "fixed counters in KVM_GET_MSR_INDEX_LIST")               \
	X(host_version, NUMBER,                                                           \
	  "PMU version of the CPU; AMD: 2 with PerfMonV2")                                \
	X(guest_version, NUMBER,                                                          \
	  "PMU version in the guest's CPUID; AMD: 2 with PerfMonV2")                      \
	X(counter_width, NUMBER, "bits of a counter")                                     \
	X(reg, REGISTER, "kind of register the guest accesses")                           \
	X(absent, NUMBER,                                                                 \
	  "the register is beyond what the guest's CPUID announces")                      \
	X(accesses, NUMBER, "reads or writes of the register")                            \
	X(guest_work, NUMBER,                                                             \
	  "events the guest certainly made, at the privilege levels its counter selects") \
	X(guest_entries, NUMBER, "VM entries while its counter ran")                      \
	X(entry_counts, NUMBER,                                                           \
	  "what this processor adds to a guest's count for each VM entry")                \
	X(entries_alike, NUMBER, "it adds the same after every kind of exit")             \
	X(nested_entries, NUMBER,                                                         \
	  "VMRUN instructions of the guest as a hypervisor")                              \
	X(filtered, NUMBER, "the VMM's event filter denies the event")                    \
	X(filter_action, NUMBER,                                                          \
	  "action of an event filter: 0 allows, 1 denies")                                \
	X(filter_flags, MASK, "its flags")                                                \
	X(filter_events, NUMBER, "how many events it says it has")                        \
	X(filter_bits, MASK, "bits that its events have")                                 \
	X(filter_hidden, NUMBER,                                                          \
	  "it is in memory that cannot be read, or a part of it")                         \
	X(host_only, NUMBER, "AMD's Host-Only bit of PERF_CTL")                           \
	X(guest_only, NUMBER, "AMD's Guest-Only bit of PERF_CTL")                         \
	X(svme, NUMBER, "EFER.SVME of the guest")                                         \
	X(nested, NUMBER, "a nested guest did the work")                                  \
	X(overflows, NUMBER, "overflows of counters with the interrupt bit")              \
	X(overflow_late, NUMBER,                                                          \
	  "instructions after an overflow until its interrupt, the most on this machine") \
	X(pmi_masked, NUMBER, "the guest's LVTPC is masked")                              \
	X(passthrough, NUMBER,                                                            \
	  "the guest's counters are the hardware's, not events of the host")              \
	X(status, MASK, "bits the guest has in its overflow status")                      \
	X(starved_gain, NUMBER,                                                           \
	  "what the guest's counter gained while the host had all counters")              \
	X(present_ns, NS,                                                                 \
	  "time the event was certainly there: of its CPU, or of its task on a CPU")      \
	X(exits_asked, NUMBER, "VM exits that were to happen meanwhile")                  \
	X(other_exits, NUMBER, "VM exits that no overflow interrupt made")                \
	X(attempts_asked, NUMBER, "attempts to be made at least")                         \
	X(guest_max_ns, NS,                                                               \
	  "time at most between the first entry and the last exit")                       \
	X(sysctl_reads, NUMBER, "kernel.nmi_watchdog, read afterwards")                   \
	X(host_work, NUMBER,                                                              \
	  "events of the host's work that must be in the count")                          \
	X(host_work_most, NUMBER,                                                         \
	  "events of the host's work that can be in the count")                           \
	X(in_error, NUMBER,                                                               \
	  "the event went to ERROR and was not enabled since")                            \
	X(time_before, NS, "time_enabled at the reading before")                          \
	X(child_min_ns, NS,                                                               \
	  "time the child was certainly on its CPU, its event enabled")                   \
	X(parent_max_ns, NS,                                                              \
	  "time that the event can have of its parent, and of the child before that")

/* What a case saw. */
#define OBSERVATION_FIELDS(X)                                                                      \
	X(err, ERRNO, "errno of the call, 0 if it succeeded")                                      \
	X(param_effective, NUMBER, "enable_mediated_pmu as read back")                             \
	X(claimed, NUMBER,                                                                         \
	  "an include-guest event is refused now: the PMU is claimed")                             \
	X(sysctl_value, NUMBER, "kernel.nmi_watchdog as read back")                                \
	X(counted_before, NUMBER, "count gained before the guest ran")                             \
	X(counted_inside, NUMBER,                                                                  \
	  "count gained while the guest ran without an exit")                                      \
	X(counted_after, NUMBER, "count gained after the guest was left")                          \
	X(counted_off, NUMBER,                                                                     \
	  "count gained by the host's work while the event was to be off")                         \
	X(counted_outside, NUMBER,                                                                 \
	  "count gained by the host's work, with no guest")                                        \
	X(both_surplus, NUMBER,                                                                    \
	  "what an event of both counted more than one of the host and one of the guest")          \
	X(counters_still, NUMBER,                                                                  \
	  "counters of the guest that were started and gained nothing")                            \
	X(moved_least, NUMBER, "the least that one of the others gained")                          \
	X(moved_most, NUMBER, "the most that one of the others gained")                            \
	X(samples, NUMBER, "samples written")                                                      \
	X(samples_lost, NUMBER, "samples that found no room")                                      \
	X(complaints, NUMBER, "the guest's kernel complained")                                     \
	X(log_lines, NUMBER,                                                                       \
	  "lines in the log of the guest's kernel that it was to write")                           \
	X(samples_of_other, NUMBER,                                                                \
	  "samples that the other member of the group wrote")                                      \
	X(samples_of_host, NUMBER,                                                                 \
	  "samples that say they were taken in the host")                                          \
	X(samples_of_guest, NUMBER,                                                                \
	  "samples that say they were taken in a guest")                                           \
	X(samples_elsewhere, NUMBER,                                                               \
	  "samples of a guest whose address is not in its code")                                   \
	X(eof, NUMBER, "read() returned no bytes: the event is in ERROR")                          \
	X(woken, NUMBER, "tasks in poll() for the event that were woken")                          \
	X(page_index, NUMBER, "index of the mmap page while the guest ran")                        \
	X(index_before, NUMBER, "index of the mmap page before the guest ran")                     \
	X(siblings_eof, NUMBER,                                                                    \
	  "siblings of the group whose read() returned no bytes")                                  \
	X(members_apart, NUMBER,                                                                   \
	  "the most by which counts of members of the group differ")                               \
	X(went_back, NUMBER, "events of which a count or a time went back")                        \
	X(times_apart, NUMBER,                                                                     \
	  "members of a group that were enabled for another time than the leader")                 \
	X(throttles, NUMBER,                                                                       \
	  "records that an event of the group was throttled")                                      \
	X(others_changed, NUMBER,                                                                  \
	  "events of other CPUs or PMUs that stopped or went to ERROR")                            \
	X(warned, NUMBER, "the kernel log has a warning")                                          \
	X(poll_err, NUMBER, "poll() says POLLERR")                                                 \
	X(signals, NUMBER, "signals a watcher of the event got")                                   \
	X(signals_control, NUMBER,                                                                 \
	  "signals of a pinned event that found no counter")                                       \
	X(hidden_count, NUMBER,                                                                    \
	  "count of the event in ERROR, once it can be read again")                                \
	X(starved, NUMBER, "events that never got a counter again")                                \
	X(attempts, NUMBER, "attempts made")                                                       \
	X(outcomes, NUMBER, "distinct results of the same open")                                   \
	X(strange, NUMBER, "refusals with another errno than the first")                           \
	X(vcpu_err, ERRNO, "errno of the first refused KVM_CREATE_VCPU")                           \
	X(survivors, NUMBER,                                                                       \
	  "events that got past a refusal and outlived a guest entry")                             \
	X(scaled_surplus, NUMBER, "count * enabled / running, minus count")                        \
	X(samples_inside, NUMBER, "samples written while the guest ran")                           \
	X(samples_after, NUMBER, "bytes of samples written after it")                              \
	X(nmis_inside, NUMBER, "NMIs of the guest's CPU while the guest ran")                      \
	X(guest_pmis, NUMBER,                                                                      \
	  "overflows of the guest's counters that KVM was told of (PMIs)")                         \
	X(overflows_by_kvm, NUMBER,                                                                \
	  "overflows of the guest's counters without an interrupt of the host")                    \
	X(held_before, NUMBER,                                                                     \
	  "counters the watchdog took when it was switched on")                                    \
	X(counters_free, NUMBER, "pinned events that find a counter")                              \
	X(watchdog_survives, NUMBER,                                                               \
	  "the watchdog kept its counter through a guest")                                         \
	X(count_ns, NS, "count of a clock event")                                                  \
	X(enabled_ns, NS, "time_enabled gained")                                                   \
	X(enabled_asleep, NS, "time_enabled gained while its task slept")                          \
	X(counted_without_time, NUMBER,                                                            \
	  "events that gained counts and no time_running")                                         \
	X(running_ns, NS, "time_running gained")                                                   \
	X(running_all_ns, NS, "time_running of all events together")                               \
	X(running_ahead_ns, NS,                                                                    \
	  "how far time_running is ahead of time_enabled, the most of any reading")                \
	X(not_running_ns, NS, "time_enabled minus time_running")                                   \
	X(left_out_ns, NS, "a task clock's count minus its time_enabled")                          \
	X(backward_steps, NUMBER,                                                                  \
	  "times time_enabled became smaller between two reads")                                   \
	X(page_ahead_ns, NS,                                                                       \
	  "how far time_enabled in the mmap page is ahead of a later read()")                      \
	X(page_behind_ns, NS,                                                                      \
	  "how far time_enabled in the mmap page is behind an earlier read()")                     \
	X(sample_ahead_ns, NS,                                                                     \
	  "how far time_enabled in a sample is ahead of a later read()")                           \
	X(sample_behind_ns, NS,                                                                    \
	  "how far time_enabled in a sample is behind an earlier read()")                          \
	X(vector, NUMBER,                                                                          \
	  "exception that the guest's access raised, 0 if none")                                   \
	X(access_exits, NUMBER, "VM exits that the accesses took")                                 \
	X(handed_on, NUMBER,                                                                       \
	  "accesses of a nested guest that exited to its own hypervisor")                          \
	X(exits_made, NUMBER, "VM exits made")                                                     \
	X(guest_counted, NUMBER, "what the guest's counter gained")                                \
	X(guest_control, NUMBER,                                                                   \
	  "what a counter of the guest gained that had to count")                                  \
	X(mismatches, NUMBER,                                                                      \
	  "registers that hold something else than was written")                                   \
	X(registers_left, NUMBER,                                                                  \
	  "registers of the host's PMU that are not as they were before the guest")                \
	X(registers_got, NUMBER,                                                                   \
	  "registers of the PMU that user space got from the vCPU")                                \
	X(registers_found, NUMBER,                                                                 \
	  "general counters that can be read, from the first on")                                  \
	X(fixed_found, NUMBER,                                                                     \
	  "fixed counters that can be read, from the first on")                                    \
	X(bits_found, NUMBER,                                                                      \
	  "bits of the global registers, of what is not announced, that can be written")           \
	X(status_writes, NUMBER,                                                                   \
	  "writes of the read-only status that did not fault")                                     \
	X(offered_counters, NUMBER,                                                                \
	  "general counters in KVM_GET_SUPPORTED_CPUID")                                           \
	X(offered_fixed, NUMBER, "fixed counters in KVM_GET_SUPPORTED_CPUID")                      \
	X(offered_version, NUMBER, "PMU version in KVM_GET_SUPPORTED_CPUID")                       \
	X(eventsels_or, MASK, "all event selects of the guest, or-ed")                             \
	X(counters_or, MASK, "all counters of the guest, or-ed")                                   \
	X(global_ctrl, MASK, "the guest's global control register")                                \
	X(highest, MASK, "what a counter holds after all ones were written")                       \
	X(status_made, MASK, "overflow status after an overflow")                                  \
	X(status_cleared, MASK, "overflow status after it was cleared")                            \
	X(status_set, MASK, "overflow status after it was set")                                    \
	X(interrupts, NUMBER, "PMIs the guest's handler took")                                     \
	X(interrupts_unsaved, NUMBER,                                                              \
	  "PMIs the handler took in the vCPU that was saved, which went on")                       \
	X(lvt_masked, NUMBER, "the guest's LVTPC is masked afterwards")                            \
	X(leaked, NUMBER, "counters that show a value of the other side")                          \
	X(leak_control, NUMBER, "counters of the host that a reader saw move")                     \
	X(host_surplus, NUMBER,                                                                    \
	  "what a host event gained more beside a guest that ran longer")                          \
	X(announced, NUMBER,                                                                       \
	  "extensions in the guest's CPUID that it cannot have")                                   \
	X(both, NUMBER, "races in which both sides succeeded")                                     \
	X(neither, NUMBER, "races in which neither side succeeded")                                \
	X(failed, NUMBER, "steps that must succeed and did not")                                   \
	X(disordered, NUMBER,                                                                      \
	  "values of a reading that do not lie between those of the readings before and after it") \
	X(left_over, NUMBER,                                                                       \
	  "claims, references or events that outlive their owner")                                 \
	X(held_now, NUMBER, "counters the watchdog holds now")                                     \
	X(denied, NUMBER, "opens refused with EACCES")                                             \
	X(refused, NUMBER, "opens refused with any errno")

/* Kinds of PMU, as far as the contracts tell them apart. */
#define PMU_KINDS(X)                    \
	X(PMU_CORE, "core")             \
	X(PMU_SOFTWARE, "software")     \
	X(PMU_TRACEPOINT, "tracepoint") \
	X(PMU_BREAKPOINT, "breakpoint") \
	X(PMU_MSR, "msr")

/* States of an event or group as far as the contracts tell them apart. */
#define EVENT_STATES(X)               \
	X(STATE_OFF, "off")           \
	X(STATE_INACTIVE, "inactive") \
	X(STATE_ACTIVE, "active")

/* Registers of a guest's PMU, as far as KVM treats them differently. */
#define GUEST_REGISTERS(X)                           \
	X(REGISTER_EVENTSEL, "eventsel")             \
	X(REGISTER_COUNTER, "counter")               \
	X(REGISTER_LEGACY_COUNTER, "legacy-counter") \
	X(REGISTER_GLOBAL, "global")                 \
	X(REGISTER_RDPMC, "rdpmc")

/* What is asked of an event in ERROR. */
#define REQUESTS(X)                   \
	X(REQUEST_DISABLE, "disable") \
	X(REQUEST_RESET, "reset")     \
	X(REQUEST_ENABLE, "enable")

#endif
