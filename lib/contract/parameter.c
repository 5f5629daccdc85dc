// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM's enable_mediated_pmu says, wherever KVM has it: also where it is
 * off. docs/contract/mediated.md has the words and the sources.
 */
#define RULES_OF (BY_MEDIATED | BY_EMULATED)
#define RULES_IN "docs/contract/mediated.md"
#include "rule.h"

RULE(M1, "enable_mediated_pmu reads back what is really in force",
     "kvm_init_pmu_capability()")
{
	STATED(kvm_enable_pmu);
	STATED(core_capable);
	if (!s->kvm_enable_pmu || !s->core_capable)
		EXACTLY(param_effective, 0);
	else if (known(s->param_requested))
		EXACTLY(param_effective, s->param_requested);
	else
		EXPECT(param_effective, 0, 1);
}

/* Only a PMU that can be mediated is ever claimed. */
RULE(M2, "only a core PMU with support for mediated vPMUs is claimed",
     "amd_pmu_is_mediated_pmu_supported(), intel_pmu_is_mediated_pmu_supported()")
{
	STATED(core_capable);
	STATED(param_requested);
	STATED(kvm_enable_pmu);
	EXACTLY(claimed,
		s->core_capable && s->param_requested && s->kvm_enable_pmu);
}
