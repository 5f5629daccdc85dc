// SPDX-License-Identifier: GPL-2.0-only
/* Encoding, and what is read out of an event's page and ring. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <perfmon/pfmlib.h>

#include "../perf/event.h"

static void instructions_are_encoded_for_zen4(void **state)
{
	struct perf_event_attr attr;

	(void)state;
	assert_int_equal(
		event_encode(&attr, "amd64_fam19h_zen4::RETIRED_INSTRUCTIONS"),
		0);
	assert_int_equal(attr.type, PERF_TYPE_RAW);
	assert_int_equal(attr.config & 0xff, 0xc0);
	/* libpfm4 excludes the guest unless told otherwise; we do not. */
	assert_int_equal(attr.exclude_guest, 0);
	assert_int_equal(attr.exclude_host, 0);
}

static void an_unknown_event_is_refused(void **state)
{
	struct perf_event_attr attr;

	(void)state;
	assert_int_not_equal(event_encode(&attr, "NO_SUCH_EVENT"), 0);
}

static void without_libpfm4_amd_is_known_by_family_others_by_cpuid(void **state)
{
	struct perf_event_attr attr;

	(void)state;
	assert_int_equal(event_encode_known(
				 &attr, &(struct event_cpu){ .amd = true,
							     .family = 0x1a }),
			 0);
	assert_int_equal(attr.type, PERF_TYPE_RAW);
	assert_int_equal(attr.config, 0xc0);
	assert_int_equal(event_encode_known(&attr,
					    &(struct event_cpu){ .amd = true,
								 .family = 6 }),
			 ENOENT);
	assert_int_equal(event_encode_known(
				 &attr,
				 &(struct event_cpu){ .architectural = true }),
			 0);
	assert_int_equal(event_encode_known(&attr, &(struct event_cpu){}),
			 ENOENT);
}

/* Its names for what retired, of the vendors' PMUs. */
static const char *const names[] = { "RETIRED_INSTRUCTIONS",
				     "INST_RETIRED:ANY_P",
				     "INSTRUCTION_RETIRED", "INST_RETIRED" };

static bool libpfm4_encodes(struct perf_event_attr *attr, const char *pmu)
{
	char event[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(event, sizeof(event), "%s::%s", pmu, names[i]);
		if (!event_encode(attr, event))
			return true;
	}
	return false;
}

/* The processors that mediated PMUs are for, and all others that it has. */
static void libpfm4_encodes_as_is_known_without_it(void **state)
{
	const struct event_cpu amd = { .amd = true, .family = 0x19 };
	const struct event_cpu intel = { .architectural = true };
	struct perf_event_attr theirs, own;
	unsigned int compared = 0;

	(void)state;
	for (pfm_pmu_t i = PFM_PMU_NONE; i < PFM_PMU_MAX; i++) {
		pfm_pmu_info_t info = { .size = sizeof(info) };
		bool is_amd, is_intel;

		if (pfm_get_pmu_info(i, &info) != PFM_SUCCESS ||
		    info.type != PFM_PMU_TYPE_CORE)
			continue;
		/* K7 is older than what is known. */
		is_amd = !strncmp(info.name, "amd64_", 6) &&
			 strcmp(info.name, "amd64_k7");
		is_intel = !strncmp(info.desc, "Intel", 5) &&
			   strncmp(info.desc, "Intel X-Scale", 13);
		if ((!is_amd && !is_intel) ||
		    !libpfm4_encodes(&theirs, info.name))
			continue;
		assert_int_equal(
			event_encode_known(&own, is_amd ? &amd : &intel), 0);
		/* Westmere's table has the unit mask of its own event. */
		if (!strncmp(info.name, "wsm", 3))
			own.config |= 0x100;
		if (theirs.type != own.type || theirs.config != own.config)
			fail_msg("%s: %u %llx", info.name, theirs.type,
				 theirs.config);
		compared++;
	}
	/* Of those of libpfm4 4.11 and later. */
	assert_true(compared >= 40);
}

static void a_page_without_user_time_is_refused(void **state)
{
	struct perf_event_mmap_page page = { .cap_user_time = 0 };
	uint64_t enabled, running;

	(void)state;
	assert_false(event_page_times(&page, &enabled, &running));
}

static void a_stopped_event_does_not_run_on(void **state)
{
	/* mult 0: the page's times as they stand, plus the offset. */
	struct perf_event_mmap_page page = {
		.cap_user_time = 1,
		.time_enabled = 1000,
		.time_running = 400,
		.time_offset = 7,
		.time_shift = 3,
	};
	uint64_t enabled, running;

	(void)state;
	assert_true(event_page_times(&page, &enabled, &running));
	assert_int_equal(enabled, 1007);
	assert_int_equal(running, 400);
	page.index = 1;
	assert_true(event_page_times(&page, &enabled, &running));
	assert_int_equal(running, 407);
}

struct ring {
	struct perf_event_mmap_page page;
	uint64_t data[16];
};

static void put_record(struct ring *ring, uint32_t type, uint16_t words,
		       uint64_t first)
{
	uint64_t at = ring->page.data_head / 8;

	ring->data[at % 16] = type | (uint64_t)(words * 8) << 48;
	for (unsigned int i = 1; i < words; i++)
		ring->data[(at + i) % 16] = first + i;
	ring->page.data_head += words * 8ull;
}

static void a_ring_gives_its_samples_in_order(void **state)
{
	struct event_value value;
	struct ring ring = {};

	(void)state;
	ring.page.data_offset = offsetof(struct ring, data);
	ring.page.data_size = sizeof(ring.data);
	assert_false(event_ring_next(&ring.page, 1, &value));

	/* The third record wraps around the end of the ring. */
	put_record(&ring, PERF_RECORD_LOST, 5, 0);
	put_record(&ring, PERF_RECORD_SAMPLE, 4, 100);
	assert_true(event_ring_next(&ring.page, 1, &value));
	assert_int_equal(value.count, 101);
	assert_int_equal(value.enabled_ns, 102);
	assert_int_equal(value.running_ns, 103);
	put_record(&ring, PERF_RECORD_LOST, 5, 0);
	put_record(&ring, PERF_RECORD_SAMPLE, 4, 200);
	assert_true(event_ring_next(&ring.page, 1, &value));
	assert_int_equal(value.count, 201);
	assert_int_equal(value.running_ns, 203);
	assert_false(event_ring_next(&ring.page, 1, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_are_encoded_for_zen4),
		cmocka_unit_test(an_unknown_event_is_refused),
		cmocka_unit_test(
			without_libpfm4_amd_is_known_by_family_others_by_cpuid),
		cmocka_unit_test(libpfm4_encodes_as_is_known_without_it),
		cmocka_unit_test(a_page_without_user_time_is_refused),
		cmocka_unit_test(a_stopped_event_does_not_run_on),
		cmocka_unit_test(a_ring_gives_its_samples_in_order),
	};

	/* Encode for CPUs other than this one. */
	setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
	return cmocka_run_group_tests_name("perf", tests, NULL, NULL);
}
