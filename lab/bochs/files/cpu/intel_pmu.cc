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
    fixed = profile("BOCHS_PMU_FIXED", 3, INTEL_PMU_FIXED_MAX);
    tsc_hz = profile("BOCHS_TSC_HZ", 20000000, 1u << 31);
    /* "IA32_PERF_GLOBAL_CTRL ... bits n-1:0 set, the others clear" */
    global_ctrl = (1ull << general) - 1;
  }
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
  return ((1ull << general) - 1) | (((1ull << fixed) - 1) << 32);
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
Bit64u intel_pmu_c::rate(unsigned n, bool is_fixed, Bit64u instructions, Bit64u taken) const
{
  Bit64u gain;

  /* Instructions, cycles, reference cycles; slots are not modelled. */
  if (is_fixed)
    return n < 3 ? instructions : 0;
  switch (SELECT_EVENT(select[n])) {
  case EVENT_CYCLES:
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
  return select[n] & SELECT_INVERT ? instructions - gain : gain;
}

/* Returns true if it went over its end. */
bool intel_pmu_c::add(Bit64u *counter, Bit64u gain)
{
  Bit64u before = *counter;

  *counter = (before + gain) & COUNTER_MASK;
  return before + gain > COUNTER_MASK;
}

void intel_pmu_c::delivers(void)
{
  between = cpu->icount;
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
  due = cpu->icount + nearest + 1;
}

void intel_pmu_c::overflow(Bit64u bits, bool pmi)
{
  status |= bits;
  if (!pmi)
    return;
  if (version > 3 && (debugctl & DEBUGCTL_FREEZE_ON_PMI))
    status |= STATUS_FROZEN;
  cpu->lapic->deliver_pmi();
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
      index - MSR_FIXED_CTR < fixed || index == MSR_GLOBAL_STATUS)
    sync();
  if (index - MSR_PMC < general)
    *value = count[index - MSR_PMC];
  else if (index - MSR_A_PMC < general)
    *value = count[index - MSR_A_PMC];
  else if (index - MSR_PERFEVTSEL < general)
    *value = select[index - MSR_PERFEVTSEL];
  else if (index - MSR_FIXED_CTR < fixed)
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
  Bit64u fixed_mask = 0;

  for (unsigned n = 0; n < fixed; n++)
    fixed_mask |= (Bit64u) (FIXED_OS | FIXED_USER | FIXED_PMI | (version > 4 ? 0 : FIXED_ANY_THREAD)) << (4 * n);
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
  } else if (index - MSR_FIXED_CTR < fixed) {
    *ok = !(value & ~COUNTER_MASK);
    if (*ok)
      fixed_count[index - MSR_FIXED_CTR] = value;
  } else if (index == MSR_FIXED_CTR_CTRL) {
    *ok = !(value & ~fixed_mask);
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
  else if (select_index >> 16 == 0x4000 && n < fixed)
    *value = fixed_count[n];
  else
    return false;
  return true;
}

void intel_pmu_c::cpuid(Bit32u function, cpuid_function_t *leaf) const
{
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
  if (function != 0xa)
    return;
  leaf->eax = version | general << 8 | WIDTH << 16 | EVENTS_ENUMERATED << 24;
  leaf->ebx = EVENTS_ABSENT;
  leaf->ecx = version > 4 ? (1u << fixed) - 1 : 0;
  /* Bit 15: AnyThread is gone, as version 5 can say. */
  leaf->edx = fixed | WIDTH << 5 | (version > 4 ? 1u << 15 : 0);
}

/* VMLAUNCH or VMRESUME itself is nobody's. */
void intel_pmu_c::vm_entry(bool load, Bit64u global, bool load_debug, Bit64u debug)
{
  sync();
  if (load)
    global_ctrl = global;
  if (load_debug)
    debugctl = debug;
  seen_retired = retired() + 1;
  delivers();
  plan();
}

Bit64u intel_pmu_c::vm_exit(void)
{
  delivers();
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
