/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions for events to count. */
#ifndef PMU_BASE_WORK_H
#define PMU_BASE_WORK_H

/* At least, a turn: it adds to memory, compares memory, and jumps. */
#define WORK_INSTRUCTIONS 3ll

/* Turn @turns times round a loop of a few instructions, in user space. */
void work(unsigned int turns);

#endif
