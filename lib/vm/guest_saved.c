// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "guest_parts.h"
#include "guest_setup.h"
#include "guest_saved.h"

#define REGISTERS_MOST 96
#define PERF_CAPABILITIES 0x345

struct saved {
	unsigned int count, refused;
	uint32_t msr[REGISTERS_MOST];
	uint64_t value[REGISTERS_MOST];
	struct kvm_lapic_state apic;
	struct kvm_vcpu_events events;
};

/* Those of msrs_to_save_pmu[] of KVM, and what tells a guest of its PMU. */
static bool is_of_pmu(uint32_t msr)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0xc1, 0xc8 },
		{ 0x186, 0x18d },
		{ 0x309, 0x318 },
		{ PERF_CAPABILITIES, PERF_CAPABILITIES },
		{ 0x38d, 0x391 },
		{ 0x3f1, 0x3f2 },
		{ 0x4c1, 0x4c8 },
		{ 0x600, 0x600 },
		{ 0xc0000300, 0xc0000303 },
		{ 0xc0010000, 0xc0010007 },
		{ 0xc0010200, 0xc001020b },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (msr >= ranges[i].first && msr <= ranges[i].last)
			return true;
	}
	return false;
}

static bool take_registers(struct guest *guest, struct saved *saved)
{
	const struct kvm_msr_list *list = kvm_get_msr_index_list();

	for (uint32_t i = 0; i < list->nmsrs; i++) {
		uint32_t msr = list->indices[i];

		if (!is_of_pmu(msr))
			continue;
		if (saved->count == REGISTERS_MOST)
			return false;
		if (guest_get_msr(guest, msr, &saved->value[saved->count]))
			saved->refused++;
		else
			saved->msr[saved->count++] = msr;
	}
	return true;
}

static void complete_io(void *arg)
{
	struct guest *guest = arg;

	vcpu_run_complete_io(guest->parts->vcpu);
}

struct saved *saved_take(struct guest *guest)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (!saved)
		return NULL;
	guest_call(guest, complete_io, guest);
	vcpu_events_get(guest->parts->vcpu, &saved->events);
	if (!take_registers(guest, saved)) {
		free(saved);
		return NULL;
	}
	vcpu_ioctl(guest->parts->vcpu, KVM_GET_LAPIC, &saved->apic);
	return saved;
}

void saved_free(struct saved *saved)
{
	free(saved);
}

int64_t saved_restore_registers(struct guest *guest, const struct saved *saved,
				bool backwards)
{
	int64_t refused = 0;

	for (unsigned int i = 0; i < saved->count; i++) {
		unsigned int at = backwards ? saved->count - 1 - i : i;

		refused += guest_set_msr(guest, saved->msr[at],
					 saved->value[at]) != 0;
	}
	return refused;
}

void saved_restore_interrupts(struct guest *guest, const struct saved *saved)
{
	struct kvm_vcpu_events events = saved->events;
	struct kvm_lapic_state apic = saved->apic;

	vcpu_ioctl(guest->parts->vcpu, KVM_SET_LAPIC, &apic);
	vcpu_events_set(guest->parts->vcpu, &events);
}

void saved_reset(struct saved *saved)
{
	for (unsigned int i = 0; i < saved->count; i++) {
		if (saved->msr[i] != PERF_CAPABILITIES)
			saved->value[i] = 0;
	}
}

int64_t saved_got(const struct saved *saved)
{
	return saved->count;
}

int64_t saved_refused(const struct saved *saved)
{
	return saved->refused;
}

int64_t saved_differences(const struct saved *saved, const struct saved *other)
{
	int64_t different = 0;

	for (unsigned int i = 0; i < saved->count; i++)
		different += saved->msr[i] != other->msr[i] ||
			     saved->value[i] != other->value[i];
	return different + (saved->count != other->count);
}
