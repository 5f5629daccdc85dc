/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processors do and no manual promises, on demand: LAB_ROUGH in the
 * environment, "NAME=NUMBER ...", as in the other emulator (docs/lab.md).
 */
#ifndef BX_ROUGH_H
#define BX_ROUGH_H

enum rough_number {
  ROUGH_LATE,      /* instructions: an overflow interrupt is up to so many late */
  ROUGH_CYCLES,    /* so many of 1000 instructions take two cycles, at most 1000 */
  ROUGH_GARBAGE,   /* counters hold something when the machine starts */
  ROUGH_IPI,       /* interrupts a second that nobody asked for, by CPU */
  ROUGH_NMI,       /* the same, not maskable */
  ROUGH_SMI,       /* the same, for system management */
  ROUGH_INTERRUPT, /* an interrupt adds so many to what it interrupts in ring 3 */
  ROUGH_FAULT,     /* a page fault does */
  ROUGH_ENTRY,     /* a VM entry does, in the guest */
  ROUGH_EXIT,      /* a VM exit does, in the guest */
  ROUGH_IRET,      /* an IRET does */
  ROUGH_FAR,       /* a far call, jump or return does */
  ROUGH_BRANCHES,  /* the last four add to branches as well */
  ROUGH_SEED,
  ROUGH_NUMBERS
};

/* What was asked for, 0 where nothing was. Ends the program on a bad word. */
Bit64u rough_number(enum rough_number which);

/* Of one CPU: when the next disturbance is due, by its count of instructions. */
class rough_c {
public:
  void reset(unsigned cpu);
  /* Below @most; the same in every run. */
  Bit64u draw(Bit64u most);

  /* A counter was enabled: a kernel is up. @hz: instructions a second. */
  void begins(Bit64u icount, unsigned hz);
  void ends(void) { begun = false; }
  /* When to look again. */
  Bit64u due(void) const;
  /* Is one of these due? Plans the next one. */
  bool is_due(enum rough_number which, Bit64u icount);

private:
  Bit64u draw_distance(Bit64u mean);
  void plan(unsigned n, Bit64u icount);

  Bit64u state, next[3];
  unsigned hz;
  bool begun;
};

#endif
