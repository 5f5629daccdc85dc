// SPDX-License-Identifier: GPL-2.0-only
/* What is known of processors beforehand, with who says so. */
#include <cpuid.h>

#include "../contract/contract.h"
#include "calibration.h"

#define AMD_COUNTS_VMRUN                                                     \
	"AMD (S. Das to the kvm list, 26 April 2023); Linux, at the end of " \
	"nested_svm_vmrun()"
#define OVERCOUNT                                                           \
	"Intel, specification update of the Xeon 6700 with E-cores, SRF7; " \
	"Linux, get_pmu_errata() of the KVM selftests"
#define EXACT "kvm-unit-tests and KVM selftests, which ask for equality there"

#define ATOM(model, instructions, branches, name)                     \
	{                                                             \
		false, 6, model, model, instructions, branches, name, \
			OVERCOUNT                                     \
	}
#define CORE(from, to, name)                          \
	{                                             \
		false, 6, from, to, 0, 0, name, EXACT \
	}

static const struct processor processors[] = {
	{ true, 0x17, 0, 0xff, 1, 1, "AMD Zen, VMRUN counts in the guest",
	  AMD_COUNTS_VMRUN },
	{ true, 0x19, 0, 0xff, 1, 1,
	  "AMD Zen 3 and 4, VMRUN counts in the guest", AMD_COUNTS_VMRUN },
	{ true, 0x1a, 0, 0xff, 1, 1, "AMD Zen 5, VMRUN counts in the guest",
	  AMD_COUNTS_VMRUN },
	ATOM(0x4d, COUNTS_TOO_MANY, COUNTS_TOO_MANY, "Intel Silvermont D"),
	ATOM(0x5f, COUNTS_TOO_MANY, COUNTS_TOO_MANY, "Intel Goldmont D"),
	ATOM(0x86, COUNTS_TOO_MANY, COUNTS_TOO_MANY, "Intel Tremont D"),
	ATOM(0xaf, COUNTS_TOO_MANY, COUNTS_TOO_MANY, "Intel Sierra Forest"),
	ATOM(0xdd, COUNTS_TOO_MANY, 0, "Intel Clearwater Forest"),
	CORE(0x55, 0x55, "Intel Skylake X to Cooper Lake X"),
	CORE(0x6a, 0x6a, "Intel Ice Lake X"),
	CORE(0x6c, 0x6c, "Intel Ice Lake D"),
	CORE(0x8f, 0x8f, "Intel Sapphire Rapids X"),
	CORE(0xcf, 0xcf, "Intel Emerald Rapids X"),
	CORE(0xad, 0xae, "Intel Granite Rapids"),
};

const struct processor *processor_at(size_t index)
{
	return index < sizeof(processors) / sizeof(*processors)
		       ? &processors[index]
		       : NULL;
}

const struct processor *processor_find(bool amd, unsigned int family,
				       unsigned int model)
{
	const struct processor *p;

	for (size_t i = 0; (p = processor_at(i)); i++) {
		if (p->amd == amd && p->family == family && model >= p->first &&
		    model <= p->last)
			return p;
	}
	return NULL;
}

/* Intel SDM volume 2, "CPUID", version information. */
void processor_here(unsigned int *family, unsigned int *model)
{
	unsigned int eax = 0, ebx, ecx, edx;

	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	*family = eax >> 8 & 0xf;
	*model = eax >> 4 & 0xf;
	if (*family == 6 || *family == 0xf)
		*model |= eax >> 12 & 0xf0;
	if (*family == 0xf)
		*family += eax >> 20 & 0xff;
}

static bool fits(int64_t measured, int64_t known)
{
	if (measured == NOT_KNOWN)
		return true;
	return known == COUNTS_TOO_MANY ? measured > 0 : measured == known;
}

bool calibration_fits(const struct calibration *calibration,
		      const struct processor *processor)
{
	return !processor ||
	       (fits(calibration->entry_instructions,
		     processor->entry_instructions) &&
		fits(calibration->entry_branches, processor->entry_branches));
}
