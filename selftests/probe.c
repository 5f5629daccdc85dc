// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this machine offers to the suite, in plain words, and what must change
 * before it can run. Changes nothing. Status 0 if something can run now, 4 (a
 * skip) if nothing can, 2 for bad input.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "perf/cpu.h"
#include "report/host.h"
#include "vm/pmu.h"

#define SKIP_STATUS 4

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* Whole parts of the suite, and what they cannot do without. */
static const struct part {
	const char *words;
	unsigned int needs;
} parts[] = {
	{ "claims, refusals and times (mediated)", HOST_NEEDS_CLAIMS },
	{ "guests that program the PMU", HOST_NEEDS_GUEST_PMU },
	{ "the seed's contract", HOST_NEEDS_SEED_GUESTS },
};

/* Needs that a command meets, or nothing does. */
static const struct remedy {
	const char *need;
	const char *amd, *intel;
} remedies[] = {
	{ "needs root", "sudo, or a login as root", NULL },
	{ "needs a usable /dev/kvm",
	  "modprobe kvm_amd (and SVM switched on in the firmware)",
	  "modprobe kvm_intel (and VMX switched on in the firmware)" },
	{ "needs a core PMU",
	  "no command helps: the machine, or what emulates it, shows no PMU",
	  NULL },
	{ "needs enable_mediated_pmu=1",
	  "modprobe -r kvm_amd; modprobe kvm_amd enable_mediated_pmu=1 (built in: kvm_amd.enable_mediated_pmu=1 at boot)",
	  "modprobe -r kvm_intel; modprobe kvm_intel enable_mediated_pmu=1 (built in: kvm_intel.enable_mediated_pmu=1 at boot)" },
	{ "needs a kernel that hands the PMU to guests",
	  "boot Linux 7.0 or later with CONFIG_KVM", NULL },
	{ "needs kernel.nmi_watchdog=0", "sysctl kernel.nmi_watchdog=0", NULL },
	{ "needs two CPUs", "no command helps: bring a second CPU online",
	  NULL },
	{ "needs the mediated contract",
	  "boot with perf_guest.contract=mediated", NULL },
};

static void say(const char *what, const char *words)
{
	printf("%-12s %s\n", what, words);
}

static void say_cpu(void)
{
	char line[256], name[128] = "", microcode[32] = "";
	FILE *file = fopen("/proc/cpuinfo", "re");
	unsigned int family = 0, model = 0;

	while (file && fgets(line, sizeof(line), file) && !*microcode) {
		sscanf(line, "cpu family : %u", &family);
		sscanf(line, "model : %u", &model);
		sscanf(line, "model name : %127[^\n]", name);
		sscanf(line, "microcode : %31s", microcode);
	}
	if (file)
		fclose(file);
	printf("%-12s %s, family %u, model %u, microcode %s, %d online\n",
	       "CPU", name, family, model, *microcode ? microcode : "unknown",
	       cpu_count());
}

static void say_pmu(void)
{
	struct pmu pmu = pmu_of_host();

	if (!pmu.general) {
		say("PMU", "CPUID announces none");
		return;
	}
	printf("%-12s %s version %u: %u general and %u fixed counters of %u bits\n",
	       "PMU", pmu.amd ? "AMD" : "Intel", pmu.version, pmu.general,
	       pmu.fixed, pmu.width);
	if (!access("/sys/bus/event_source/devices/cpu_atom", F_OK))
		say("",
		    "hybrid: cores differ, and KVM hands none of them over");
	say("handover", host_core_capable()
				? "this PMU can be handed to guests"
				: "this PMU cannot be handed to guests (AMD: "
				  "PerfMonV2; Intel: version 4, full-width "
				  "writes)");
}

static void say_virtual(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 31)))
		say("virtual", "this is a guest of some hypervisor itself");
}

static const char *switched(long value)
{
	return value < 0 ? "absent" : value ? "on" : "off";
}

static void say_kernel(void)
{
	struct utsname name;

	uname(&name);
	printf("%-12s Linux %s, contract %s\n", "kernel", name.release,
	       host_contract() == CONTRACT_NONE
		       ? "none that this suite knows"
		       : contract_name(host_contract()));
	printf("%-12s /dev/kvm %s, enable_pmu %s, enable_mediated_pmu %s\n",
	       "KVM", access("/dev/kvm", R_OK | W_OK) ? "not usable" : "usable",
	       switched(host_kvm_enable_pmu()),
	       switched(host_mediated_parameter()));
	printf("%-12s nmi_watchdog %s, perf_event_paranoid %ld, perf_cpu_time_max_percent %ld\n",
	       "settings",
	       switched(file_number("/proc/sys/kernel/nmi_watchdog", -1)),
	       file_number("/proc/sys/kernel/perf_event_paranoid", -1),
	       file_number("/proc/sys/kernel/perf_cpu_time_max_percent", -1));
}

static const char *remedy_of(const char *need)
{
	for (size_t i = 0; i < LENGTH(remedies); i++) {
		if (!strcmp(remedies[i].need, need))
			return cpu_is_amd() || !remedies[i].intel
				       ? remedies[i].amd
				       : remedies[i].intel;
	}
	return "see docs/lab.md for a machine that has it";
}

/* Each need of its own, so that all that is missing is told at once. */
static void say_remedies(unsigned int needs)
{
	const char *told[32];
	size_t count = 0, i;

	for (unsigned int bit = 1; bit && bit <= needs; bit <<= 1) {
		const char *need = needs & bit ? host_missing(bit) : NULL;

		for (i = 0; need && i < count && strcmp(told[i], need); i++)
			;
		if (!need || i < count)
			continue;
		told[count++] = need;
		printf("  %-30s %s\n", need + strlen("needs "),
		       remedy_of(need));
	}
}

int main(int argc, char **argv)
{
	bool any = false;

	if (argc > 1) {
		fprintf(stderr, "probe: takes no arguments, not '%s'\n",
			argv[1]);
		return 2;
	}
	say_cpu();
	say_pmu();
	say_virtual();
	say_kernel();
	printf("\n");
	for (size_t i = 0; i < LENGTH(parts); i++) {
		const char *missing = host_missing(parts[i].needs);

		any |= !missing;
		printf("%-42s %s\n", parts[i].words,
		       missing ? missing : "can run");
	}
	if (host_missing(HOST_NEEDS_CLAIMS | HOST_NEEDS_GUEST_PMU)) {
		printf("\nWhat must change, and how:\n");
		say_remedies(HOST_NEEDS_CLAIMS | HOST_NEEDS_GUEST_PMU);
	}
	return any ? 0 : SKIP_STATUS;
}
