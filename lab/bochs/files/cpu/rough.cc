// SPDX-License-Identifier: GPL-2.0-only
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[ROUGH_NUMBERS] = {
  "late", "cycles", "garbage", "ipi", "nmi", "smi", "interrupt", "fault", "entry", "exit", "iret",
  "far", "branches", "seed",
};

static bool parsed;
static Bit64u numbers[ROUGH_NUMBERS];

static void parse_word(const char *word)
{
  const char *value = strchr(word, '=');

  for (unsigned n = 0; value && n < ROUGH_NUMBERS; n++) {
    if (strlen(names[n]) == (size_t) (value - word) && !strncmp(word, names[n], value - word)) {
      numbers[n] = strtoull(value + 1, NULL, 10);
      return;
    }
  }
  fprintf(stderr, "LAB_ROUGH: not '%s'\n", word);
  exit(2);
}

Bit64u rough_number(enum rough_number which)
{
  const char *text = getenv("LAB_ROUGH");
  char *copy, *word;

  if (!parsed && text) {
    copy = strdup(text);
    for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
      parse_word(word);
    free(copy);
  }
  parsed = true;
  return numbers[which];
}

void rough_c::reset(unsigned cpu)
{
  state = (rough_number(ROUGH_SEED) + 1) * 0x9e3779b97f4a7c15ull + cpu;
  begun = false;
}

/* xorshift64 */
Bit64u rough_c::draw(Bit64u most)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return most ? state % most : 0;
}

/*
 * As what comes from many sources that know nothing of each other: any distance
 * can follow any other, so that there are long ones whatever the mean is.
 */
Bit64u rough_c::draw_distance(Bit64u mean)
{
  return 1 + (Bit64u) ((double) mean * -log((double) (draw(1 << 30) + 1) / (1 << 30)));
}

void rough_c::plan(unsigned n, Bit64u icount)
{
  Bit64u often = rough_number((enum rough_number) (ROUGH_IPI + n));

  next[n] = often ? icount + draw_distance(hz / often) : ~(Bit64u) 0;
}

void rough_c::begins(Bit64u icount, unsigned per_second)
{
  if (begun)
    return;
  begun = true;
  hz = per_second;
  for (unsigned n = 0; n < 3; n++)
    plan(n, icount);
}

Bit64u rough_c::due(void) const
{
  Bit64u nearest = ~(Bit64u) 0;

  for (unsigned n = 0; begun && n < 3; n++)
    nearest = next[n] < nearest ? next[n] : nearest;
  return nearest;
}

bool rough_c::is_due(enum rough_number which, Bit64u icount)
{
  unsigned n = which - ROUGH_IPI;

  if (!begun || icount < next[n])
    return false;
  plan(n, icount);
  return true;
}
