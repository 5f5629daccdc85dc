// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/deadline.h"
#include "../base/file.h"
#include "host.h"

#define MEDIATED_AMD "/sys/module/kvm_amd/parameters/enable_mediated_pmu"
#define MEDIATED_INTEL "/sys/module/kvm_intel/parameters/enable_mediated_pmu"
#define LOADED_AMD "/sys/module/kvm_amd/initstate"
#define LOADED_INTEL "/sys/module/kvm_intel/initstate"
#define GUEST_CONTRACT "/sys/module/perf_guest/parameters/contract"
#define CLOCKSOURCE \
	"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CALIBRATION_MS 20000
#define NMI_WATCHDOG "/proc/sys/kernel/nmi_watchdog"

int host_mediated_parameter(void)
{
	return (int)file_number(cpu_is_amd() ? MEDIATED_AMD : MEDIATED_INTEL,
				-1);
}

int64_t host_mediated_requested(void)
{
	const char *name = cpu_is_amd() ? "kvm_amd.enable_mediated_pmu="
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
		return access(cpu_is_amd() ? LOADED_AMD : LOADED_INTEL, F_OK)
			       ? 0
			       : NOT_KNOWN;
	return *value == '1' || *value == 'y' || *value == 'Y';
}

int host_kvm_enable_pmu(void)
{
	return (int)file_number("/sys/module/kvm/parameters/enable_pmu", -1);
}

bool host_hybrid(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       (edx & (1u << 15));
}

bool host_core_capable(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (host_hybrid())
		return false;

	if (cpu_is_amd())
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
	char spoken[32];

	if (forced)
		return contract_named(forced);
	if (host_mediated_parameter() != 1 && host_kvm_enable_pmu() == 1)
		return CONTRACT_EMULATED;
	if (!file_read(GUEST_CONTRACT, spoken, sizeof(spoken)))
		return contract_named(spoken);
	return host_mediated_parameter() >= 0 ? CONTRACT_MEDIATED
					      : CONTRACT_NONE;
}

int64_t host_as_posted(void)
{
	return host_contract() == CONTRACT_RFC_AS_POSTED;
}

int64_t host_proves_locking(void)
{
	char line[128];
	int alive = 0;
	FILE *file = fopen("/proc/lockdep_stats", "re");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, " debug_locks: %d", &alive);
	if (file)
		fclose(file);
	return alive;
}

static bool speaks_rfc(void)
{
	enum contract contract = host_contract();

	return contract == CONTRACT_RFC || contract == CONTRACT_RFC_AS_POSTED;
}

/* A kernel may be told to speak the RFC and still lack its calls. */
static bool kernel_has(const char *function)
{
	char line[256], name[128];
	bool found = false;
	FILE *file = fopen("/proc/kallsyms", "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*c %127s", name) == 1 &&
			!strcmp(name, function);
	if (file)
		fclose(file);
	return found;
}

/* What a kernel lacks to give guests a PMU under the contract asked for. */
static const char *contract_missing(unsigned int needs)
{
	const enum contract contract = host_contract();
	const bool emulated = contract == CONTRACT_EMULATED;
	const bool rfc = speaks_rfc();

	if (contract == CONTRACT_NONE)
		return "needs a kernel that gives guests a PMU";
	if ((needs & HOST_NEEDS_RFC) && !rfc)
		return "needs the RFC's contract";
	if ((needs & HOST_NEEDS_EMULATED) && !emulated)
		return "needs the emulated contract";
	if ((needs & HOST_NEEDS_PARAMETER) && host_mediated_parameter() < 0)
		return "needs a kernel with enable_mediated_pmu";
	if ((needs & (HOST_NEEDS_MEDIATED | HOST_NEEDS_PARAMETER)) && rfc)
		return "needs the mediated contract";
	if (needs & HOST_NEEDS_PARAMETER)
		return NULL;
	if ((needs & HOST_NEEDS_MEDIATED) && host_mediated_parameter() < 0)
		return "needs a kernel that hands the PMU to guests";
	if ((needs & HOST_NEEDS_MEDIATED) && emulated)
		return "needs enable_mediated_pmu=1";
	if (rfc && !kernel_has("perf_guest_enter"))
		return "needs perf_guest_enter() in the kernel";
	if (!emulated && host_mediated_parameter() != 1)
		return "needs enable_mediated_pmu=1";
	return NULL;
}

/*
 * Soon after boot the kernel measures the TSC once more, gives sched_clock()
 * the result, and only then leaves "tsc-early" for a clock source that has it,
 * too (tsc_refine_calibration_work()). In between the two drift apart.
 */
static bool clock_settles(void)
{
	struct deadline deadline = deadline_after_ms(CALIBRATION_MS);
	char name[32];

	while (!file_read(CLOCKSOURCE, name, sizeof(name)) &&
	       !strcmp(name, "tsc-early")) {
		if (deadline_passed(&deadline))
			return false;
	}
	return true;
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
	if (needs & (HOST_NEEDS_PARAMETER | HOST_NEEDS_MEDIATED |
		     HOST_NEEDS_RFC | HOST_NEEDS_EMULATED | HOST_NEEDS_VPMU)) {
		const char *missing = contract_missing(needs);

		if (missing)
			return missing;
	}
	if ((needs & HOST_NEEDS_NO_WATCHDOG) &&
	    file_number(NMI_WATCHDOG, 0) != 0)
		return "needs kernel.nmi_watchdog=0";
	/* Guests run on CPU 1, whoever watches them on CPU 0. */
	if ((needs & HOST_NEEDS_TWO_CPUS) &&
	    !(cpu_is_online(0) && cpu_is_online(1)))
		return "needs two CPUs";
	if ((needs & HOST_NEEDS_STEADY_CLOCK) && !clock_settles())
		return "needs a calibrated clock";
	return NULL;
}
