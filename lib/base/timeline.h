/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened when, on which CPU, in this process: for the drawing that goes
 * with a case that failed. The newest are kept.
 *
 * To note something takes the same few instructions each time, because host
 * events may be counting them.
 */
#ifndef PMU_BASE_TIMELINE_H
#define PMU_BASE_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

/*
 * @TIMELINE_GUEST_IN, @TIMELINE_GUEST_OUT: the vCPU thread that is the id calls
 *                   KVM_RUN, and is back from it
 * @TIMELINE_INSIDE: the vCPU was certainly inside until now: on which CPU, and
 *                   since when, by timeline_now()
 * @TIMELINE_OPEN:  an event was opened, or refused: fd or minus an errno
 * @TIMELINE_READ:  an event was read: fd and count
 * @TIMELINE_ERROR: an event was read and is in ERROR state: fd
 */
enum timeline_what {
	TIMELINE_GUEST_IN,
	TIMELINE_GUEST_OUT,
	TIMELINE_INSIDE,
	TIMELINE_OPEN,
	TIMELINE_READ,
	TIMELINE_ERROR,
};

/* This instant, for TIMELINE_INSIDE. */
uint64_t timeline_now(void);

/* Note what happens now on the calling CPU; @id and @value as above, or 0. */
void timeline_note(enum timeline_what what, int id, uint64_t value);

/*
 * Entry number @index, oldest first, as a line without its end: microseconds
 * since the first, CPU, words. Returns 0, or -1 after the last.
 */
int timeline_line(size_t index, char *line, size_t size);

#endif
