// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the counters count, and when one overflows: Intel SDM volume 3,
 * "Architectural Performance Monitoring Version 2" to "Version 5".
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#include "apic.h"
#include "intel_pmu_bits.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include <stdlib.h>
#include <string.h>

/* Event and unit mask of the architectural events that are modelled. */
#define EVENT_CYCLES 0x003c
#define EVENT_REFERENCE_CYCLES 0x013c
#define EVENT_INSTRUCTIONS 0x00c0
#define EVENT_BRANCHES 0x00c4

/* LVT: SDM volume 3, "Local Vector Table". */
#define LVT_MASKED 0x10000
#define LVT_VECTOR(lvt) ((lvt) & 0xff)
#define LVT_MODE(lvt) (((lvt) >> 8) & 7)

/* The machine's profile: version, general and fixed counters. */
static unsigned profile(const char *name, unsigned otherwise, unsigned most)
{
  const char *text = getenv(name);
  unsigned value = text ? (unsigned) strtoul(text, NULL, 10) : otherwise;

  return value > most ? most : value;
}

void intel_pmu_c::reset(BX_CPU_C *owner, bool hardware)
{
  if (hardware) {
    memset(this, 0, sizeof(*this));
    version = profile("BOCHS_PMU_VERSION", 5, 5);
    general = profile("BOCHS_PMU_GENERAL", 8, INTEL_PMU_GENERAL_MAX);
    /* So many in a row, or which. */
    fixed_mask = profile("BOCHS_PMU_FIXED_MASK", (1u << profile("BOCHS_PMU_FIXED", 3, INTEL_PMU_FIXED_MAX)) - 1,
                         (1u << INTEL_PMU_FIXED_MAX) - 1);
    for (fixed = 0; fixed_mask >> fixed; fixed++)
      ;
    tsc_hz = profile("BOCHS_TSC_HZ", 20000000, 1u << 31);
    /* "IA32_PERF_GLOBAL_CTRL ... bits n-1:0 set, the others clear" */
    global_ctrl = (1ull << general) - 1;
    rough.reset(owner->which_cpu());
    for (unsigned n = 0; rough_number(ROUGH_GARBAGE) && n < general; n++)
      count[n] = rough.draw(COUNTER_MASK);
    for (unsigned n = 0; rough_number(ROUGH_GARBAGE) && n < fixed; n++)
      fixed_count[n] = rough.draw(COUNTER_MASK);
  }
  pmi_due = 0;
  /* INIT: until a counter is enabled again, there is no kernel that could take one. */
  rough.ends();
  disturbed_next = ~(Bit64u) 0;
  cpu = owner;
  at_user = false;
  seen_retired = retired();
  seen_branches = branches;
  plan();
}

Bit64u intel_pmu_c::retired(void) const
{
  return cpu->icount - skipped;
}

Bit64u intel_pmu_c::cycles(Bit64u instructions)
{
  Bit64u more = instructions * rough_number(ROUGH_CYCLES) / 1000;

  /* No fixed ratio either: the remainder falls this way or that. */
  if (instructions && rough_number(ROUGH_CYCLES))
    more += rough.draw(2);
  return instructions + (more < instructions ? more : instructions);
}

/* At the privilege level of now. */
bool intel_pmu_c::counting(unsigned n, bool is_fixed) const
{
  unsigned ctrl = (fixed_ctrl >> (4 * n)) & 0xf;

  if ((status & STATUS_FROZEN) || !(global_ctrl & (1ull << (is_fixed ? 32 + n : n))))
    return false;
  if (is_fixed)
    return ctrl & (at_user ? FIXED_USER : FIXED_OS);
  return (select[n] & SELECT_ENABLE) && (select[n] & (at_user ? SELECT_USER : SELECT_OS));
}

/*
 * What a counter gains. Events happen at most once in a cycle: a threshold of more
 * is never met, and with its sense turned round always.
 */
Bit64u intel_pmu_c::rate(unsigned n, bool is_fixed, Bit64u instructions, Bit64u taken)
{
  Bit64u gain;

  /* Instructions, cycles, reference cycles; slots are not modelled. */
  if (is_fixed)
    return n == 1 ? cycles(instructions) : n < 3 ? instructions : 0;
  switch (SELECT_EVENT(select[n])) {
  case EVENT_CYCLES:
    gain = cycles(instructions);
    break;
  case EVENT_REFERENCE_CYCLES:
  case EVENT_INSTRUCTIONS:
    gain = instructions;
    break;
  case EVENT_BRANCHES:
    gain = taken;
    break;
  default:
    gain = 0;
  }
  if (!SELECT_CMASK(select[n]))
    return gain;
  if (SELECT_CMASK(select[n]) > 1)
    gain = 0;
  if (gain > instructions)
    gain = instructions;
  return select[n] & SELECT_INVERT ? instructions - gain : gain;
}

/* Returns true if it went over its end. */
bool intel_pmu_c::add(Bit64u *counter, Bit64u gain)
{
  Bit64u before = *counter;

  *counter = (before + gain) & COUNTER_MASK;
  return before + gain > COUNTER_MASK;
}

void intel_pmu_c::between_instructions_now(void)
{
  between = cpu->icount;
}

/* They come to what is counted next, at the level and in the guest of now. */
void intel_pmu_c::count_too_many(Bit64u how_many, bool as_branches)
{
  seen_retired -= how_many;
  if (as_branches)
    seen_branches -= how_many;
}

void intel_pmu_c::delivers(unsigned vector)
{
  between_instructions_now();
  if (at_user)
    count_too_many(rough_number(vector == BX_PF_EXCEPTION ? ROUGH_FAULT : ROUGH_INTERRUPT), false);
}

void intel_pmu_c::far_branch(unsigned what)
{
  branches++;
  if (what == BX_INSTR_IS_IRET)
    count_too_many(rough_number(ROUGH_IRET), rough_number(ROUGH_BRANCHES));
  else if (what != BX_INSTR_IS_SYSCALL && what != BX_INSTR_IS_SYSRET)
    count_too_many(rough_number(ROUGH_FAR), rough_number(ROUGH_BRANCHES));
}

bool intel_pmu_c::between_instructions(void) const
{
  return between == cpu->icount;
}

void intel_pmu_c::sync(bool and_this)
{
  Bit64u now = retired() + and_this, now_taken = branches + and_this;
  Bit64u instructions = now - seen_retired, taken = now_taken - seen_branches;
  Bit64u over = 0;
  bool pmi = false;

  /* What was counted before Bochs does waits for it. */
  if ((Bit64s) instructions < 0)
    instructions = 0;
  else
    seen_retired = now;
  if ((Bit64s) taken < 0)
    taken = 0;
  else
    seen_branches = now_taken;
  for (unsigned n = 0; n < general; n++) {
    if (counting(n, false) && add(&count[n], rate(n, false, instructions, taken))) {
      over |= 1ull << n;
      pmi |= !!(select[n] & SELECT_INT);
    }
  }
  for (unsigned n = 0; n < fixed; n++) {
    if (counting(n, true) && add(&fixed_count[n], rate(n, true, instructions, taken))) {
      over |= 1ull << (32 + n);
      pmi |= !!((fixed_ctrl >> (4 * n)) & FIXED_PMI);
    }
  }
  if (over)
    overflow(over, pmi);
  if (pmi_due && cpu->icount >= pmi_due) {
    pmi_due = 0;
    cpu->lapic->deliver_pmi();
  }
  plan();
}

/* Until the nearest end, if every instruction were one of the event. */
void intel_pmu_c::plan(void)
{
  Bit64u nearest = COUNTER_MASK;

  for (unsigned n = 0; n < general; n++) {
    if (counting(n, false) && COUNTER_MASK - count[n] < nearest)
      nearest = COUNTER_MASK - count[n];
  }
  for (unsigned n = 0; n < fixed; n++) {
    if (counting(n, true) && COUNTER_MASK - fixed_count[n] < nearest)
      nearest = COUNTER_MASK - fixed_count[n];
  }
  /* One that counts cycles may be there twice as soon. */
  if (rough_number(ROUGH_CYCLES))
    nearest /= 2;
  due = cpu->icount + nearest + 1;
  if (pmi_due && pmi_due < due)
    due = pmi_due;
}

void intel_pmu_c::overflow(Bit64u bits, bool pmi)
{
  status |= bits;
  if (!pmi)
    return;
  if (version > 3 && (debugctl & DEBUGCTL_FREEZE_ON_PMI))
    status |= STATUS_FROZEN;
  /* A second before the first has come is one with it. */
  if (!rough_number(ROUGH_LATE))
    cpu->lapic->deliver_pmi();
  else if (!pmi_due)
    pmi_due = cpu->icount + 1 + rough.draw(rough_number(ROUGH_LATE));
}

void intel_pmu_c::passes(Bit64u time)
{
  cpu->icount += time;
  skipped += time;
}

/* SMM is at ring 0, counted there, and takes its time; a guest is not left for it. */
#define SMI_INSTRUCTIONS 3000
#define SMI_TICKS 2000
void intel_pmu_c::manage_system(void)
{
  bool was_at_user = at_user;

  sync();
  at_user = false;
  count_too_many(SMI_INSTRUCTIONS, false);
  sync();
  at_user = was_at_user;
  passes(SMI_TICKS);
  smis++;
  plan();
}

/* Linux' RESCHEDULE_VECTOR: one that any CPU may get at any time, for nothing. */
#define RESCHEDULE_VECTOR 0xfd
void intel_pmu_c::disturb(void)
{
  if (rough.is_due(ROUGH_IPI, cpu->icount))
    cpu->lapic->deliver(RESCHEDULE_VECTOR, APIC_DM_FIXED, APIC_EDGE_TRIGGERED);
  if (rough.is_due(ROUGH_NMI, cpu->icount))
    cpu->lapic->deliver(0, APIC_DM_NMI, APIC_EDGE_TRIGGERED);
  if (rough.is_due(ROUGH_SMI, cpu->icount))
    manage_system();
  disturbed_next = rough.due();
}

/* VMLAUNCH or VMRESUME itself is nobody's, unless the entry counts too many. */
void intel_pmu_c::vm_entry(bool load, Bit64u global, bool load_debug, Bit64u debug)
{
  sync();
  if (load)
    global_ctrl = global;
  if (load_debug)
    debugctl = debug;
  seen_retired = retired() + 1;
  count_too_many(rough_number(ROUGH_ENTRY), rough_number(ROUGH_BRANCHES));
  between_instructions_now();
  plan();
}

Bit64u intel_pmu_c::vm_exit(void)
{
  between_instructions_now();
  count_too_many(rough_number(ROUGH_EXIT), rough_number(ROUGH_BRANCHES));
  sync();
  return global_ctrl;
}

void intel_pmu_c::vm_exit_load(bool load, Bit64u global)
{
  sync();
  if (load)
    global_ctrl = global;
  /* "The MSR is cleared by VM exits": IA32_DEBUGCTL. */
  debugctl = 0;
  plan();
}

/* Delivery sets the mask: SDM volume 3, "Generating an Interrupt on Overflow". */
void bx_local_apic_c::deliver_pmi(void)
{
  Bit32u entry = lvt[APIC_LVT_PERFMON];

  if (entry & LVT_MASKED)
    return;
  lvt[APIC_LVT_PERFMON] |= LVT_MASKED;
  deliver(LVT_VECTOR(entry), LVT_MODE(entry), 0);
}
