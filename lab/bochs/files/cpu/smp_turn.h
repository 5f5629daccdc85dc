/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs that take turns. Bochs gave each one trace of a few instructions, took time
 * for the sum of what they did, and let it pass in steps of 16 where none did
 * anything. Here a turn is longer, time is what the busiest CPU did, and while all
 * are halted the next event comes at once.
 */
#ifndef BX_SMP_TURN_H
#define BX_SMP_TURN_H

/* Instructions: a microsecond or three, less than an interrupt takes to arrive. */
#define BX_SMP_TURN 64

/* *@from: the CPU's count of instructions when it was asked last; not yet: ~0. */
template <class CPU> static inline bool smp_turn_goes_on(CPU *cpu, Bit64u *from)
{
  Bit64u now = cpu->get_icount();

  /* One that did nothing is halted. */
  if (now == *from || now - cpu->icount_last_sync >= BX_SMP_TURN)
    return false;
  *from = now;
  return true;
}

/*
 * The instruction that the CPU is at takes what is left of the turn, for it turns until
 * another one does something: PAUSE says so, and a NOP of the suite
 * (guest_code/wait_hint.h).
 */
#define BX_WAIT_HINT 0x54494157
#define BX_WAIT_HINT_LENGTH 7

template <class CPU> static inline void smp_turn_ends(CPU *cpu)
{
  /* With this one, which is counted when it is done. */
  Bit64u done = cpu->get_icount() - cpu->icount_last_sync + 1;

  if (BX_SMP_PROCESSORS > 1 && done < BX_SMP_TURN)
    cpu->pmu.passes(BX_SMP_TURN - done);
}

#endif
