// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this machine offers to the suite, in plain words, and what must change
 * before it can run. Status 0 if something about guests can run now, 4 (a
 * skip) if nothing can, 2 for bad input.
 *
 * With "--fix -- COMMAND" what must change is changed while the command runs,
 * and put back, also if this program is killed; "--restore" does that by hand.
 */
#include <cpuid.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "host/host.h"
#include "host/settings.h"
#include "perf/event.h"
#include "vm/pmu.h"

#define SKIP_STATUS 4
#define BAD_STATUS 2

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/*
 * Whole parts of the suite, and what they cannot do without. The first is about
 * a file: that it can run is no reason to call this machine fit.
 */
static const struct part {
	const char *words;
	unsigned int needs;
} parts[] = {
	{ "what enable_mediated_pmu reads as (M1)", HOST_NEEDS_PARAMETER },
	{ "claims, refusals and times (mediated)", HOST_NEEDS_CLAIMS },
	{ "guests that program the PMU", HOST_NEEDS_GUEST_PMU },
	{ "host and guest side by side (emulated)",
	  HOST_NEEDS_GUEST_PMU | HOST_NEEDS_EMULATED },
	{ "the RFC's contract", HOST_NEEDS_RFC_GUESTS },
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
	{ "needs a kernel with enable_mediated_pmu",
	  "boot Linux 7.0 or later with CONFIG_KVM", NULL },
	{ "needs a kernel that gives guests a PMU",
	  "modprobe -r kvm_amd kvm; modprobe kvm enable_pmu=1; modprobe kvm_amd (built in: kvm.enable_pmu=1 at boot)",
	  "modprobe -r kvm_intel kvm; modprobe kvm enable_pmu=1; modprobe kvm_intel (built in: kvm.enable_pmu=1 at boot; cores that differ have none)" },
	{ "needs kernel.nmi_watchdog=0", "sysctl kernel.nmi_watchdog=0", NULL },
	{ "needs two CPUs",
	  "echo 1 >/sys/devices/system/cpu/cpu1/online (0 and 1 are used)",
	  NULL },
	{ "needs the mediated contract",
	  "boot with perf_guest.contract=mediated", NULL },
};

static void say(const char *what, const char *words)
{
	printf("%-12s %s\n", what, words);
}

struct identity {
	unsigned int family, model;
	char name[128], microcode[32];
};

static struct identity identity_of_cpu(void)
{
	struct identity id = { .microcode = "unknown" };
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[4096];

	/* The first CPU's paragraph, up to its empty line. */
	while (file && fgets(line, sizeof(line), file) && *line != '\n') {
		sscanf(line, "cpu family : %u", &id.family);
		sscanf(line, "model : %u", &id.model);
		sscanf(line, "model name : %127[^\n]", id.name);
		sscanf(line, "microcode : %31s", id.microcode);
	}
	if (file)
		fclose(file);
	return id;
}

static bool is_virtual(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 31));
}

/* Hypervisors beside KVM, whose modules keep the CPU's virtualisation. */
static const char *other_hypervisor(void)
{
	static const char *const modules[] = { "vboxdrv", "vmmon" };
	char path[64];

	for (size_t i = 0; i < LENGTH(modules); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", modules[i]);
		if (!access(path, F_OK))
			return modules[i];
	}
	return NULL;
}

static void say_cpu(void)
{
	struct identity id = identity_of_cpu();

	printf("%-12s %s, family %u, model %u, microcode %s, %d online\n",
	       "CPU", id.name, id.family, id.model, id.microcode, cpu_count());
	if (is_virtual())
		say("", "this is a guest of some hypervisor itself");
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
	if (host_hybrid())
		say("",
		    "hybrid: cores differ, and KVM hands none of them over");
	printf("%-12s encoded by %s\n", "events", event_prepare());
	say("mediated", host_core_capable()
				? "this PMU can be handed to guests"
				: "this PMU cannot be handed to guests (AMD: "
				  "PerfMonV2; Intel: version 4, full-width "
				  "writes)");
}

static const char *contract_words(void)
{
	enum contract contract = host_contract();

	return contract == CONTRACT_NONE ? "none that this suite knows"
					 : contract_name(contract);
}

/* Files whose contents say how this machine is set. */
static const char *const telling[] = {
	"/sys/module/kvm/parameters/*",
	"/sys/module/perf_guest/parameters/*",
	"/proc/sys/kernel/nmi_watchdog",
	"/proc/sys/kernel/perf_*",
};

static void file_facts(const char *pattern)
{
	char text[4096];
	glob_t files;

	if (glob(pattern, 0, NULL, &files))
		return;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		if (!file_read(files.gl_pathv[i], text, sizeof(text)))
			printf("%s %s\n", files.gl_pathv[i], text);
	}
	globfree(&files);
}

/* For results.json: a name without blanks, and its value. */
static void facts(void)
{
	struct identity id = identity_of_cpu();
	struct pmu pmu = pmu_of_host();
	struct utsname name;
	char line[4096];

	uname(&name);
	printf("release %s\n", name.release);
	printf("version %s\n", name.version);
	printf("cpus %d\n", cpu_count());
	printf("cpu_model %s\n", id.name);
	printf("cpu_family_model %u:%u\n", id.family, id.model);
	printf("cpu_microcode %s\n", id.microcode);
	printf("cpu_virtual %s\n", is_virtual() ? "yes" : "no");
	printf("cpu_hybrid %s\n", host_hybrid() ? "yes" : "no");
	printf("pmu_vendor %s\n", pmu.amd ? "AMD" : "Intel");
	printf("pmu_version %u\n", pmu.version);
	printf("pmu_counters %u general, %u fixed, %u bits\n", pmu.general,
	       pmu.fixed, pmu.width);
	printf("pmu_mediated %s\n", host_core_capable() ? "yes" : "no");
	printf("pmu_contract %s\n", contract_words());
	if (!file_read("/proc/cmdline", line, sizeof(line)))
		printf("cmdline %s\n", line);
	/* The other vendor's module may be built in, and says nothing. */
	file_facts(pmu.amd ? "/sys/module/kvm_amd/parameters/*"
			   : "/sys/module/kvm_intel/parameters/*");
	for (size_t i = 0; i < LENGTH(telling); i++)
		file_facts(telling[i]);
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
	       contract_words());
	printf("%-12s /dev/kvm %s, enable_pmu %s, enable_mediated_pmu %s\n",
	       "KVM", access("/dev/kvm", R_OK | W_OK) ? "not usable" : "usable",
	       switched(host_kvm_enable_pmu()),
	       switched(host_mediated_parameter()));
	if (other_hypervisor())
		printf("%-12s %s is loaded, and may keep KVM from the CPU\n",
		       "", other_hypervisor());
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

static int report(void)
{
	bool any = false;

	say_cpu();
	say_pmu();
	say_kernel();
	printf("\n");
	for (size_t i = 0; i < LENGTH(parts); i++) {
		const char *missing = host_missing(parts[i].needs);

		any |= i && !missing;
		printf("%-42s %s\n", parts[i].words,
		       missing ? missing : "can run");
	}
	if (host_missing(HOST_NEEDS_CLAIMS | HOST_NEEDS_GUEST_PMU)) {
		printf("\nWhat must change for all of it, and how:\n");
		say_remedies(HOST_NEEDS_CLAIMS | HOST_NEEDS_GUEST_PMU);
	}
	for (size_t i = 0; setting_at(i); i++) {
		if (setting_differs(setting_at(i)))
			printf("\n--fix makes %s %s: %s\n", setting_at(i)->path,
			       setting_at(i)->wanted, setting_at(i)->why);
	}
	return any ? 0 : SKIP_STATUS;
}

static int bad(const char *words, const char *what)
{
	fprintf(stderr, "probe: %s%s\n", words, what);
	return BAD_STATUS;
}

static const char *why(int err)
{
	if (err == EBUSY)
		return "another run is at work";
	if (err == EIO)
		return "they cannot be put back; see --restore";
	return strerror(err);
}

static int with_changes(char **argv)
{
	int err, status = 0;

	if (geteuid())
		return bad("--fix wants root", "");
	err = settings_run(argv, &status);
	return err ? bad("settings: ", why(err)) : status;
}

static int restore(void)
{
	int err = settings_restore();

	return err ? bad("settings: ", why(err)) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return report();
	if (argc == 2 && !strcmp(argv[1], "--facts")) {
		facts();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--restore"))
		return restore();
	if (argc > 3 && !strcmp(argv[1], "--fix") && !strcmp(argv[2], "--"))
		return with_changes(argv + 3);
	return bad(
		"usage: probe [--facts | --restore | --fix -- COMMAND], not ",
		argv[1]);
}
