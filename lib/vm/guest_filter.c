// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "guest_filter.h"
#include "guest_parts.h"

/* Bits of an event select that no filter looks at: PERF_CTL's enable bit. */
#define IMPOSSIBLE (1ull << 22)

static int set_filter(struct guest *guest,
		      const struct kvm_pmu_event_filter *filter)
{
	return __vm_ioctl(guest->parts->vm, KVM_SET_PMU_EVENT_FILTER, filter)
		       ? errno
		       : 0;
}

static struct kvm_pmu_event_filter *filter_of(unsigned int events)
{
	struct kvm_pmu_event_filter *filter =
		calloc(1, sizeof(*filter) + events * sizeof(filter->events[0]));

	if (filter)
		filter->nevents = events;
	return filter;
}

static int set_and_free(struct guest *guest,
			struct kvm_pmu_event_filter *filter)
{
	int err = set_filter(guest, filter);

	free(filter);
	return err;
}

int guest_filter(struct guest *guest, bool deny, uint64_t event)
{
	struct kvm_pmu_event_filter *filter = filter_of(1);

	if (!filter)
		return ENOMEM;
	filter->action = deny ? KVM_PMU_EVENT_DENY : KVM_PMU_EVENT_ALLOW;
	filter->events[0] = event;
	return set_and_free(guest, filter);
}

int guest_filter_fixed(struct guest *guest, bool deny, uint32_t fixed)
{
	struct kvm_pmu_event_filter *filter = filter_of(0);

	if (!filter)
		return ENOMEM;
	filter->action = deny ? KVM_PMU_EVENT_DENY : KVM_PMU_EVENT_ALLOW;
	filter->fixed_counter_bitmap = fixed;
	return set_and_free(guest, filter);
}

bool guest_filters_masked(void)
{
	return kvm_check_cap(KVM_CAP_PMU_EVENT_MASKED_EVENTS) > 0;
}

/* As KVM_PMU_ENCODE_MASKED_ENTRY() and an event select are laid out. */
static uint64_t encode(const struct filter_entry *entry, bool masked)
{
	uint64_t event = (entry->select & 0xff) |
			 (uint64_t)(entry->select & 0xf00) << 24 |
			 (uint64_t)entry->match << 8;

	if (entry->impossible)
		event |= IMPOSSIBLE;
	if (masked)
		event |= (uint64_t)entry->mask << 56 | (uint64_t)entry->exclude
							       << 55;
	return event;
}

int guest_set_filter(struct guest *guest, const struct event_filter *filter)
{
	struct kvm_pmu_event_filter *set = filter_of(filter->count);

	if (!set)
		return ENOMEM;
	set->action = filter->denies ? KVM_PMU_EVENT_DENY : KVM_PMU_EVENT_ALLOW;
	set->flags = filter->masked ? KVM_PMU_EVENT_FLAG_MASKED_EVENTS : 0;
	for (unsigned int i = 0; i < filter->count; i++)
		set->events[i] = encode(&filter->entries[i], filter->masked);
	return set_and_free(guest, set);
}

int guest_set_filter_parts(struct guest *guest,
			   const struct filter_parts *parts)
{
	size_t page = (size_t)getpagesize();
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_pmu_event_filter *filter;
	int err;

	if (pages == MAP_FAILED)
		return errno;
	filter = (void *)pages;
	if (parts->hidden == FILTER_EVENTS)
		filter = (void *)(pages + page - sizeof(*filter));
	filter->action = parts->action;
	filter->flags = parts->flags;
	filter->nevents = parts->count;
	for (uint32_t i = 0; i < parts->count; i++)
		filter->events[i] = parts->event;
	if (parts->hidden == FILTER_EVENTS &&
	    mprotect(pages + page, page, PROT_NONE))
		err = errno;
	else if (parts->hidden == FILTER_ALL &&
		 mprotect(pages, page, PROT_NONE))
		err = errno;
	else
		err = set_filter(guest, filter);
	munmap(pages, 2 * page);
	return err;
}
