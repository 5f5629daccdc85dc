// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cpu.h"
#include "../base/delay.h"
#include "../base/timeline.h"
#include "../base/work.h"
#include "../perf/event.h"
#include "guest.h"
#include "guest_parts.h"

/* What OUT to GUEST_PORT wants of user space is to be entered again. */
static bool wants_port(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.port == GUEST_PORT;
}

/* What GUEST_JUMP reads, which is no memory. */
static bool answers_nowhere(struct guest *guest, struct kvm_run *run)
{
	const uint64_t landing = guest->script->landing;

	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.is_write ||
	    run->mmio.phys_addr != GUEST_NOWHERE ||
	    run->mmio.len != sizeof(landing))
		return false;
	memcpy(run->mmio.data, &landing, sizeof(landing));
	return true;
}

/*
 * Not vcpu_run(): it asks strerror() each time, whose lock costs a thread more
 * instructions when another asks too, and host events count those.
 */
static bool enter_once(struct guest *guest)
{
	struct kvm_vcpu *vcpu = guest->parts->vcpu;
	struct ucall uc;
	uint64_t cmd;

	do {
		timeline_note(TIMELINE_GUEST_IN, guest->tid, 0);
		TEST_ASSERT(!_vcpu_run(vcpu), "KVM_RUN failed");
		timeline_note(TIMELINE_GUEST_OUT, guest->tid, 0);
	} while (wants_port(vcpu->run) || answers_nowhere(guest, vcpu->run));
	cmd = get_ucall(vcpu, &uc);
	TEST_ASSERT(
		cmd == UCALL_SYNC || cmd == UCALL_DONE,
		"the guest code failed at heartbeat %lu, step %lu: ucall %lu, exit reason %u (%s)",
		(unsigned long)guest->record->heartbeat,
		(unsigned long)guest->script->done, (unsigned long)cmd,
		vcpu->run->exit_reason,
		exit_reason_str(vcpu->run->exit_reason));
	return cmd == UCALL_SYNC;
}

static void run_guest_code(struct guest *guest)
{
	if (guest->before)
		guest->before(guest->arg);
	while (enter_once(guest))
		;
	if (guest->after)
		guest->after(guest->arg);
}

static long switches_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/*
 * A number of a line of another thread's /proc/PID/status, which begins with
 * @name; -1 if there is none.
 */
static long status_of(pid_t tid, const char *name)
{
	char path[64], line[128];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && number < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			number = strtol(line + strlen(name), NULL, 10);
	}
	if (file)
		fclose(file);
	return number;
}

/* The same of another thread. */
static long switches_of(pid_t tid)
{
	return status_of(tid, "voluntary_ctxt_switches:");
}

static void *vcpu_thread(void *arg)
{
	struct guest *guest = arg;
	struct guest_parts *parts = guest->parts;

	TEST_ASSERT(!cpu_pin_self(guest->cpu), "cannot run on CPU %d",
		    guest->cpu);
	guest->tid = (pid_t)syscall(SYS_gettid);
	sem_post(&parts->known);
	for (;;) {
		sem_wait(&parts->asked);
		if (parts->order == ORDER_LEAVE)
			return NULL;
		if (parts->order == ORDER_GO)
			run_guest_code(guest);
		else if (parts->order == ORDER_STEP)
			enter_once(guest);
		else
			parts->code(parts->arg);
		parts->switches = switches_so_far();
		sem_post(&parts->done);
	}
}

static void ask(struct guest *guest, enum order order)
{
	delay_at_witness();
	guest->parts->order = order;
	guest->parts->busy = true;
	sem_post(&guest->parts->asked);
}

/* Signals are for watchers of events: they do not end the waiting. */
static bool wait_done(struct guest *guest, unsigned int ms)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000 + 1;
	do {
		err = sem_timedwait(&guest->parts->done, &until) ? errno : 0;
	} while (err == EINTR);
	if (!err)
		guest->parts->busy = false;
	return !err;
}

/* The VM may be gone already, and its record with it: it is not looked at. */
static void ask_and_wait(struct guest *guest, enum order order)
{
	ask(guest, order);
	if (!wait_done(guest, patience_ms()))
		TEST_FAIL(
			"the guest hangs at heartbeat %lu, step %lu of its script",
			(unsigned long)guest->record->heartbeat,
			(unsigned long)guest->script->done);
}

static void start_thread(struct guest *guest, struct guest_parts *parts,
			 int cpu)
{
	guest->parts = parts;
	guest->cpu = cpu;
	guest->record = addr_gva2hva(parts->vm, (gva_t)&guest_record);
	guest->script = addr_gva2hva(parts->vm, (gva_t)&guest_script);
	/* The first look at the statistics opens their file: not later. */
	guest_exits_count(guest);
	sem_init(&parts->known, 0, 0);
	sem_init(&parts->asked, 0, 0);
	sem_init(&parts->done, 0, 0);
	TEST_ASSERT(!pthread_create(&parts->thread, NULL, vcpu_thread, guest),
		    "no thread for the vCPU");
	sem_wait(&parts->known);
}

void guest_create(struct guest *guest, void (*code)(void), int cpu)
{
	struct guest_parts *parts = calloc(1, sizeof(*parts));

	TEST_ASSERT(parts, "out of memory");
	parts->vm = vm_create_with_one_vcpu(&parts->vcpu, code);
	start_thread(guest, parts, cpu);
}

void guest_create_without_pmu(struct guest *guest, void (*code)(void), int cpu)
{
	struct guest_parts *parts = calloc(1, sizeof(*parts));

	TEST_ASSERT(parts, "out of memory");
	parts->vm = vm_create(1);
	vm_enable_cap(parts->vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	parts->vcpu = vm_vcpu_add(parts->vm, 0, code);
	start_thread(guest, parts, cpu);
}

void guest_go(struct guest *guest)
{
	guest->record->stop = 0;
	guest->record->ended = 0;
	ask(guest, ORDER_GO);
}

/*
 * The switch is counted with interrupts off, on the way out: an interrupt that
 * is sent once it can be seen finds the thread gone (__schedule()).
 */
bool guest_settle(struct guest *guest, unsigned int ms)
{
	struct deadline deadline = deadline_after_ms(ms);

	while (switches_of(guest->tid) <= guest->parts->switches) {
		if (deadline_passed(&deadline))
			return false;
	}
	return true;
}

bool guest_stop(struct guest *guest, unsigned int ms)
{
	guest->record->stop = 1;
	if (!wait_done(guest, ms))
		return false;
	return guest_settle(guest, ms) && guest->record->ended == 1;
}

void guest_enter(struct guest *guest)
{
	enter_once(guest);
}

void guest_step_begins(struct guest *guest)
{
	ask(guest, ORDER_STEP);
}

bool guest_step_ends(struct guest *guest, unsigned int ms)
{
	return wait_done(guest, ms) && guest_settle(guest, ms);
}

uint64_t guest_step(struct guest *guest)
{
	uint64_t exits = guest_exits_count(guest);

	ask_and_wait(guest, ORDER_STEP);
	return guest_exits_count(guest) - exits;
}

void guest_call(struct guest *guest, void (*code)(void *arg), void *arg)
{
	guest->parts->code = code;
	guest->parts->arg = arg;
	ask_and_wait(guest, ORDER_CALL);
}

static void work_turns(void *arg)
{
	work(*(unsigned int *)arg);
}

int64_t guest_gain(struct guest *guest, int fd, unsigned int turns)
{
	struct event_value from, to;

	if (event_read(fd, &from))
		return NOT_KNOWN;
	guest_call(guest, work_turns, &turns);
	if (event_read(fd, &to))
		return NOT_KNOWN;
	return (int64_t)(to.count - from.count);
}

void guest_free_vm(struct guest *guest)
{
	if (guest->parts->vm)
		vcpu_stats_close(guest->parts->vcpu);
	kvm_vm_free(guest->parts->vm);
	guest->parts->vm = NULL;
}

/*
 * A case that was given up may have left the guest inside: it is told to come
 * out, and if it does not, the thread is left behind for the end of the
 * process.
 */
void guest_destroy(struct guest *guest)
{
	/* Both lie in the VM's memory. */
	if (guest->parts->vm) {
		guest->record->stop = 1;
		guest->script->go_on = 1;
	}
	if (guest->parts->busy && !wait_done(guest, patience_ms()))
		return;
	ask(guest, ORDER_LEAVE);
	pthread_join(guest->parts->thread, NULL);
	guest_free_vm(guest);
	free(guest->parts);
	guest->parts = NULL;
}

void guest_visit(struct guest *guest, int cpu)
{
	guest_create(guest, guest_code_exits, cpu);
	guest_step(guest);
	guest_destroy(guest);
}

uint64_t guest_exits_count(struct guest *guest)
{
	return vcpu_get_stat(guest->parts->vcpu, exits);
}

uint64_t guest_interrupts_count(struct guest *guest)
{
	return vcpu_get_stat(guest->parts->vcpu, irq_exits);
}

long guest_switches_count(struct guest *guest)
{
	long waited = switches_of(guest->tid);
	long preempted = status_of(guest->tid, "nonvoluntary_ctxt_switches:");

	return waited < 0 || preempted < 0 ? -1 : waited + preempted;
}

static bool next_heartbeat(struct guest *guest, const struct deadline *deadline)
{
	return wait_at_least(&guest->record->heartbeat,
			     guest->record->heartbeat + 1, deadline);
}

bool guest_inside_once(struct guest *guest, void (*look)(void *arg), void *arg,
		       uint64_t min_ns, const struct deadline *deadline,
		       struct inside *inside)
{
	uint64_t exits = guest_exits_count(guest);
	uint64_t heartbeat, since;

	if (!next_heartbeat(guest, deadline))
		return false;
	heartbeat = guest->record->heartbeat;
	inside->from_ns = now_ns();
	since = timeline_now();
	if (look)
		look(arg);
	delay_at_witness();
	busy_until(inside->from_ns + min_ns);
	inside->to_ns = now_ns();
	if (!next_heartbeat(guest, deadline))
		return false;
	inside->heartbeat = guest->record->heartbeat - heartbeat;
	if (guest_exits_count(guest) != exits)
		return false;
	timeline_note(TIMELINE_INSIDE, guest->cpu, since);
	return true;
}

bool guest_inside(struct guest *guest, void (*look)(void *arg), void *arg,
		  uint64_t min_ns, const struct deadline *deadline,
		  struct inside *inside)
{
	while (!deadline_passed(deadline)) {
		if (guest_inside_once(guest, look, arg, min_ns, deadline,
				      inside))
			return true;
	}
	return false;
}

int64_t guest_errno_inside(struct guest *guest, void (*act)(void *arg),
			   void *arg, const int *err,
			   const struct deadline *deadline)
{
	int succeeded = 0, refused = 0;

	while (!deadline_passed(deadline)) {
		struct inside inside;

		if (guest_inside_once(guest, act, arg, 0, deadline, &inside))
			return *err ? *err : refused;
		if (*err)
			refused = *err;
		else if (++succeeded >= GUEST_TRIES && !refused)
			return 0;
	}
	return NOT_KNOWN;
}

uint64_t guest_time_inside(struct guest *guest, uint64_t enough_ns,
			   const struct deadline *deadline)
{
	uint64_t sum_ns = 0;

	while (sum_ns < enough_ns && !deadline_passed(deadline)) {
		uint64_t exits = guest_exits_count(guest);
		uint64_t from_ns, to_ns, since, before = sum_ns;

		if (!next_heartbeat(guest, deadline))
			break;
		from_ns = now_ns();
		since = timeline_now();
		/* Without an exit, the next stretch begins where one ends. */
		do {
			delay_at_witness();
			to_ns = now_ns();
			if (!next_heartbeat(guest, deadline) ||
			    guest_exits_count(guest) != exits)
				break;
			sum_ns += to_ns - from_ns;
			from_ns = to_ns;
		} while (sum_ns < enough_ns);
		if (sum_ns > before)
			timeline_note(TIMELINE_INSIDE, guest->cpu, since);
	}
	return sum_ns;
}
