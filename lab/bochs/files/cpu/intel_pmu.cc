// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register numbers and bits: Intel SDM volume 4, "Model-Specific Registers";
 * their behaviour: volume 3, "Architectural Performance Monitoring Version 2" to
 * "Version 5", and "Full-Width Writes to Performance Counter Registers".
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#include "cpuid.h"
#include "apic.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include <stdlib.h>
#include <string.h>

#define MSR_SMI_COUNT 0x034
#define MSR_PMC 0x0c1
#define MSR_PERFEVTSEL 0x186
#define MSR_DEBUGCTL 0x1d9
#define MSR_FIXED_CTR 0x309
#define MSR_PERF_CAPABILITIES 0x345
#define MSR_FIXED_CTR_CTRL 0x38d
#define MSR_GLOBAL_STATUS 0x38e
#define MSR_GLOBAL_CTRL 0x38f
#define MSR_GLOBAL_STATUS_RESET 0x390
#define MSR_GLOBAL_STATUS_SET 0x391
#define MSR_GLOBAL_INUSE 0x392
#define MSR_PEBS_ENABLE 0x3f1
#define MSR_A_PMC 0x4c1
/* Numbers kept for general and fixed counters, whatever a CPU has of them. */
#define REGISTERS_MOST 8
#define FIXED_MOST 7

#define SELECT_USER (1ull << 16)
#define SELECT_OS (1ull << 17)
#define SELECT_INT (1ull << 20)
#define SELECT_ANY_THREAD (1ull << 21)
#define SELECT_ENABLE (1ull << 22)
#define SELECT_INVERT (1ull << 23)
#define SELECT_CMASK(select) (((select) >> 24) & 0xff)
#define SELECT_EVENT(select) ((select) & 0xffff)

#define FIXED_OS 1
#define FIXED_USER 2
#define FIXED_ANY_THREAD 4
#define FIXED_PMI 8

#define STATUS_FROZEN (1ull << 59)
#define STATUS_COND_CHANGED (1ull << 63)
#define INUSE_PMI (1ull << 63)
#define CAPABILITY_FULL_WIDTH (1ull << 13)
/* DEBUGCTL: what Linux may set on a CPU without LBR and BTS. */
#define DEBUGCTL_BTF (1ull << 1)
#define DEBUGCTL_FREEZE_ON_PMI (1ull << 12)

#define WIDTH 48
#define COUNTER_MASK ((1ull << WIDTH) - 1)

/*
 * CPUID.1:EAX, model and extended model all ones: what a known model has besides,
 * LBR, PEBS, off-core events, is not here, and a driver must not expect it.
 */
#define MODEL_UNKNOWN 0xf00f0

/* CPUID.1:EDX: the debug store, which PEBS and BTS write to. */
#define CPUID1_EDX_DS (1u << 21)

/* Event and unit mask of the architectural events that are modelled. */
#define EVENT_CYCLES 0x003c
#define EVENT_REFERENCE_CYCLES 0x013c
#define EVENT_INSTRUCTIONS 0x00c0
#define EVENT_BRANCHES 0x00c4

/* Leaf 7, sub-leaf 1, EAX: there is leaf 0x23, whose sub-leaf 1 has the counters. */
#define CPUID7_1_EAX_PERFMON_EXT (1u << 8)
#define LEAF_PERFMON_EXT 0x23

/* Leaf 0xA EBX: cache references, cache misses, mispredicted, slots are not. */
#define EVENTS_ABSENT 0xd8
#define EVENTS_ENUMERATED 8

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

Bit64u intel_pmu_c::global_mask(void) const
{
  return ((1ull << general) - 1) | ((Bit64u) fixed_mask << 32);
}

Bit64u intel_pmu_c::status_mask(void) const
{
  return global_mask() | STATUS_COND_CHANGED | (version > 3 ? STATUS_FROZEN : 0);
}

bool intel_pmu_c::debug_control_is_valid(Bit64u value) const
{
  return !(value & ~(DEBUGCTL_BTF | DEBUGCTL_FREEZE_ON_PMI));
}

/* Counters with an event or enabled, and whether any of them interrupts. */
Bit64u intel_pmu_c::inuse(void) const
{
  Bit64u value = 0;

  for (unsigned n = 0; n < general; n++) {
    if (select[n] & 0xff)
      value |= 1ull << n;
    if (select[n] & SELECT_INT)
      value |= INUSE_PMI;
  }
  for (unsigned n = 0; n < fixed; n++) {
    unsigned ctrl = (fixed_ctrl >> (4 * n)) & 0xf;

    if (ctrl & (FIXED_OS | FIXED_USER))
      value |= 1ull << (32 + n);
    if (ctrl & FIXED_PMI)
      value |= INUSE_PMI;
  }
  return value;
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

/* What a greater PMU has. Bochs itself would take any access to it. */
bool intel_pmu_c::absent(Bit32u index)
{
  return index - MSR_PMC < REGISTERS_MOST || index - MSR_PERFEVTSEL < REGISTERS_MOST ||
         index - MSR_FIXED_CTR < FIXED_MOST || index - MSR_A_PMC < REGISTERS_MOST ||
         (index >= MSR_FIXED_CTR_CTRL && index <= MSR_GLOBAL_INUSE) || index == MSR_PEBS_ENABLE;
}

bool intel_pmu_c::rdmsr(Bit32u index, Bit64u *value, bool *ok)
{
  *ok = true;
  if (index - MSR_PMC < general || index - MSR_A_PMC < general ||
      (index - MSR_FIXED_CTR < fixed && has_fixed(index - MSR_FIXED_CTR)) || index == MSR_GLOBAL_STATUS)
    sync();
  if (index - MSR_PMC < general)
    *value = count[index - MSR_PMC];
  else if (index - MSR_A_PMC < general)
    *value = count[index - MSR_A_PMC];
  else if (index - MSR_PERFEVTSEL < general)
    *value = select[index - MSR_PERFEVTSEL];
  else if (index == MSR_SMI_COUNT)
    *value = smis;
  else if (index - MSR_FIXED_CTR < fixed && has_fixed(index - MSR_FIXED_CTR))
    *value = fixed_count[index - MSR_FIXED_CTR];
  else if (index == MSR_FIXED_CTR_CTRL)
    *value = fixed_ctrl;
  else if (index == MSR_GLOBAL_STATUS)
    *value = status;
  else if (index == MSR_GLOBAL_CTRL)
    *value = global_ctrl;
  else if (index == MSR_GLOBAL_STATUS_RESET)
    *value = 0;
  else if (index == MSR_GLOBAL_STATUS_SET && version > 3)
    *value = 0;
  else if (index == MSR_GLOBAL_INUSE && version > 3)
    *value = inuse();
  else if (index == MSR_PERF_CAPABILITIES)
    *value = CAPABILITY_FULL_WIDTH;
  else if (index == MSR_DEBUGCTL)
    *value = debugctl;
  else if (absent(index))
    *ok = false;
  else
    return false;
  return true;
}

bool intel_pmu_c::wrmsr(Bit32u index, Bit64u value, bool *ok)
{
  Bit64u ctrl_mask = 0;

  for (unsigned n = 0; n < fixed; n++) {
    if (!has_fixed(n))
      continue;
    ctrl_mask |= (Bit64u) (FIXED_OS | FIXED_USER | FIXED_PMI | (version > 4 ? 0 : FIXED_ANY_THREAD)) << (4 * n);
  }
  *ok = true;
  sync();
  if (index - MSR_PMC < general) {
    /* 32 bits, with a sign. */
    count[index - MSR_PMC] = (Bit64u) (Bit64s) (Bit32s) value & COUNTER_MASK;
  } else if (index - MSR_A_PMC < general) {
    *ok = !(value & ~COUNTER_MASK);
    if (*ok)
      count[index - MSR_A_PMC] = value;
  } else if (index - MSR_PERFEVTSEL < general) {
    *ok = !(value & ((version > 4 ? SELECT_ANY_THREAD : 0) | ~0xffffffffull));
    if (*ok)
      select[index - MSR_PERFEVTSEL] = value;
    if (value & SELECT_ENABLE) {
      rough.begins(cpu->icount, tsc_hz);
      disturbed_next = rough.due();
    }
  } else if (index - MSR_FIXED_CTR < fixed && has_fixed(index - MSR_FIXED_CTR)) {
    *ok = !(value & ~COUNTER_MASK);
    if (*ok)
      fixed_count[index - MSR_FIXED_CTR] = value;
  } else if (index == MSR_FIXED_CTR_CTRL) {
    *ok = !(value & ~ctrl_mask);
    if (*ok)
      fixed_ctrl = value;
  } else if (index == MSR_GLOBAL_CTRL) {
    *ok = global_is_valid(value);
    if (*ok)
      global_ctrl = value;
  } else if (index == MSR_GLOBAL_STATUS_RESET) {
    *ok = !(value & ~status_mask());
    if (*ok)
      status &= ~value;
  } else if (index == MSR_GLOBAL_STATUS_SET && version > 3) {
    *ok = !(value & ~status_mask());
    if (*ok)
      status |= value;
  } else if (index == MSR_DEBUGCTL) {
    *ok = debug_control_is_valid(value);
    if (*ok)
      debugctl = value;
  } else if (index == MSR_GLOBAL_STATUS || index == MSR_GLOBAL_INUSE ||
             index == MSR_PERF_CAPABILITIES || absent(index)) {
    /* Read-only, or not there. */
    *ok = false;
  } else {
    return false;
  }
  plan();
  return true;
}

/* ECX[31:16]: the kind of counter, 0x4000 for the fixed ones. */
bool intel_pmu_c::rdpmc(Bit32u select_index, Bit64u *value)
{
  Bit32u n = select_index & 0xffff;

  sync();
  if (select_index >> 16 == 0 && n < general)
    *value = count[n];
  else if (select_index >> 16 == 0x4000 && n < fixed && has_fixed(n))
    *value = fixed_count[n];
  else
    return false;
  return true;
}

void intel_pmu_c::cpuid(Bit32u function, Bit32u subfunction, cpuid_function_t *leaf) const
{
  unsigned in_a_row = 0;
  bool sparse;

  while (has_fixed(in_a_row))
    in_a_row++;
  sparse = in_a_row < fixed;
  if (function == 1) {
    leaf->ecx |= 1u << 15; /* PDCM */
    leaf->eax |= MODEL_UNKNOWN;
    leaf->edx &= ~CPUID1_EDX_DS;
  }
  /*
   * The TSC counts the machine's own ticks: the models' leaves would make a second
   * of its kernel half a minute of ours.
   */
  if (function == 0x15) {
    leaf->eax = leaf->ebx = 1;
    leaf->ecx = tsc_hz;
  }
  if (function == 0x16)
    leaf->eax = leaf->ebx = tsc_hz / 1000000;
  /* With gaps between them, the counters are said by leaf 0x23, too. */
  if (sparse && function == 0 && leaf->eax < LEAF_PERFMON_EXT)
    leaf->eax = LEAF_PERFMON_EXT;
  if (sparse && function == 7 && subfunction == 1)
    leaf->eax |= CPUID7_1_EAX_PERFMON_EXT;
  if (sparse && function == 7 && subfunction == 0 && !leaf->eax)
    leaf->eax = 1;
  if (sparse && function == LEAF_PERFMON_EXT) {
    leaf->eax = subfunction == 0 ? 3 : subfunction == 1 ? (1u << general) - 1 : 0;
    leaf->ebx = subfunction == 1 ? fixed_mask : 0;
    leaf->ecx = leaf->edx = 0;
  }
  if (function != 0xa)
    return;
  leaf->eax = version | general << 8 | WIDTH << 16 | EVENTS_ENUMERATED << 24;
  leaf->ebx = EVENTS_ABSENT;
  leaf->ecx = version > 4 ? fixed_mask : 0;
  /* Bit 15: AnyThread is gone, as version 5 can say. */
  leaf->edx = in_a_row | WIDTH << 5 | (version > 4 ? 1u << 15 : 0);
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
