// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event of the suite, encoded without libpfm4: as the vendors' manuals have
 * it for every processor with that PMU.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

#include "event.h"

/*
 * AMD: PMCx0C0, "Retired Instructions" of each Processor Programming Reference;
 * in Linux amd_perfmon_event_map[] and amd_zen*_perfmon_event_map[]. Intel:
 * "Instruction Retired" of the SDM volume 3, "Pre-Defined Architectural
 * Performance Events".
 */
#define SELECT_RETIRED_INSTRUCTIONS 0xc0
/* Earlier ones run no guests that this suite knows. */
#define AMD_FAMILY_FIRST 0xf

int event_encode_known(struct perf_event_attr *attr,
		       const struct event_cpu *cpu)
{
	if (cpu->amd ? cpu->family < AMD_FAMILY_FIRST : !cpu->architectural)
		return ENOENT;
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	attr->type = PERF_TYPE_RAW;
	attr->config = SELECT_RETIRED_INSTRUCTIONS;
	return 0;
}
