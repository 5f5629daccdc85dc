// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/file.h"
#include "../base/timeline.h"
#include "../base/work.h"
#include "calibration.h"
#include "event.h"

#define PMU_DEVICES "/sys/bus/event_source/devices/"
#define SCHED_SWITCH "/sys/kernel/tracing/events/sched/sched_switch/id"

/* What each vendor calls an instruction that retired. */
static const char *const retired_instructions[] = {
	"RETIRED_INSTRUCTIONS",
	"INST_RETIRED:ANY_P",
	"INSTRUCTION_RETIRED",
};

static int watched_word;

/* The same for all threads and children; one of them asks who encodes it. */
static struct perf_event_attr core;
static const char *core_encoder;
static pthread_once_t core_once = PTHREAD_ONCE_INIT;

/* Intel SDM volume 2, "CPUID", leaf 0xA: bit 1 of EBX, of a vector that long.
 */
#define LEAF_ARCH_PERFMON 0xa
#define NO_INSTRUCTIONS (1u << 1)

static struct event_cpu cpu_here(void)
{
	unsigned int eax = 0, ebx = 0, ecx, edx, model;
	struct event_cpu cpu = { .amd = cpu_is_amd() };

	processor_here(&cpu.family, &model);
	__get_cpuid(LEAF_ARCH_PERFMON, &eax, &ebx, &ecx, &edx);
	cpu.architectural = eax >> 24 > 1 && !(ebx & NO_INSTRUCTIONS);
	return cpu;
}

static void encode_core(void)
{
	const struct event_cpu here = cpu_here();
	size_t count =
		sizeof(retired_instructions) / sizeof(*retired_instructions);

	for (size_t i = 0; i < count; i++) {
		core_encoder = event_encoder();
		if (!event_encode(&core, retired_instructions[i]))
			return;
	}
	/* Without libpfm4, or with one that is older than this processor. */
	core_encoder = "the suite, by the vendor's manual";
	if (!event_encode_known(&core, &here))
		return;
	core_encoder = "the kernel, by its own name";
	core.type = PERF_TYPE_HARDWARE;
	core.config = PERF_COUNT_HW_INSTRUCTIONS;
}

const char *event_prepare(void)
{
	pthread_once(&core_once, encode_core);
	return core_encoder;
}

static int describe_core(struct perf_event_attr *attr)
{
	if (access(PMU_DEVICES "cpu", F_OK))
		return ENOENT;
	event_prepare();
	attr->type = core.type;
	attr->config = core.config;
	attr->config1 = core.config1;
	attr->config2 = core.config2;
	return 0;
}

static int describe_other(struct perf_event_attr *attr, enum pmu_kind pmu)
{
	long number;

	switch (pmu) {
	case PMU_SOFTWARE:
		attr->type = PERF_TYPE_SOFTWARE;
		attr->config = PERF_COUNT_SW_TASK_CLOCK;
		return 0;
	case PMU_TRACEPOINT:
		number = file_number(SCHED_SWITCH, -1);
		attr->type = PERF_TYPE_TRACEPOINT;
		attr->config = (uint64_t)number;
		return number < 0 ? ENOENT : 0;
	case PMU_BREAKPOINT:
		attr->type = PERF_TYPE_BREAKPOINT;
		attr->bp_type = HW_BREAKPOINT_W;
		attr->bp_addr = (uintptr_t)&watched_word;
		attr->bp_len = HW_BREAKPOINT_LEN_4;
		return 0;
	case PMU_MSR:
		number = file_number(PMU_DEVICES "msr/type", -1);
		attr->type = (uint32_t)number;
		attr->config = 0; /* tsc */
		return number < 0 ? ENOENT : 0;
	default:
		return EINVAL;
	}
}

long event_turn_ms(void)
{
	return file_number(PMU_DEVICES "cpu/perf_event_mux_interval_ms", -1);
}

int event_describe(struct perf_event_attr *attr, enum pmu_kind pmu)
{
	int err;

	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	err = pmu == PMU_CORE ? describe_core(attr) : describe_other(attr, pmu);
	attr->exclude_guest = 0;
	attr->exclude_host = 0;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			    PERF_FORMAT_TOTAL_TIME_RUNNING;
	return err;
}

int event_try_open(const struct perf_event_attr *attr, pid_t task, int cpu,
		   int group_fd)
{
	long fd = syscall(SYS_perf_event_open, attr, task, cpu, group_fd,
			  PERF_FLAG_FD_CLOEXEC);

	fd = fd < 0 ? -errno : fd;
	timeline_note(TIMELINE_OPEN, (int)fd, 0);
	return (int)fd;
}

int event_try_open_core(unsigned int flags, pid_t task, int cpu, int group_fd)
{
	struct perf_event_attr attr;
	int err = event_describe(&attr, PMU_CORE);

	if (err)
		return -err;
	attr.exclude_guest = (flags & EVENT_EXCLUDES_GUEST) != 0;
	attr.exclude_host = (flags & EVENT_EXCLUDES_HOST) != 0;
	attr.pinned = (flags & EVENT_PINNED) != 0;
	attr.disabled = (flags & EVENT_DISABLED) != 0;
	attr.inherit = (flags & EVENT_INHERITED) != 0;
	attr.exclude_kernel = (flags & EVENT_USER_ONLY) != 0;
	return event_try_open(&attr, task, cpu, group_fd);
}

int event_read(int fd, struct event_value *value)
{
	uint64_t words[3];
	ssize_t got = read(fd, words, sizeof(words));

	memset(value, 0, sizeof(*value));
	if (got < 0)
		return errno;
	if (!got) {
		value->eof = true;
		timeline_note(TIMELINE_ERROR, fd, 0);
		return 0;
	}
	if (got != sizeof(words))
		return EPROTO;
	timeline_note(TIMELINE_READ, fd, words[0]);
	value->count = words[0];
	value->enabled_ns = words[1];
	value->running_ns = words[2];
	return 0;
}

int64_t event_gain_on_cpu(int fd, int cpu, int back, unsigned int turns)
{
	struct event_value from, to;

	if (cpu_pin_self(cpu) || event_read(fd, &from))
		return NOT_KNOWN;
	work(turns);
	if (event_read(fd, &to) || cpu_pin_self(back))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

static size_t map_size(unsigned int data_pages)
{
	return (1 + data_pages) * (size_t)sysconf(_SC_PAGESIZE);
}

struct perf_event_mmap_page *event_map(int fd, unsigned int data_pages)
{
	void *map = mmap(NULL, map_size(data_pages), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

int64_t event_samples_on_cpu(int cpu, int back, uint64_t period,
			     unsigned int turns)
{
	struct perf_event_mmap_page *page;
	struct perf_event_attr attr;
	int64_t written = NOT_KNOWN;
	int fd;

	if (event_describe(&attr, PMU_CORE))
		return NOT_KNOWN;
	attr.exclude_guest = 1;
	attr.sample_period = period;
	attr.sample_type = PERF_SAMPLE_IP;
	/* Samples on the way there and back would be those of another CPU. */
	fd = event_try_open(&attr, SELF, cpu, NO_GROUP);
	page = fd < 0 ? NULL : event_map(fd, 1);
	/* Whether it is throttled after the first does not matter. */
	if (page && event_gain_on_cpu(fd, cpu, back, turns) != NOT_KNOWN)
		written = (int64_t)page->data_head;
	if (page)
		event_unmap(page, 1);
	if (fd >= 0)
		close(fd);
	return written;
}

void event_unmap(struct perf_event_mmap_page *page, unsigned int data_pages)
{
	munmap(page, map_size(data_pages));
}

static uint64_t read_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

/* The protocol is described beside struct perf_event_mmap_page. */
bool event_page_times(const volatile struct perf_event_mmap_page *page,
		      uint64_t *enabled_ns, uint64_t *running_ns)
{
	uint64_t enabled, running, cycles, delta, quotient, remainder;
	uint32_t sequence;

	do {
		sequence = page->lock;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!page->cap_user_time)
			return false;
		enabled = page->time_enabled;
		running = page->time_running;
		cycles = read_tsc();
		quotient = cycles >> page->time_shift;
		remainder = cycles & ((1ull << page->time_shift) - 1);
		delta = page->time_offset + quotient * page->time_mult +
			((remainder * page->time_mult) >> page->time_shift);
		enabled += delta;
		if (page->index)
			running += delta;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (page->lock != sequence);

	*enabled_ns = enabled;
	*running_ns = running;
	return true;
}

/* Records are contiguous unless they wrap, so copy word by word. */
static uint64_t ring_word(struct perf_event_mmap_page *page, uint64_t position)
{
	const char *data = (const char *)page + page->data_offset;
	uint64_t word;

	memcpy(&word, data + position % page->data_size, sizeof(word));
	return word;
}

#define SAMPLE_WORDS 3

/*
 * The header of the next sample, and the words after it: what a ring has of
 * others, lost records say, is passed over. Returns false if there is none.
 */
static bool ring_sample(struct perf_event_mmap_page *page,
			unsigned int data_pages,
			struct perf_event_header *header,
			uint64_t words[SAMPLE_WORDS])
{
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	bool found = false;

	while (data_pages && tail < head && !found) {
		uint64_t word = ring_word(page, tail);

		memcpy(header, &word, sizeof(*header));
		found = header->type == PERF_RECORD_SAMPLE;
		for (int i = 0; found && i < SAMPLE_WORDS; i++)
			words[i] = ring_word(page, tail + 8 + 8 * i);
		tail += header->size;
	}
	__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
	return found;
}

unsigned int event_ring_count(struct perf_event_mmap_page *page, uint32_t type)
{
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	unsigned int count = 0;

	while (tail < head) {
		uint64_t word = ring_word(page, tail);
		struct perf_event_header header;

		memcpy(&header, &word, sizeof(header));
		count += header.type == type;
		tail += header.size;
	}
	__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
	return count;
}

bool event_ring_next(struct perf_event_mmap_page *page, unsigned int data_pages,
		     struct event_value *value)
{
	struct perf_event_header header;
	uint64_t words[SAMPLE_WORDS];

	if (!ring_sample(page, data_pages, &header, words))
		return false;
	*value = (struct event_value){ .count = words[0],
				       .enabled_ns = words[1],
				       .running_ns = words[2] };
	return true;
}

bool event_ring_next_place(struct perf_event_mmap_page *page,
			   unsigned int data_pages, struct event_place *place)
{
	struct perf_event_header header;
	uint64_t words[SAMPLE_WORDS];

	if (!ring_sample(page, data_pages, &header, words))
		return false;
	place->mode = header.misc & PERF_RECORD_MISC_CPUMODE_MASK;
	place->address = words[0];
	return true;
}
