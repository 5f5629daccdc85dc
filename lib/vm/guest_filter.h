/* SPDX-License-Identifier: GPL-2.0-only */
/* KVM_SET_PMU_EVENT_FILTER, of the whole VM; the guest must not be running. */
#ifndef PMU_VM_GUEST_FILTER_H
#define PMU_VM_GUEST_FILTER_H

#include "../contract/filter.h"
#include "guest.h"

/*
 * Deny or allow only @event, an event select and unit mask. Returns 0 or an
 * errno.
 */
int guest_filter(struct guest *guest, bool deny, uint64_t event);

/* The same of those fixed counters whose bits are in @fixed. */
int guest_filter_fixed(struct guest *guest, bool deny, uint32_t fixed);

/* Can entries have masks (KVM_CAP_PMU_EVENT_MASKED_EVENTS)? */
bool guest_filters_masked(void);

/* Set @filter. Returns 0 or an errno. */
int guest_set_filter(struct guest *guest, const struct event_filter *filter);

/*
 * A filter by its parts, whether they make sense or not.
 *
 * @action, @flags: of struct kvm_pmu_event_filter
 * @count:   how many events it says it has; @event is each of them
 * @hidden:  FILTER_EVENTS: memory that cannot be read begins with the events;
 *           FILTER_ALL: with the filter
 */
struct filter_parts {
	const char *words;
	uint32_t action, flags, count;
	uint64_t event;
	enum { FILTER_NOTHING, FILTER_EVENTS, FILTER_ALL } hidden;
};

/* Returns 0 or an errno. */
int guest_set_filter_parts(struct guest *guest,
			   const struct filter_parts *parts);

#endif
