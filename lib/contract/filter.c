// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM's event filter stops, and what is none: asked under every
 * contract. docs/contract/guest.md has the words and the sources.
 */
#include <errno.h>

#define RULES_OF BY_ALL
#define RULES_IN "docs/contract/guest.md"
#include "rule.h"

#include "filter.h"

static bool entry_fits(const struct filter_entry *entry, bool masked,
		       uint16_t select, uint8_t unit_mask)
{
	uint8_t mask = masked ? entry->mask : 0xff;

	return !entry->impossible && entry->select == select &&
	       (unit_mask & mask) == entry->match;
}

bool filter_stops(const struct event_filter *filter, uint16_t select,
		  uint8_t unit_mask)
{
	bool included = false, excluded = false;

	for (unsigned int i = 0; i < filter->count; i++) {
		const struct filter_entry *entry = &filter->entries[i];

		if (!entry_fits(entry, filter->masked, select, unit_mask))
			continue;
		included |= !entry->exclude;
		excluded |= entry->exclude;
	}
	return filter->denies == (included && !excluded);
}

RULE(M80,
     "the event filter stops the events that its entries fit: by select, by unit mask under a mask, and not those that an excluding entry fits",
     "filter_contains_match(), is_filter_entry_match(), filter_cmp(), is_gp_event_allowed(), convert_to_masked_filter(), prepare_filter_lists(), reprogram_counter(), kvm_vm_ioctl_set_pmu_event_filter()")
{
	STATED(filtered);
	CONTROL_BY(M41, guest_control, 1);
	if (s->filtered)
		EXACTLY(guest_counted, 0);
	else
		AT_LEAST(guest_counted, 1);
}

/*
 * Documentation/virt/kvm/api.rst, KVM_SET_PMU_EVENT_FILTER; the most is
 * KVM_PMU_EVENT_FILTER_MAX_EVENTS.
 */
#define FILTER_MASKED 1
#define FILTER_EVENTS_MOST 300
#define FILTER_ENTRY_BITS 0xff8000000000ffff
#define FILTER_ENTRY_AMD_BITS 0xf00000000

static int64_t filter_errno(const struct scenario *s)
{
	uint64_t known_bits = FILTER_ENTRY_BITS;

	if (s->amd)
		known_bits |= FILTER_ENTRY_AMD_BITS;
	if (s->filter_action > 1 || (s->filter_flags & ~FILTER_MASKED))
		return EINVAL;
	if (s->filter_events > FILTER_EVENTS_MOST)
		return E2BIG;
	if (s->filter_hidden)
		return EFAULT;
	if ((s->filter_flags & FILTER_MASKED) &&
	    ((uint64_t)s->filter_bits & ~known_bits))
		return EINVAL;
	return 0;
}

RULE(M81,
     "an event filter that makes no sense is refused, and the one before it stays",
     "kvm_vm_ioctl_set_pmu_event_filter(), is_masked_filter_valid(), prepare_filter_lists()")
{
	STATED(filter_action);
	STATED(filter_flags);
	STATED(filter_events);
	STATED(filter_bits);
	STATED(filter_hidden);
	STATED(amd);
	EXACTLY(err, filter_errno(s));
	CONTROL_BY(M41, guest_control, 1);
	/* The one before stops the event, the new one does not. */
	if (filter_errno(s))
		EXACTLY(guest_counted, 0);
	else
		AT_LEAST(guest_counted, 1);
}

RULE(M81.taken, "and one that makes sense is taken",
     "kvm_vm_ioctl_set_pmu_event_filter(), convert_to_masked_filter(), prepare_filter_lists()")
{
	(void)s;
	EXACTLY(err, 0);
}
