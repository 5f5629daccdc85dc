// SPDX-License-Identifier: GPL-2.0-only
/*
 * What software sees of the counters. Register numbers: Intel SDM volume 4,
 * "Model-Specific Registers"; their behaviour: volume 3, "Architectural Performance
 * Monitoring Version 2" to "Version 5", and "Full-Width Writes to Performance
 * Counter Registers".
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#include "cpuid.h"
#include "intel_pmu_bits.h"
#define LOG_THIS BX_CPU_THIS_PTR

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

#define INUSE_PMI (1ull << 63)
#define CAPABILITY_FREEZE_WHILE_SMM (1ull << 12)
#define CAPABILITY_FULL_WIDTH (1ull << 13)

/*
 * CPUID.1:EAX, model and extended model all ones: what a known model has besides,
 * LBR, PEBS, off-core events, is not here, and a driver must not expect it.
 */
#define MODEL_UNKNOWN 0xf00f0

/* CPUID.1:EDX: the debug store, which PEBS and BTS write to. */
#define CPUID1_EDX_DS (1u << 21)

/* Leaf 7, sub-leaf 1, EAX: there is leaf 0x23, whose sub-leaf 1 has the counters. */
#define CPUID7_1_EAX_PERFMON_EXT (1u << 8)
#define LEAF_PERFMON_EXT 0x23

/* Leaf 0xA EBX: cache references, cache misses, mispredicted, slots are not. */
#define EVENTS_ABSENT 0xd8
#define EVENTS_ENUMERATED 8

Bit64u intel_pmu_c::global_mask(void) const
{
  return ((1ull << general) - 1) | ((Bit64u) fixed_mask << 32);
}

Bit64u intel_pmu_c::status_mask(void) const
{
  return global_mask() | STATUS_COND_CHANGED | (version > 3 ? STATUS_FROZEN : 0);
}

bool intel_pmu_c::freezes_while_smm(void) const
{
  return !rough_number(ROUGH_SMI);
}

bool intel_pmu_c::debug_control_is_valid(Bit64u value) const
{
  Bit64u valid = DEBUGCTL_BTF | DEBUGCTL_FREEZE_ON_PMI;

  if (freezes_while_smm())
    valid |= DEBUGCTL_FREEZE_WHILE_SMM;
  return !(value & ~valid);
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
    *value = CAPABILITY_FULL_WIDTH |
             (freezes_while_smm() ? CAPABILITY_FREEZE_WHILE_SMM : 0);
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
