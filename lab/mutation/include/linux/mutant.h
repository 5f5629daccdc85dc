/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutants of this kernel's own code: scripts/mutants puts these macros where an
 * operator of mutation applies. One mutant at a time is on. Each notes that it
 * was reached, and that it would have made a difference: that what it becomes
 * had another value than what it was. ID: number of the mutant, or of the first
 * of those at this place.
 */
#ifndef _LINUX_MUTANT_H
#define _LINUX_MUTANT_H

#include <linux/compiler.h>
#include <linux/types.h>

/* 0: none is on. */
extern unsigned int mutant_on;
/* By number. Bytes of their own: CPUs write them at any time. */
extern u8 mutant_reached[];
extern u8 mutant_differs[];

#define mutant_is(id, differs)                          \
	({                                              \
		mutant_reached[id] = 1;                 \
		if (differs)                            \
			mutant_differs[id] = 1;         \
		unlikely(READ_ONCE(mutant_on) == (id)); \
	})

/* Three mutants: true, false, negated. */
#define MUTANT_BRANCH(id, ...)                                               \
	({                                                                   \
		bool mutant__truth = (__VA_ARGS__);                          \
		unsigned int mutant__which = READ_ONCE(mutant_on) - (id);    \
                                                                             \
		mutant_reached[id] = 1;                                      \
		mutant_differs[(id) + mutant__truth] = 1;                    \
		mutant_differs[(id) + 2] = 1;                                \
		if (unlikely(mutant__which < 3))                             \
			mutant__truth = mutant__which == 2 ? !mutant__truth  \
							   : !mutant__which; \
		mutant__truth;                                               \
	})
#define MUTANT_TRUTH(id, forced, ...)                                     \
	({                                                                \
		bool mutant__truth = (__VA_ARGS__);                       \
                                                                          \
		mutant_is(id, mutant__truth != (forced)) ? (forced)       \
							 : mutant__truth; \
	})
#define MUTANT_NEGATE(id, ...)                                        \
	({                                                            \
		bool mutant__truth = (__VA_ARGS__);                   \
                                                                      \
		mutant_is(id, true) ? !mutant__truth : mutant__truth; \
	})

#define MUTANT_ZERO(id, ...)                                              \
	({                                                                \
		__auto_type mutant__value = (__VA_ARGS__);                \
                                                                          \
		mutant_is(id, !!mutant__value) ? (typeof(mutant__value))0 \
					       : mutant__value;           \
	})
#define MUTANT_CONSTANT(id, value, other) \
	(mutant_is(id, true) ? (typeof(value))(other) : (value))
/* FIRST: "0 +" of numbers, which makes one of a bit field, "" of pointers. */
#define MUTANT_OTHER(id, first, left, operator, other, right)                  \
	({                                                                     \
		__auto_type mutant__left = first(left);                        \
		__auto_type mutant__right = first(right);                      \
		__auto_type mutant__value =                                    \
			mutant__left operator mutant__right;                   \
		__auto_type mutant__other = mutant__left other mutant__right;  \
                                                                               \
		mutant_is(id, mutant__value != mutant__other) ? mutant__other  \
							      : mutant__value; \
	})
/* LEFT is what is assigned to. */
#define MUTANT_ASSIGNMENT(id, left, operator, other, right) \
	({                                                  \
		if (mutant_is(id, true))                    \
			left other right;                   \
		else                                        \
			left operator right;                \
	})
/* Without its sign. */
#define MUTANT_UNARY(id, sign, ...)                                \
	({                                                         \
		__auto_type mutant__value = 0 + (__VA_ARGS__);     \
                                                                   \
		mutant_is(id, mutant__value != sign mutant__value) \
			? mutant__value                            \
			: sign mutant__value;                      \
	})

#endif
