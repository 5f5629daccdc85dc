/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An architectural PMU for Bochs' CPUs: Intel SDM volume 3, "Architectural
 * Performance Monitoring". Counts what Bochs retires, exactly; a cycle is a
 * retired instruction.
 */
#ifndef BX_INTEL_PMU_H
#define BX_INTEL_PMU_H

class BX_CPU_C;
struct cpuid_function_t;

#define INTEL_PMU_GENERAL_MAX 8
#define INTEL_PMU_FIXED_MAX 7

class intel_pmu_c {
public:
  /* At power-up, reset and INIT. @hardware: not for INIT, which keeps all. */
  void reset(BX_CPU_C *cpu, bool hardware);

  /* Does this PMU have the register? Then *@ok says whether access is allowed. */
  bool rdmsr(Bit32u index, Bit64u *value, bool *ok);
  bool wrmsr(Bit32u index, Bit64u value, bool *ok);

  /* RDPMC with @select in ECX. Returns false for #GP. */
  bool rdpmc(Bit32u select, Bit64u *value);

  /* Leaf 0xA, and what other leaves say of the PMU. */
  void cpuid(Bit32u function, Bit32u subfunction, cpuid_function_t *leaf) const;

  /*
   * Whenever CS may have another privilege level: count up to now at the old. If it
   * is an instruction that changes it, a far branch, then it is still to be counted
   * by Bochs, and belongs to the old level.
   */
  void level(bool user)
  {
    if (user != at_user) {
      sync(!between_instructions());
      at_user = user;
      plan();
    }
  }

  /* An interrupt or exception is being delivered: there is no instruction. */
  void delivers(unsigned vector);

  /* VM entry, and the two halves of VM exit; @load, @save: VMCS controls. */
  void vm_entry(bool load, Bit64u global, bool load_debug, Bit64u debug);
  Bit64u vm_exit(void);
  void vm_exit_load(bool load, Bit64u global);

  /* May IA32_PERF_GLOBAL_CTRL take this value? VM entry and exit check it. */
  bool global_is_valid(Bit64u value) const { return !(value & ~global_mask()); }

  /* The same of IA32_DEBUGCTL, and what VM exit saves of it. */
  bool debug_control_is_valid(Bit64u value) const;
  Bit64u debug_control(void) const { return debugctl; }

  /* Called for each trace: has a counter come to its end? */
  void look(Bit64u icount)
  {
    if (icount >= due)
      sync();
    if (icount >= disturbed_next)
      disturb();
  }

  /* An instruction that Bochs counted and that did not retire. */
  void not_retired(void) { skipped++; }
  /* Time in which this CPU executed nothing, in instructions. */
  void passes(Bit64u time);
  void branch(void) { branches++; }
  /* @what: one of BX_INSTR_IS_* */
  void far_branch(unsigned what);

private:
  struct counter;

  Bit64u retired(void) const;
  Bit64u global_mask(void) const;
  Bit64u status_mask(void) const;
  Bit64u inuse(void) const;
  bool counting(unsigned n, bool fixed) const;
  Bit64u rate(unsigned n, bool fixed, Bit64u instructions, Bit64u taken);
  bool add(Bit64u *counter, Bit64u gain);
  void sync(bool and_this = false);
  bool between_instructions(void) const;
  static bool absent(Bit32u index);
  void plan(void);
  void overflow(Bit64u bits, bool pmi);
  /*
   * A machine with system management has counters that go on meanwhile, or nobody
   * would see it.
   */
  bool freezes_while_smm(void) const;
  bool has_fixed(unsigned n) const { return (fixed_mask >> n) & 1; }
  Bit64u cycles(Bit64u instructions);
  void count_too_many(Bit64u how_many, bool as_branches);
  void between_instructions_now(void);
  void disturb(void);
  void manage_system(void);

  BX_CPU_C *cpu;
  /* @fixed: one more than the highest number of those in @fixed_mask. */
  unsigned version, general, fixed, fixed_mask, tsc_hz;
  Bit64u select[INTEL_PMU_GENERAL_MAX], count[INTEL_PMU_GENERAL_MAX];
  Bit64u fixed_count[INTEL_PMU_FIXED_MAX];
  Bit64u fixed_ctrl, global_ctrl, status, debugctl;
  /* Up to which point all counters are right. */
  Bit64u seen_retired, seen_branches;
  Bit64u skipped, branches;
  /* By Bochs' count of instructions: not before then must anybody look. */
  Bit64u due;
  /* By the same count: when there was no instruction under way. */
  Bit64u between;
  bool at_user;

  rough_c rough;
  /* By the same count: when a late interrupt comes, and when a disturbance. */
  Bit64u pmi_due, disturbed_next;
  Bit64u smis;
};

#endif
