// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of an event when a VMM is killed with its guest inside: what its
 * vCPU thread counted belongs to the parent (docs/contract/guest.md, M79).
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "beside_guest.h"
#include "base/work.h"

/* Of work(). */
#define OWN_TURNS 20000

/* With a VMM in the child: what its vCPU thread counted before the guest. */
struct vmm {
	volatile uint64_t count, inside_ns;
};

FIXTURE(end_inside)
{
	BESIDE_GUEST;
	int uninherited;
	struct vmm *vmm;
};

FIXTURE_SETUP(end_inside)
{
	BESIDE_GUEST_BEGINS();
	self->uninherited = -1;
	self->vmm = mmap(NULL, sizeof(*self->vmm), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST_BE(self->vmm != MAP_FAILED);
}

FIXTURE_TEARDOWN(end_inside)
{
	if (self->uninherited >= 0)
		close(self->uninherited);
	munmap(self->vmm, sizeof(*self->vmm));
	BESIDE_GUEST_ENDS();
}

/* A task that has one swaps its context with no child's. */
static int open_uninherited(void)
{
	return event_try_open_core(EVENT_EXCLUDES_GUEST | EVENT_USER_ONLY, SELF,
				   ANY_CPU, NO_GROUP);
}

static void count_own_work(void *arg)
{
	struct vmm *vmm = arg;
	struct event_value own;
	int fd = open_uninherited();

	work(OWN_TURNS);
	vmm->count = fd < 0 || event_read(fd, &own) ? 0 : own.count;
}

static void enter_and_be_killed(struct vmm *vmm)
{
	struct deadline deadline = deadline_after_ms(patience_ms());
	struct guest guest = { 0 };

	guest_create(&guest, guest_code_spin, GUEST_CPU);
	guest_call(&guest, count_own_work, vmm);
	guest_go(&guest);
	vmm->inside_ns = guest_time_inside(&guest, INSIDE_NS, &deadline);
	kill(getpid(), SIGKILL);
}

/* Of the guest's CPU, where nothing else of parent and child runs. */
TEST_F(end_inside, M79_the_parent_has_what_a_vcpu_thread_counted)
{
	struct event_value from, to;
	struct perf_event_attr attr;
	int status = 0;
	pid_t pid;

	/* The event itself stays here. */
	self->uninherited = open_uninherited();
	MUST_BE(self->uninherited >= 0);
	MUST(event_describe(&attr, PMU_CORE));
	attr.exclude_guest = 1;
	attr.exclude_kernel = 1;
	attr.inherit = 1;
	self->fd = event_try_open(&attr, SELF, GUEST_CPU, NO_GROUP);
	MUST_BE(self->fd >= 0 && !event_read(self->fd, &from));
	pid = fork();
	if (!pid)
		enter_and_be_killed(self->vmm);
	MUST_BE(pid > 0 && waitpid(pid, &status, 0) == pid);
	MUST_BE(status == SIGKILL && !event_read(self->fd, &to));
	self->s.host_work = (int64_t)self->vmm->count;
	self->s.guest_min_ns = (int64_t)self->vmm->inside_ns;
	self->o.counted_after = (int64_t)(to.count - from.count);
	JUDGE("M79", &self->s, &self->o);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv,
			 HOST_NEEDS_GUEST_PMU | HOST_NEEDS_STEADY_CLOCK);
}
