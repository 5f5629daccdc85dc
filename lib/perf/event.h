/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf events: describe, open, read, map. Facts only: nothing here knows a
 * rule, and every failure is returned as an errno.
 */
#ifndef PMU_PERF_EVENT_H
#define PMU_PERF_EVENT_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../contract/contract.h"

#define ANY_CPU (-1)
#define SELF 0
#define ANY_TASK (-1)
#define NO_GROUP (-1)

/*
 * Fill in @attr for an event of the given kind of PMU that counts in both host
 * and guest; the exclude bits are the caller's to set afterwards. For PMU_CORE
 * this is retired instructions, encoded by libpfm4, for PMU_SOFTWARE a clock.
 * Returns 0, or the errno that says the machine has no such PMU.
 */
int event_describe(struct perf_event_attr *attr, enum pmu_kind pmu);

/*
 * How often events of the core PMU that share counters take turns, in ms
 * (perf_event_mux_interval_ms in sysfs); -1 if the machine does not say.
 */
long event_turn_ms(void);

/*
 * Encode what event_describe() gives for PMU_CORE, once for this process and
 * all that it forks. Returns who encoded it: libpfm4, where the suite was built
 * with it and it knows the processor; else the suite, by the vendor's manual;
 * else the kernel, by its own name of the event.
 */
const char *event_prepare(void);

/*
 * Encode a libpfm4 event string, e.g. "RETIRED_INSTRUCTIONS".
 * Returns 0, or ENOENT if libpfm4 does not know it on this machine, or the
 * suite was built without it.
 */
int event_encode(struct perf_event_attr *attr, const char *name);

/* Who event_encode() asks; NULL if the suite was built without. */
const char *event_encoder(void);

/*
 * What decides how a processor's events are encoded.
 * @family:	   of an AMD processor, with the extended family (CPUID 1)
 * @architectural: of any other: CPUID 0AH announces that instructions retired
 *can be counted
 */
struct event_cpu {
	bool amd;
	unsigned int family;
	bool architectural;
};

/*
 * Encode retired instructions by what the vendor's manual says of @cpu.
 * Returns 0, or ENOENT if it says nothing.
 */
int event_encode_known(struct perf_event_attr *attr,
		       const struct event_cpu *cpu);

/* perf_event_open() with close-on-exec. Returns the fd, or minus an errno. */
int event_try_open(const struct perf_event_attr *attr, pid_t task, int cpu,
		   int group_fd);

/* Bits of struct perf_event_attr; EVENT_USER_ONLY is exclude_kernel. */
#define EVENT_EXCLUDES_GUEST (1u << 0)
#define EVENT_PINNED (1u << 1)
#define EVENT_DISABLED (1u << 2)
#define EVENT_INHERITED (1u << 3)
#define EVENT_USER_ONLY (1u << 4)
#define EVENT_EXCLUDES_HOST (1u << 5)

/*
 * Open what event_describe() gives for PMU_CORE, with these @flags. Returns the
 * fd, or minus an errno.
 */
int event_try_open_core(unsigned int flags, pid_t task, int cpu, int group_fd);

/*
 * One read() of an event with TOTAL_TIME_ENABLED and TOTAL_TIME_RUNNING.
 * @eof: read() returned no bytes, the event is in ERROR; the rest is zero
 */
struct event_value {
	uint64_t count;
	uint64_t enabled_ns;
	uint64_t running_ns;
	bool eof;
};

/* Returns 0 or an errno. */
int event_read(int fd, struct event_value *value);

/*
 * Go @turns times round work() on @cpu, and then to @back.
 * Returns what the event @fd gained meanwhile, or NOT_KNOWN.
 */
int64_t event_gain_on_cpu(int fd, int cpu, int back, unsigned int turns);

/*
 * The same of an event of this thread that excludes the guest and samples with
 * that @period: returns the bytes of samples it wrote, or NOT_KNOWN.
 */
int64_t event_samples_on_cpu(int cpu, int back, uint64_t period,
			     unsigned int turns);

/*
 * Map the event's control page and @data_pages (0 or a power of two) of ring.
 * Returns NULL and sets errno if that is refused.
 */
struct perf_event_mmap_page *event_map(int fd, unsigned int data_pages);
void event_unmap(struct perf_event_mmap_page *page, unsigned int data_pages);

/*
 * Times as a self-monitoring task takes them from the control page, brought up
 * to now with the cycle counter (cap_user_time).
 * Returns false if the page does not offer that.
 */
bool event_page_times(const volatile struct perf_event_mmap_page *page,
		      uint64_t *enabled_ns, uint64_t *running_ns);

/*
 * How many records of type @type (PERF_RECORD_*) the ring has. It is empty
 * then.
 */
unsigned int event_ring_count(struct perf_event_mmap_page *page, uint32_t type);

/*
 * The next PERF_SAMPLE_READ record of a ring without other sample types.
 * Returns false if the ring is empty.
 */
bool event_ring_next(struct perf_event_mmap_page *page, unsigned int data_pages,
		     struct event_value *value);

/*
 * Where a sample was taken.
 * @mode:    a PERF_RECORD_MISC_* of the CPU's mode
 * @address: of the instruction
 */
struct event_place {
	unsigned int mode;
	uint64_t address;
};

/* The same of a PERF_SAMPLE_IP record. */
bool event_ring_next_place(struct perf_event_mmap_page *page,
			   unsigned int data_pages, struct event_place *place);

#endif
