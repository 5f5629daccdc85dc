// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../base/cpu.h"
#include "guest_parts.h"
#include "guest_setup.h"

#include "apic.h"
#include "svm_util.h"
#include "vmx.h"

#define LEAF_ARCH_PERFMON 0xa
#define LEAF_FEATURES 1
#define PDCM (1u << 15)
#define LEAF_FEATURES_AMD 0x80000001
#define LEAF_PERFMON_V2 0x80000022
#define PERFCTR_CORE (1u << 23)
#define COUNTERS_CORE 6
/* More than there are of any kind. */
#define LISTED_MOST 64

void guest_take_interrupts(struct guest *guest)
{
	struct kvm_vm *vm = guest->parts->vm;

	vm_install_exception_handler(vm, GUEST_PMI_VECTOR, guest_on_pmi);
	vm_install_exception_handler(vm, GUEST_IPI_VECTOR, guest_on_ipi);
	vm_install_exception_handler(vm, NMI_VECTOR, guest_on_nmi);
}

/* A page is open to CPL 3 if every level on the way to it says so. */
void guest_open_user_page(struct guest *guest)
{
	const uint64_t present = 1, user = 4, address = 0x000ffffffffff000ull;
	uint64_t gva = (uint64_t)guest_user_page;
	struct kvm_sregs sregs;
	uint64_t table;

	vcpu_sregs_get(guest->parts->vcpu, &sregs);
	table = sregs.cr3 & address;
	for (int level = sregs.cr4 & (1 << 12) ? 5 : 4; level; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		uint64_t *entry = addr_gpa2hva(guest->parts->vm, table);

		entry += gva >> shift & 511;
		TEST_ASSERT(*entry & present, "no page for CPL 3");
		*entry |= user;
		table = *entry & address;
	}
}

void guest_map_nowhere(struct guest *guest)
{
	virt_map(guest->parts->vm, GUEST_NOWHERE, GUEST_NOWHERE, 1);
}

bool guest_open_nested(struct guest *guest)
{
	struct kvm_vm *vm = guest->parts->vm;
	gva_t data, msrs;

	guest->script->nested_vmx = kvm_cpu_has(X86_FEATURE_VMX);
	if (guest->script->nested_vmx)
		vcpu_alloc_vmx(vm, &data);
	else if (kvm_cpu_has(X86_FEATURE_SVM))
		vcpu_alloc_svm(vm, &data);
	else
		return false;
	msrs = vm_alloc_pages(vm, NESTED_MSRS_SIZE / getpagesize());
	guest->script->nested = data;
	guest->script->nested_msrs = msrs;
	guest->script->nested_msrs_gpa = addr_gva2gpa(vm, msrs);
	return true;
}

/* In the leaf that has it. KVM_SET_CPUID2 is still to come. */
static struct kvm_cpuid_entry2 *put_counters(struct kvm_vcpu *vcpu,
					     unsigned int counters)
{
	struct kvm_cpuid_entry2 *leaf;

	if (cpu_is_amd()) {
		leaf = vcpu_get_cpuid_entry(vcpu, LEAF_PERFMON_V2);
		leaf->ebx = (leaf->ebx & ~0xfu) | counters;
	} else {
		leaf = vcpu_get_cpuid_entry(vcpu, LEAF_ARCH_PERFMON);
		leaf->eax = (leaf->eax & ~0xff00u) | counters << 8;
	}
	return leaf;
}

void guest_limit_pmu(struct guest *guest, unsigned int counters,
		     unsigned int version)
{
	struct kvm_vcpu *vcpu = guest->parts->vcpu;
	struct kvm_cpuid_entry2 *leaf;

	if (cpu_is_amd()) {
		/* An older processor has no such leaf. */
		if (guest_pmu_offered().version > 1) {
			leaf = put_counters(vcpu, counters);
			if (version < 2)
				leaf->eax &= ~1u;
			/* Looking up a leaf reads all of them anew. */
			vcpu_set_cpuid(vcpu);
		}
		leaf = vcpu_get_cpuid_entry(vcpu, LEAF_FEATURES_AMD);
		if (counters < COUNTERS_CORE && version < 2)
			leaf->ecx &= ~PERFCTR_CORE;
	} else {
		leaf = put_counters(vcpu, counters);
		leaf->eax = (leaf->eax & ~0xffu) | version;
		/* No PMU, no word about what it can do. */
		if (!version) {
			vcpu_set_cpuid(vcpu);
			leaf = vcpu_get_cpuid_entry(vcpu, LEAF_FEATURES);
			leaf->ecx &= ~PDCM;
		}
	}
	vcpu_set_cpuid(vcpu);
}

int guest_set_counters(struct guest *guest, unsigned int counters)
{
	struct kvm_vcpu *vcpu = guest->parts->vcpu;
	int err;

	put_counters(vcpu, counters);
	err = __vcpu_set_cpuid(vcpu) ? errno : 0;
	/* If it was refused, what the library knows is as before. */
	vcpu_get_cpuid(vcpu);
	return err;
}

int guest_get_msr(struct guest *guest, uint32_t msr, uint64_t *value)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} buffer = { .header.nmsrs = 1, .entry.index = msr };

	if (__vcpu_ioctl(guest->parts->vcpu, KVM_GET_MSRS, &buffer.header) != 1)
		return EINVAL;
	*value = buffer.entry.data;
	return 0;
}

int guest_set_msr(struct guest *guest, uint32_t msr, uint64_t value)
{
	return _vcpu_set_msr(guest->parts->vcpu, msr, value) == 1 ? 0 : EINVAL;
}

/*
 * A vCPU that waits for one takes it when its state is asked for, and is then
 * about to run at the first page, for no vector was given
 * (kvm_apic_accept_events()).
 */
static void take_sipi(struct kvm_vcpu *vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_SIPI_RECEIVED };
	struct kvm_sregs sregs;

	vcpu_mp_state_set(vcpu, &state);
	vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &state);
	vcpu_sregs_get(vcpu, &sregs);
	TEST_ASSERT(state.mp_state == KVM_MP_STATE_RUNNABLE && !sregs.cs.base,
		    "the vCPU took no SIPI");
}

/*
 * The guest sends it to itself. The first vCPU then starts at the reset vector,
 * where this VM has no memory: KVM_RUN returns, with whatever reason.
 */
static void init_and_restore(void *arg)
{
	struct guest *guest = arg;
	struct kvm_vcpu *vcpu = guest->parts->vcpu;
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state apic;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vcpu_run_complete_io(vcpu);
	vcpu_regs_get(vcpu, &regs);
	vcpu_sregs_get(vcpu, &sregs);
	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &apic);
	_vcpu_run(vcpu);
	TEST_ASSERT(vcpu->run->exit_reason != KVM_EXIT_IO,
		    "the vCPU took no INIT");
	take_sipi(vcpu);
	vcpu_sregs_set(vcpu, &sregs);
	vcpu_regs_set(vcpu, &regs);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &apic);
	vcpu_mp_state_set(vcpu, &state);
}

void guest_send_init_and_sipi(struct guest *guest)
{
	struct guest_step *step = guest->script->step;

	step[0] = (struct guest_step){
		.op = GUEST_WRITE,
		.index = APIC_BASE_MSR + (APIC_ICR >> 4),
		.value = APIC_DEST_SELF | APIC_DM_INIT | APIC_INT_ASSERT,
		.times = 1,
	};
	step[1].op = GUEST_END;
	guest_call(guest, init_and_restore, guest);
}

static void recreate(void *arg)
{
	struct guest *guest = arg;
	struct guest_parts *parts = guest->parts;
	struct kvm_x86_state *state = vcpu_save_state(parts->vcpu);

	vcpu_stats_close(parts->vcpu);
	kvm_vm_release(parts->vm);
	parts->vcpu = vm_recreate_with_one_vcpu(parts->vm);
	vcpu_load_state(parts->vcpu, state);
	kvm_x86_state_cleanup(state);
}

void guest_recreate(struct guest *guest)
{
	guest_call(guest, recreate, guest);
}

bool guest_offered(uint32_t leaf, uint32_t regs[4])
{
	const struct kvm_cpuid2 *offered = kvm_get_supported_cpuid();

	for (uint32_t i = 0; i < offered->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &offered->entries[i];

		if (entry->function != leaf || entry->index)
			continue;
		regs[0] = entry->eax;
		regs[1] = entry->ebx;
		regs[2] = entry->ecx;
		regs[3] = entry->edx;
		return true;
	}
	return false;
}

static bool is_listed(const struct kvm_msr_list *list, uint32_t msr)
{
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		if (list->indices[i] == msr)
			return true;
	}
	return false;
}

unsigned int guest_listed(const struct pmu *pmu, enum pmu_register reg)
{
	const struct kvm_msr_list *list = kvm_get_msr_index_list();
	unsigned int count = 0;

	while (count < LISTED_MOST && is_listed(list, pmu_msr(pmu, reg, count)))
		count++;
	return count;
}

struct pmu guest_pmu_offered(void)
{
	uint32_t perfmon[4] = { 0 }, features[4] = { 0 };
	bool amd = cpu_is_amd();

	guest_offered(amd ? LEAF_PERFMON_V2 : LEAF_ARCH_PERFMON, perfmon);
	if (amd)
		guest_offered(LEAF_FEATURES_AMD, features);
	return pmu_from_cpuid(amd, perfmon, features[2] & PERFCTR_CORE);
}

static void run_raw(void *arg)
{
	struct guest *guest = arg;

	_vcpu_run(guest->parts->vcpu);
}

bool guest_dies(struct guest *guest)
{
	guest_call(guest, run_raw, guest);
	return guest->parts->vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN;
}

bool guest_goes_to_port(struct guest *guest)
{
	const struct kvm_run *run = guest->parts->vcpu->run;

	guest_call(guest, run_raw, guest);
	return run->exit_reason == KVM_EXIT_IO && run->io.port == GUEST_PORT;
}

void guest_drop_page(struct guest *guest)
{
	void *page = addr_gva2hva(guest->parts->vm, (gva_t)guest_page);

	TEST_ASSERT(!madvise(page, sizeof(guest_page), MADV_DONTNEED),
		    "the guest's page cannot be dropped");
}
