// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "guardian.h"
#include "../base/file.h"
#include "watchdog.h"

#define NMI_WATCHDOG "/proc/sys/kernel/nmi_watchdog"

static pid_t program;

int watchdog_state(void)
{
	return (int)file_number(NMI_WATCHDOG, -1);
}

int watchdog_on(void)
{
	int err = file_write(NMI_WATCHDOG, "1");

	if (err)
		return err == ENOENT ? ENODEV : err;
	return watchdog_state() == 1 ? 0 : ENODEV;
}

int watchdog_off(void)
{
	return file_write(NMI_WATCHDOG, "0");
}

/* Cases are children that inherit this; it is not for them. */
static void off_at_exit(void)
{
	if (getpid() == program)
		watchdog_off();
}

int watchdog_back_at_exit(void)
{
	int err = guardian_start();

	if (!err && watchdog_state() >= 0)
		err = guardian_keep(NMI_WATCHDOG);
	program = getpid();
	atexit(off_at_exit);
	return err;
}
