// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "../base/deadline.h"
#include "../base/file.h"

#define LEAVE_MS 2000

static int find_mount(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int err = ENOENT;

	if (!mounts)
		return errno;
	while (err && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		snprintf(path, size, "%s", mount->mnt_dir);
		err = 0;
	}
	endmntent(mounts);
	return err;
}

/*
 * An event of software, which any kernel has that has events of a cgroup.
 * Returns 0, ENOENT if it has none (then EINVAL) or has them of another
 * hierarchy (ENOENT), or another errno.
 */
static int try_event(const struct cgroup *cgroup)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};
	int fd = cgroup_try_open_event(cgroup, &attr, sched_getcpu());

	if (fd < 0)
		return fd == -EINVAL ? ENOENT : -fd;
	close(fd);
	return 0;
}

int cgroup_try_make(struct cgroup *cgroup, const char *name)
{
	char root[128];
	int err = find_mount(root, sizeof(root));

	cgroup->fd = -1;
	if (err)
		return err;
	snprintf(cgroup->path, sizeof(cgroup->path), "%s/%s-%d", root, name,
		 (int)getpid());
	if (mkdir(cgroup->path, 0700))
		return errno == EROFS || errno == EACCES ? ENOENT : errno;
	cgroup->fd = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = cgroup->fd < 0 ? errno : try_event(cgroup);
	if (!err)
		return 0;
	if (cgroup->fd >= 0)
		close(cgroup->fd);
	cgroup->fd = -1;
	rmdir(cgroup->path);
	return err;
}

static int move_here(const char *folder)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	return file_write(path, "0");
}

int cgroup_enter(const struct cgroup *cgroup)
{
	return move_here(cgroup->path);
}

int cgroup_enter_root(void)
{
	char root[128];

	return find_mount(root, sizeof(root)) ?: move_here(root);
}

void cgroup_leave_and_remove(struct cgroup *cgroup)
{
	struct deadline deadline = deadline_after_ms(LEAVE_MS);

	if (cgroup->fd < 0)
		return;
	close(cgroup->fd);
	cgroup->fd = -1;
	cgroup_enter_root();
	/* A thread that was joined may still be on its way out. */
	while (rmdir(cgroup->path) && errno == EBUSY &&
	       !deadline_passed(&deadline))
		sched_yield();
}

int cgroup_try_open_event(const struct cgroup *cgroup,
			  const struct perf_event_attr *attr, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, cgroup->fd, cpu, NO_GROUP,
			  PERF_FLAG_FD_CLOEXEC | PERF_FLAG_PID_CGROUP);

	return fd < 0 ? -errno : (int)fd;
}
