// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits in poll() for an event that goes to ERROR (docs/contract/guest.md,
 * M85).
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/deadline.h"
#include "harness/cases.h"
#include "perf/event.h"
#include "perf/group.h"

#define GUEST_CPU 1

FIXTURE(waiter)
{
	struct competitors pinned;
	struct perf_event_mmap_page *page;
	int fd;
};

FIXTURE_SETUP(waiter)
{
	case_begin();
	self->pinned.size = 0;
	self->page = NULL;
	self->fd = -1;
}

FIXTURE_TEARDOWN(waiter)
{
	if (self->page)
		event_unmap(self->page, 1);
	if (self->fd >= 0)
		close(self->fd);
	competitors_close(&self->pinned);
	case_end(_metadata);
}

/*
 * A child that waits for the event; its status is whether it was woken. With a
 * timeout it would look once more at its end, and find the event in ERROR.
 */
static pid_t start_waiter(int fd)
{
	pid_t pid = fork();
	struct pollfd event = { .fd = fd, .events = POLLIN };

	if (!pid)
		_exit(poll(&event, 1, -1) == 1);
	return pid;
}

/* All counters are taken when it is enabled. Returns 0 or an errno. */
static int enable_under_a_waiter(int fd, struct observation *o)
{
	struct deadline deadline;
	struct event_value value;
	pid_t pid = start_waiter(fd);
	int status = 0, err;
	bool gone = false;

	if (pid < 0)
		return errno;
	/* In poll(): it sleeps nowhere else. */
	err = child_falls_asleep(pid, patience_ms()) ? 0 : ETIMEDOUT;
	if (!err && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		err = errno;
	deadline = deadline_after_ms(patience_ms());
	while (!err && !deadline_passed(&deadline) && !gone) {
		gone = waitpid(pid, &status, WNOHANG) == pid;
		sched_yield();
	}
	o->woken = gone && WIFEXITED(status) && WEXITSTATUS(status);
	if (!gone) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	o->eof = !event_read(fd, &value) && value.eof;
	return err;
}

TEST_F(waiter, M85_for_a_pinned_event)
{
	struct scenario s = scenario_unknown;
	struct observation o = observation_unknown;
	struct perf_event_attr attr;

	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.pinned = 1;
	attr.disabled = 1;
	/* Of pinned events the ones that were opened first come first. */
	MUST(competitors_take_counters(&self->pinned, GUEST_CPU));
	self->fd = event_try_open(&attr, ANY_TASK, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0);
	/* Without a ring there is nothing to wait for. */
	self->page = event_map(self->fd, 1);
	MUST_BE(self->page != NULL);
	MUST(enable_under_a_waiter(self->fd, &o));
	s.pinned = 1;
	JUDGE("M85", &s, &o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
