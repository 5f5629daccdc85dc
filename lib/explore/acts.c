// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../contract/act_list.h"
#include "acts.h"
#include "acts_own.h"

#define CGROUP "/sys/fs/cgroup/pmu-explore"
#define ONLINE "/sys/devices/system/cpu/cpu1/online"

static bool was_online;

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static int events[ACT_EVENTS];
static int cgroup_fd = -1;
static pid_t self;

static void make_cgroup(void)
{
	if (!mkdir(CGROUP, 0755) || errno == EEXIST)
		cgroup_fd = open(CGROUP, O_RDONLY | O_CLOEXEC);
}

void acts_begin(void)
{
	FILE *file;

	self = getpid();
	run_on(0);
	for (int i = 0; i < ACT_EVENTS; i++)
		events[i] = -1;
	file = fopen(ONLINE, "re");
	was_online = file && fgetc(file) == '1';
	if (file)
		fclose(file);
	make_cgroup();
	guests_begin();
}

void acts_end(void)
{
	rmdir(CGROUP);
	if (was_online)
		write_file(ONLINE, "1");
}

bool acts_have_cgroup(void)
{
	return cgroup_fd >= 0;
}

/* User space only: what the kernel does for it is not the event's business. */
int act_open(int slot, int target, int leader, unsigned int flags)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = flags & ACT_SOFTWARE ? PERF_TYPE_SOFTWARE
					     : PERF_TYPE_HARDWARE,
		.config = flags & ACT_SOFTWARE ? PERF_COUNT_SW_DUMMY
					       : PERF_COUNT_HW_INSTRUCTIONS,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
		.exclude_kernel = 1,
		.exclude_guest = !!(flags & ACT_EXCLUDE_GUEST),
		.disabled = !!(flags & ACT_DISABLED),
		.pinned = !!(flags & ACT_PINNED),
		.inherit = !!(flags & ACT_INHERIT),
		.remove_on_exec = !!(flags & ACT_REMOVE_ON_EXEC),
		.sample_period = flags & ACT_THROTTLED ? ACT_SHORT_PERIOD
				 : flags & ACT_SAMPLES ? ACT_PERIOD
						       : 0,
	};
	unsigned long open_flags = PERF_FLAG_FD_CLOEXEC;
	pid_t pid = -1;
	int cpu = -1;

	switch (target) {
	case ON_SELF:
		pid = self;
		break;
	case ON_VCPU:
		pid = guest_tid(0);
		break;
	case ON_CGROUP0:
	case ON_CGROUP1:
		open_flags |= PERF_FLAG_PID_CGROUP;
		pid = cgroup_fd;
		cpu = target - ON_CGROUP0;
		break;
	default:
		cpu = target - ON_CPU0;
	}
	events[slot] = (int)syscall(SYS_perf_event_open, &attr, pid, cpu,
				    leader == NO_LEADER ? -1 : events[leader],
				    open_flags);
	return events[slot] < 0 ? errno : 0;
}

int act_probe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, self, -1, -1,
			      PERF_FLAG_FD_CLOEXEC);
	int err = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

void act_close(int slot)
{
	must(!close(events[slot]), "close()");
	events[slot] = -1;
}

static void ask(int slot, unsigned long request, unsigned long arg,
		const char *what)
{
	must(!ioctl(events[slot], request, arg), what);
}

void act_enable(int slot)
{
	ask(slot, PERF_EVENT_IOC_ENABLE, 0, "ENABLE");
}

void act_disable(int slot)
{
	ask(slot, PERF_EVENT_IOC_DISABLE, 0, "DISABLE");
}

void act_reset(int slot)
{
	ask(slot, PERF_EVENT_IOC_RESET, 0, "RESET");
}

void act_enable_group(int slot)
{
	ask(slot, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP, "ENABLE");
}

void act_disable_group(int slot)
{
	ask(slot, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP, "DISABLE");
}

void act_reset_group(int slot)
{
	ask(slot, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP, "RESET");
}

void act_refresh(int slot)
{
	ask(slot, PERF_EVENT_IOC_REFRESH, 1, "REFRESH");
}

void act_look(int slot, struct seen *seen)
{
	uint64_t words[3] = { 0 };
	ssize_t got = read(events[slot], words, sizeof(words));

	must(got == 0 || got == sizeof(words), "read()");
	*seen = (struct seen){ got == 0, words[0], words[1], words[2] };
}

/* Two instructions a turn. */
void act_work(void)
{
	unsigned long turns = ACT_WORK / 2;

	asm volatile("1: dec %0; jnz 1b" : "+r"(turns));
}

static int wait_child(pid_t child)
{
	int err = child < 0 ? errno : 0, status;

	if (!err)
		must(waitpid(child, &status, 0) == child && !status,
		     "the child");
	return err;
}

int act_fork(void)
{
	pid_t child = fork();

	if (!child) {
		act_work();
		_exit(0);
	}
	return wait_child(child);
}

int act_exec(void)
{
	pid_t child = fork();

	if (!child) {
		execl("/bin/true", "true", NULL);
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	}
	return wait_child(child);
}

void act_move(int cpu)
{
	run_on(cpu);
}

void act_cgroup(int in)
{
	must(write_file(in ? CGROUP "/cgroup.procs"
			   : "/sys/fs/cgroup/cgroup.procs",
			"0"),
	     "cgroup.procs");
}

/* Events of the one that is removed stay open. */
void act_remake(void)
{
	act_cgroup(0);
	close(cgroup_fd);
	cgroup_fd = -1;
	must(!rmdir(CGROUP), "rmdir()");
	make_cgroup();
	must(cgroup_fd >= 0, CGROUP);
}

void act_hotplug(void)
{
	must(write_file(ONLINE, "0") && write_file(ONLINE, "1"), ONLINE);
}
