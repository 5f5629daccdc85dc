// SPDX-License-Identifier: GPL-2.0-only
/*
 * libpfm4 in one function. Its guest and host modifiers cannot be trusted:
 * they look at their presence, not their value, and the default excludes the
 * guest. Callers set the exclude bits themselves.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

/*
 * Of its PMUs the one of the kernel's own names reads every tracepoint's
 * number, which takes as long as a case. No event of the suite is one of its.
 */
static int initialize(void)
{
	setenv("LIBPFM_DISABLED_PMUS", "perf", 0);
	return pfm_initialize() == PFM_SUCCESS;
}

const char *event_encoder(void)
{
	return "libpfm4";
}

int event_encode(struct perf_event_attr *attr, const char *name)
{
	static int ready = -1;
	pfm_perf_encode_arg_t arg = {
		.attr = attr,
		.size = sizeof(arg),
	};

	if (ready < 0)
		ready = initialize();
	if (!ready)
		return ENOENT;
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	if (pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3,
				      PFM_OS_PERF_EVENT_EXT,
				      &arg) != PFM_SUCCESS)
		return ENOENT;
	attr->exclude_guest = 0;
	attr->exclude_host = 0;
	return 0;
}
