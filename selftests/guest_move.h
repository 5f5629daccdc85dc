/* SPDX-License-Identifier: GPL-2.0-only */
/* Two guests: what is saved of one is restored in the other. */
#ifndef PMU_SELFTESTS_GUEST_MOVE_H
#define PMU_SELFTESTS_GUEST_MOVE_H

#include "guest_case.h"
#include "vm/guest_saved.h"

/*
 * @c:     the guest that is saved
 * @to:    the one it is restored in
 * @saved: what was saved last
 * @reset: the state after reset, where the case has one
 */
struct move {
	struct guest_case c;
	struct guest to;
	struct saved *saved, *reset;
};

/* Make both guests. Returns false if this thread cannot go to its CPU. */
static inline bool move_begin(struct move *move)
{
	if (!guest_case_begin(&move->c))
		return false;
	script_guest_create(&move->to, GUEST_CPU);
	move->saved = NULL;
	move->reset = NULL;
	return true;
}

static inline void move_end(struct move *move,
			    struct __test_metadata *_metadata)
{
	saved_free(move->saved);
	saved_free(move->reset);
	guest_destroy(&move->to);
	guest_case_end(&move->c, _metadata);
}

#endif
