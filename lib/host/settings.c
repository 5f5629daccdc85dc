// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/file.h"
#include "guardian.h"
#include "put_back.h"
#include "host.h"
#include "settings.h"

#define MEDIATED "enable_mediated_pmu"

/*
 * Root may open any event, whatever perf_event_paranoid says, so that is left
 * alone.
 */
static const struct setting settings[] = {
	{ "/proc/sys/kernel/nmi_watchdog", "0",
	  "its events include the guest and exclude mediated VMs" },
	{ "/proc/sys/kernel/perf_cpu_time_max_percent", "0",
	  "or a busy machine lowers the sampling rate meanwhile" },
};

const struct setting *setting_at(size_t index)
{
	return index < sizeof(settings) / sizeof(*settings) ? &settings[index]
							    : NULL;
}

bool setting_differs(const struct setting *setting)
{
	char now[64];

	return !file_read(setting->path, now, sizeof(now)) &&
	       strcmp(now, setting->wanted);
}

static int change(const struct setting *setting)
{
	char now[64];
	int err = file_read(setting->path, now, sizeof(now));

	if (!err)
		err = guardian_keep(setting->path);
	if (!err)
		err = file_write(setting->path, setting->wanted);
	if (err)
		printf("cannot change %s: %s\n", setting->path, strerror(err));
	else
		printf("changed %s from %s to %s: %s\n", setting->path, now,
		       setting->wanted, setting->why);
	return err;
}

/* All parameters of @module, as options that give it the values of now. */
static int options_of(const char *module, char *options, size_t size)
{
	char pattern[64], value[128];
	size_t used = 0;
	glob_t files;

	*options = 0;
	snprintf(pattern, sizeof(pattern), "/sys/module/%s/parameters/*",
		 module);
	if (glob(pattern, 0, NULL, &files))
		return ENOENT;
	for (size_t i = 0; i < files.gl_pathc && used < size; i++) {
		const char *path = files.gl_pathv[i];

		/* What is not set reads as this. */
		if (!file_read(path, value, sizeof(value)) && *value &&
		    !strchr(value, ' ') && strcmp(value, "(null)"))
			used += (size_t)snprintf(options + used, size - used,
						 "%s%s=%s", used ? " " : "",
						 strrchr(path, '/') + 1, value);
	}
	globfree(&files);
	return used < size ? 0 : E2BIG;
}

/*
 * A module that is loaded can be loaded again; one that is built in cannot.
 * Only the vendor's: kvm itself keeps its parameters.
 */
static int load_mediated(char *module)
{
	char *unload[] = { "rmmod", module, NULL };
	char *load[] = { "modprobe", module, MEDIATED "=1", NULL };
	char path[64], options[GUARDIAN_LINE / 2];
	int err;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	if (access(path, F_OK)) {
		printf("cannot change " MEDIATED
		       ": %s is built in; boot with %s." MEDIATED "=1\n",
		       module, module);
		return 0;
	}
	err = options_of(module, options, sizeof(options));
	if (err)
		return err;
	if (tool_run(unload)) {
		printf("cannot unload %s: is a VM running?\n", module);
		return 0;
	}
	err = guardian_keep_module(module, options);
	if (!err)
		err = tool_run(load);
	if (err || host_mediated_parameter() != 1)
		printf("%s does not take " MEDIATED "=1: see \"mediated\"\n",
		       module);
	else
		printf("changed " MEDIATED " of %s from N to Y\n", module);
	return err;
}

static int change_all(void)
{
	int err = 0;

	for (size_t i = 0; !err && setting_at(i); i++) {
		if (setting_differs(setting_at(i)))
			err = change(setting_at(i));
	}
	if (!err && !host_mediated_parameter())
		err = load_mediated(cpu_is_amd() ? "kvm_amd" : "kvm_intel");
	fflush(stdout);
	return err;
}

static void tell(const char *line)
{
	printf("put back %s\n", line);
	fflush(stdout);
}

int settings_run(char **argv, int *status)
{
	fflush(stdout);
	return guardian_run(change_all, argv, tell, status);
}

int settings_restore(void)
{
	int err = guardian_restore(GUARDIAN_CASES, tell);

	return err ? err : guardian_restore(GUARDIAN_HOST, tell);
}
