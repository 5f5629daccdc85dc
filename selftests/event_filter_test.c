// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's event filter: which events its entries fit, and what is no filter
 * (docs/contract/guest.md, M80, M81).
 */
#include <errno.h>
#include <linux/kvm.h>

#include "guest_case.h"
#include "vm/guest_filter.h"

/*
 * An event with a unit mask on either vendor: PMCx029, LS Dispatch, of loads
 * (PPR of AMD's family 19h), and reference cycles (Intel SDM volume 3,
 * "Pre-defined Architectural Performance Events").
 */
#define AMD_SELECT 0x29
#define INTEL_SELECT 0x3c
#define UNIT_MASK 1

#define STEPS 4

#define SELECT 0x100
#define OTHERS 0x200

/* In these, SELECT stands for the select of the event, OTHERS for one above. */
static const struct event_filter filters[] = {
	{ "nothing", .count = 0 },
	{ "the event", .count = 1, .entries = { { SELECT, .match = 1 } } },
	{ "another unit mask", .count = 1,
	  .entries = { { SELECT, .match = 3 } } },
	{ "another select", .count = 1, .entries = { { OTHERS, .match = 1 } } },
	{ "an entry that fits nothing", .count = 1,
	  .entries = { { SELECT, .match = 1, .impossible = true } } },
	{ "an entry that fits nothing, and the event", .count = 2,
	  .entries = { { OTHERS, .match = 1, .impossible = true },
		       { SELECT, .match = 1 } } },
	{ "all of the unit mask", .masked = true, .count = 1,
	  .entries = { { SELECT, 0xff, 1 } } },
	{ "all of another", .masked = true, .count = 1,
	  .entries = { { SELECT, 0xff, 0 } } },
	{ "a part of the unit mask", .masked = true, .count = 1,
	  .entries = { { SELECT, 0x01, 1 } } },
	{ "a part that it has not", .masked = true, .count = 1,
	  .entries = { { SELECT, 0xfe, 0 } } },
	{ "any unit mask", .masked = true, .count = 1,
	  .entries = { { SELECT, 0, 0 } } },
	{ "a match that the mask hides", .masked = true, .count = 1,
	  .entries = { { SELECT, 0, 1 } } },
	{ "any unit mask of another select", .masked = true, .count = 1,
	  .entries = { { OTHERS, 0, 0 } } },
	{ "any but this one", .masked = true, .count = 2,
	  .entries = { { SELECT, 0, 0 },
		       { SELECT, 0xff, 1, .exclude = true } } },
	{ "any but another", .masked = true, .count = 2,
	  .entries = { { SELECT, 0xff, 2, .exclude = true },
		       { SELECT, 0, 0 } } },
	{ "any but those of another select", .masked = true, .count = 2,
	  .entries = { { SELECT, 0, 0 }, { OTHERS, 0, 0, .exclude = true } } },
	{ "an exclusion alone", .masked = true, .count = 1,
	  .entries = { { SELECT, 0xff, 1, .exclude = true } } },
	{ "the first of several of its select", .masked = true, .count = 7,
	  .entries = { { SELECT, 0xff, 1 },
		       { SELECT, 0xff, 2 },
		       { SELECT, 0xff, 3 },
		       { SELECT, 0xff, 4 },
		       { SELECT, 0xff, 5 },
		       { OTHERS, 0xff, 1 },
		       { OTHERS, 0xff, 2 } } },
	{ "the last of several of its select", .masked = true, .count = 7,
	  .entries = { { SELECT, 0xff, 2 },
		       { SELECT, 0xff, 3 },
		       { SELECT, 0xff, 4 },
		       { SELECT, 0xff, 5 },
		       { SELECT, 0xff, 1 },
		       { 0x01, 0xff, 1 },
		       { 0x02, 0xff, 1 } } },
	{ "none of several of its select", .masked = true, .count = 7,
	  .entries = { { SELECT, 0xff, 2 },
		       { SELECT, 0xff, 3 },
		       { OTHERS, 0xff, 1 },
		       { 0x01, 0xff, 1 },
		       { SELECT, 0xff, 4 },
		       { OTHERS, 0, 0 },
		       { 0x02, 0, 0 } } },
	{ "any, but the first of several that are excluded", .masked = true,
	  .count = 5,
	  .entries = { { SELECT, 0, 0 },
		       { SELECT, 0xff, 1, .exclude = true },
		       { SELECT, 0xff, 2, .exclude = true },
		       { SELECT, 0xff, 3, .exclude = true },
		       { OTHERS, 0, 0, .exclude = true } } },
};

FIXTURE(event_filter)
{
	struct guest_case c;
	uint16_t select;
};

FIXTURE_VARIANT(event_filter)
{
	bool denies;
};

FIXTURE_VARIANT_ADD(event_filter, that_allows){};
FIXTURE_VARIANT_ADD(event_filter, that_denies){ .denies = true };

FIXTURE_SETUP(event_filter)
{
	MUST_BE(guest_case_begin(&self->c));
	self->select = self->c.pmu.amd ? AMD_SELECT : INTEL_SELECT;
}

FIXTURE_TEARDOWN(event_filter)
{
	guest_case_end(&self->c, _metadata);
}

/* The event select of the event, with the bits of one that counts all work. */
static uint64_t eventsel_of(const struct guest_case *c, uint16_t select)
{
	uint64_t any = pmu_select(&c->pmu, PMU_INSTRUCTIONS, PMU_USER | PMU_OS);

	return (any & ~0xffull) | UNIT_MASK << 8 | select;
}

/*
 * How often the event happened, at least some time: each step of the script is
 * loaded from memory.
 */
static int count_event(struct guest_case *c, uint16_t select, int64_t *gained)
{
	uint32_t counter = pmu_msr(&c->pmu, PMU_COUNTER, 0);
	uint32_t eventsel = pmu_msr(&c->pmu, PMU_EVENTSEL, 0);
	uint64_t before = 0, after = 0;
	int err = guest_get_msr(&c->guest, counter, &before);

	if (err)
		return err;
	script_clear(&c->guest);
	script_write(&c->guest, eventsel, eventsel_of(c, select));
	for (unsigned int step = 0; step < STEPS; step++)
		script_do(&c->guest, GUEST_WORK, TURNS);
	script_write(&c->guest, eventsel, 0);
	script_run(&c->guest);
	err = guest_get_msr(&c->guest, counter, &after);
	*gained = (int64_t)(after - before);
	return script_any_vector(&c->guest) ? EIO : err;
}

/* The filter of the list for this event. */
static struct event_filter filter_of(const struct event_filter *listed,
				     bool denies, uint16_t select)
{
	struct event_filter filter = *listed;

	filter.denies = denies;
	for (unsigned int i = 0; i < filter.count; i++) {
		uint16_t *its = &filter.entries[i].select;

		if (*its == SELECT)
			*its = select;
		else if (*its == OTHERS)
			*its = select + 1;
	}
	return filter;
}

TEST_F(event_filter, M80_what_its_entries_fit)
{
	struct guest_case *c = &self->c;

	NEEDS(guest_filters_masked(),
	      "a kernel whose event filters have masks");
	MUST(count_event(c, self->select, &c->o.guest_control));
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct event_filter filter =
			filter_of(&filters[i], variant->denies, self->select);

		GRANTED("M81.taken", guest_set_filter(&c->guest, &filter));
		MUST(count_event(c, self->select, &c->o.guest_counted));
		c->s.filtered = filter_stops(&filter, self->select, UNIT_MASK);
		JUDGE("M80", &c->s, &c->o, "%s", filter.words);
	}
}

/*
 * The select has high bits on AMD: an entry with other ones is of another
 * event. On Intel there is no such entry.
 */
TEST_F(event_filter, M80_the_high_bits_of_its_select)
{
	struct guest_case *c = &self->c;
	struct event_filter filter = {
		.denies = variant->denies,
		.masked = true,
		.count = 1,
		.entries = { { .select = self->select | 0x100, .match = 0 } },
	};

	NEEDS(c->pmu.amd, "an AMD processor");
	NEEDS(guest_filters_masked(),
	      "a kernel whose event filters have masks");
	MUST(count_event(c, self->select, &c->o.guest_control));
	GRANTED("M81.taken", guest_set_filter(&c->guest, &filter));
	MUST(count_event(c, self->select, &c->o.guest_counted));
	c->s.filtered = filter_stops(&filter, self->select, UNIT_MASK);
	JUDGE("M80", &c->s, &c->o);
}

/* They deny another event, or nothing: what makes sense lets the event count.
 */
static const struct filter_parts parts[] = {
	{ "one that makes sense", KVM_PMU_EVENT_DENY },
	{ "one with a mask", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 0xff800000000000ff },
	{ "as many events as there may be", KVM_PMU_EVENT_DENY, 0, 300, 0xff },
	{ "one more", KVM_PMU_EVENT_DENY, 0, 301, 0xff },
	{ "an action that is none", 2 },
	{ "a flag that is none", KVM_PMU_EVENT_DENY, 2 },
	{ "both flags", KVM_PMU_EVENT_DENY, 3 },
	{ "a bit above the unit mask", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1 << 16 },
	{ "a bit below the high ones of the select", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1ull << 31 },
	{ "a high bit of the select", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1ull << 32 },
	{ "the highest of the select", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1ull << 35 },
	{ "a bit above those", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1ull << 36 },
	{ "a bit below the exclusion", KVM_PMU_EVENT_DENY,
	  KVM_PMU_EVENT_FLAG_MASKED_EVENTS, 1, 1ull << 54 },
	{ "any bit, without masks", KVM_PMU_EVENT_DENY, 0, 1, 1ull << 36 },
	{ "events that cannot be read", KVM_PMU_EVENT_DENY, 0, 1, 0xff,
	  FILTER_EVENTS },
	{ "memory that cannot be read", KVM_PMU_EVENT_DENY, 0, 1, 0xff,
	  FILTER_ALL },
};

FIXTURE(no_filter)
{
	struct guest_case c;
};

FIXTURE_SETUP(no_filter)
{
	MUST_BE(guest_case_begin(&self->c));
}

FIXTURE_TEARDOWN(no_filter)
{
	guest_case_end(&self->c, _metadata);
}

TEST_F(no_filter, M81_it_is_refused)
{
	struct guest_case *c = &self->c;
	uint16_t select = c->pmu.amd ? AMD_SELECT : INTEL_SELECT;
	const struct event_filter none = { .denies = false };

	NEEDS(guest_filters_masked(),
	      "a kernel whose event filters have masks");
	MUST(count_event(c, select, &c->o.guest_control));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		GRANTED("M81.taken", guest_set_filter(&c->guest, &none));
		c->o.err = guest_set_filter_parts(&c->guest, &parts[i]);
		MUST(count_event(c, select, &c->o.guest_counted));
		c->s.filter_action = parts[i].action;
		c->s.filter_flags = parts[i].flags;
		c->s.filter_events = parts[i].count;
		c->s.filter_bits = (int64_t)parts[i].event;
		c->s.filter_hidden = parts[i].hidden != FILTER_NOTHING;
		JUDGE("M81", &c->s, &c->o, "%s", parts[i].words);
	}
}

int main(int argc, char **argv)
{
	return guest_case_main(argc, argv, 0, calibration_prepare);
}
