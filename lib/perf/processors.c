// SPDX-License-Identifier: GPL-2.0-only
/* What is known of processors beforehand, with who says so. */
#include <cpuid.h>

#include "../contract/contract.h"
#include "calibration.h"

#define AMD_COUNTS_VMRUN                                                     \
	"AMD (S. Das to the kvm list, 26 April 2023); Linux, at the end of " \
	"nested_svm_vmrun()"
#define AMD_FAULTS                                          \
	AMD_COUNTS_VMRUN "; faults: README of Bedrock, on " \
			 "EPYC 4245P and 4585PX"
#define OVERCOUNT                                                           \
	"Intel, specification update of the Xeon 6700 with E-cores, SRF7; " \
	"Linux, get_pmu_errata() of the KVM selftests"
#define EXACT "kvm-unit-tests and KVM selftests, which ask for equality there"

/* Family and models as in Linux, bsp_init_amd(). */
#define ZEN(family, from, to, name)                                \
	{                                                          \
		true, family, from, to, 1, 1, false,               \
			"AMD " name ", VMRUN counts in the guest", \
			AMD_COUNTS_VMRUN                           \
	}
#define ZEN_5(from, to)                                                                  \
	{                                                                                \
		true, 0x1a, from, to, 1, 1, true,                                        \
			"AMD Zen 5, VMRUN counts in the guest, nested page faults vary", \
			AMD_FAULTS                                                       \
	}
#define ATOM(model, instructions, branches, name)                            \
	{                                                                    \
		false, 6, model, model, instructions, branches, false, name, \
			OVERCOUNT                                            \
	}
#define CORE(from, to, name)                                 \
	{                                                    \
		false, 6, from, to, 0, 0, false, name, EXACT \
	}

static const struct processor processors[] = {
	ZEN(0x17, 0, 0xff, "Zen and Zen 2"),
	ZEN(0x19, 0, 0xff, "Zen 3 and 4"),
	ZEN_5(0, 0x2f),
	ZEN_5(0x40, 0x4f),
	ZEN_5(0x60, 0x7f),
	ZEN_5(0xd0, 0xd7),
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
	return known == COUNTS_TOO_MANY ? measured >= 0 : measured == known;
}

bool calibration_fits(const struct calibration *calibration,
		      const struct processor *processor)
{
	return !processor ||
	       (fits(calibration->entry_instructions,
		     processor->entry_instructions) &&
		fits(calibration->entry_branches, processor->entry_branches));
}
