/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM's event filter, as Documentation/virt/kvm/api.rst has it
 * (KVM_SET_PMU_EVENT_FILTER): which events of a guest it stops.
 */
#ifndef PMU_CONTRACT_FILTER_H
#define PMU_CONTRACT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * @select:     the event select; AMD's have four high bits
 * @mask:       which bits of the unit mask are compared
 * @match:      with what; without masks the whole unit mask
 * @exclude:    what fits this entry does not fit the filter
 * @impossible: it has bits that no event has; without masks it is passed over
 */
struct filter_entry {
	uint16_t select;
	uint8_t mask, match;
	bool exclude;
	bool impossible;
};

#define FILTER_ENTRIES 8

/*
 * @words:   for messages
 * @denies:  it denies what fits; else it denies all other events
 * @masked:  entries have masks, and exclude (KVM_PMU_EVENT_FLAG_MASKED_EVENTS)
 * @entries: the first @count are there
 */
struct event_filter {
	const char *words;
	bool denies;
	bool masked;
	unsigned int count;
	struct filter_entry entries[FILTER_ENTRIES];
};

/* Does it stop a general counter with this select and unit mask? */
bool filter_stops(const struct event_filter *filter, uint16_t select,
		  uint8_t unit_mask);

#endif
