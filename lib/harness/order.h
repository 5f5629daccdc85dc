/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cases of a program in another order, drawn from PMU_ORDER: what one case
 * leaves behind must not decide about the next. After kselftest_harness.h,
 * whose lists these are; it follows them forwards only.
 */
#ifndef PMU_HARNESS_ORDER_H
#define PMU_HARNESS_ORDER_H

#include <stdlib.h>

#include "../base/random.h"

/* More than any program has of anything. */
#define ORDER_MOST 512

#define SHUFFLE_LIST(head, state)                                   \
	do {                                                        \
		typeof(head) items_[ORDER_MOST], item_;             \
		uint32_t n_ = 0;                                    \
		for (item_ = (head); item_ && n_ < ORDER_MOST;      \
		     item_ = item_->next)                           \
			items_[n_++] = item_;                       \
		if (item_)                                          \
			break;                                      \
		(head) = NULL;                                      \
		while (n_) {                                        \
			uint32_t pick_ = random_below((state), n_); \
                                                                    \
			items_[pick_]->next = (head);               \
			(head) = items_[pick_];                     \
			items_[pick_] = items_[--n_];               \
		}                                                   \
	} while (0)

static inline void order_cases(void)
{
	const char *given = getenv("PMU_ORDER");
	uint64_t state = given ? strtoull(given, NULL, 0) : 0;
	struct __fixture_metadata *fixture;

	if (!state)
		return;
	SHUFFLE_LIST(__fixture_list, &state);
	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		SHUFFLE_LIST(fixture->variant, &state);
		SHUFFLE_LIST(fixture->tests, &state);
	}
}

#endif
