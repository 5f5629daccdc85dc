// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../perf/cpu.h"
#include "host.h"

#define MEDIATED_AMD "/sys/module/kvm_amd/parameters/enable_mediated_pmu"
#define MEDIATED_INTEL "/sys/module/kvm_intel/parameters/enable_mediated_pmu"
#define LOADED_AMD "/sys/module/kvm_amd/initstate"
#define LOADED_INTEL "/sys/module/kvm_intel/initstate"
#define NMI_WATCHDOG "/proc/sys/kernel/nmi_watchdog"

static bool is_amd(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

int host_mediated_parameter(void)
{
	return (int)file_number(is_amd() ? MEDIATED_AMD : MEDIATED_INTEL, -1);
}

int64_t host_mediated_requested(void)
{
	const char *name = is_amd() ? "kvm_amd.enable_mediated_pmu="
				    : "kvm_intel.enable_mediated_pmu=";
	char line[4096];
	const char *value = NULL, *next;

	if (file_read("/proc/cmdline", line, sizeof(line)))
		return NOT_KNOWN;
	/* The last one counts. */
	for (next = line; (next = strstr(next, name)); next += strlen(name))
		value = next + strlen(name);
	/* A module that was loaded can have been given it elsewhere. */
	if (!value)
		return access(is_amd() ? LOADED_AMD : LOADED_INTEL, F_OK)
			       ? 0
			       : NOT_KNOWN;
	return *value == '1' || *value == 'y' || *value == 'Y';
}

int host_kvm_enable_pmu(void)
{
	return (int)file_number("/sys/module/kvm/parameters/enable_pmu", -1);
}

bool host_core_capable(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (is_amd())
		return __get_cpuid_count(0x80000022, 0, &eax, &ebx, &ecx,
					 &edx) &&
		       (eax & 1);
	if (!__get_cpuid_count(0xa, 0, &eax, &ebx, &ecx, &edx) ||
	    (eax & 0xff) < 4)
		return false;
	/* PDCM; the width itself is in an MSR that user space cannot read. */
	return __get_cpuid_count(1, 0, &eax, &ebx, &ecx, &edx) &&
	       (ecx & (1u << 15));
}

enum contract host_contract(void)
{
	const char *forced = getenv("PMU_CONTRACT");

	if (forced && !strcmp(forced, "mediated"))
		return CONTRACT_MEDIATED;
	return host_mediated_parameter() >= 0 ? CONTRACT_MEDIATED
					      : CONTRACT_NONE;
}

const char *host_missing(unsigned int needs)
{
	if ((needs & HOST_NEEDS_ROOT) && geteuid())
		return "needs root";
	if ((needs & HOST_NEEDS_KVM) && access("/dev/kvm", R_OK | W_OK))
		return "needs a usable /dev/kvm";
	if ((needs & HOST_NEEDS_CORE_PMU) &&
	    access("/sys/bus/event_source/devices/cpu", F_OK))
		return "needs a core PMU";
	if ((needs & (HOST_NEEDS_CONTRACT | HOST_NEEDS_MEDIATED)) &&
	    host_contract() == CONTRACT_NONE)
		return "needs a kernel that hands the PMU to guests";
	if ((needs & HOST_NEEDS_MEDIATED) && host_mediated_parameter() != 1)
		return "needs enable_mediated_pmu=1";
	if ((needs & HOST_NEEDS_NO_WATCHDOG) &&
	    file_number(NMI_WATCHDOG, 0) != 0)
		return "needs kernel.nmi_watchdog=0";
	if ((needs & HOST_NEEDS_TWO_CPUS) && cpu_count() < 2)
		return "needs two CPUs";
	return NULL;
}
