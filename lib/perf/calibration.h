/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this processor counts that its manual does not promise, or promises and
 * others do not: measured once (lib/vm/guest_calibrate.h), checked against what
 * is known of the model, and stated to the contract by each case.
 */
#ifndef PMU_PERF_CALIBRATION_H
#define PMU_PERF_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * X(name, what it is). Numbers of events; NOT_KNOWN if not measured.
 *
 *   exact   the same stretch of user code has the same count again (0 or 1)
 *   overflow_late
 *           most instructions in user space after which an overflow interrupt
 *           came
 */
#define CALIBRATION_FIELDS(X)                                                 \
	X(entry_instructions,                                                 \
	  "instructions of a guest that a VM entry adds, after an interrupt") \
	X(entry_branches, "branches that it adds")                            \
	X(fault_entry_instructions,                                           \
	  "instructions of a guest that a VM entry adds, after a page fault") \
	X(fault_entry_branches, "branches that it adds")                      \
	X(interrupt_instructions,                                             \
	  "instructions in user space that an interrupt of the host adds")    \
	X(fault_instructions,                                                 \
	  "instructions in user space that a page fault adds")                \
	X(overflow_late,                                                      \
	  "instructions after an overflow until its interrupt, the most")     \
	X(exact, "the same stretch in user space counts the same again")

#define CALIBRATION_MEMBER(name, words) int64_t name;
struct calibration {
	CALIBRATION_FIELDS(CALIBRATION_MEMBER)
};
#undef CALIBRATION_MEMBER

extern const struct calibration calibration_unknown;

/* Name and words of field @index from 0, and its offset; NULL after the last.
 */
const char *calibration_field(size_t index, const char **words, size_t *offset);

/*
 * "name=value,...", as calibration_write() leaves it; what is not named is not
 * known. Returns 0, or EINVAL for an unknown name or a value that is no number.
 */
int calibration_read(const char *text, struct calibration *calibration);

/* The known ones. Returns 0, or E2BIG if @size bytes are not enough. */
int calibration_write(const struct calibration *calibration, char *text,
		      size_t size);

/*
 * What one VM entry adds to a count, if @added[i] came with @entries[i] of them
 * in two measurements. Returns 0, or EDOM if no whole number explains both.
 */
int calibration_of_entries(const int64_t added[2], const int64_t entries[2],
			   int64_t *each);

/*
 * What is known of a processor beforehand.
 * @family, @first, @last: CPUID family, and models, as /proc/cpuinfo has them
 * @entry_instructions, @entry_branches: as in struct calibration;
 * COUNTS_TOO_MANY: some entries and exits count, which and how often was not
 * published
 * @faults_vary: nested page faults are now and then counted as well
 * @words, @source: what it is, and who says so
 */
#define COUNTS_TOO_MANY INT64_MAX

struct processor {
	bool amd;
	unsigned int family, first, last;
	int64_t entry_instructions, entry_branches;
	bool faults_vary;
	const char *words, *source;
};

/* NULL if nobody knows it. */
const struct processor *processor_find(bool amd, unsigned int family,
				       unsigned int model);
const struct processor *processor_at(size_t index);

/* Family and model of this machine. */
void processor_here(unsigned int *family, unsigned int *model);

/*
 * Does what was measured fit what is known? A value that was not measured does
 * not speak against it. @processor may be NULL.
 */
bool calibration_fits(const struct calibration *calibration,
		      const struct processor *processor);

#endif
