// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../perf/cpu.h"
#include "guest.h"
#include "kvm_compat.h"

struct guest_parts {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	sem_t known, go, over;
};

static void run_payload(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	do {
		vcpu_run(vcpu);
	} while (get_ucall(vcpu, &uc) == UCALL_SYNC);
	TEST_ASSERT(uc.cmd == UCALL_DONE, "the payload did not end: ucall %lu",
		    (unsigned long)uc.cmd);
}

static void *vcpu_thread(void *arg)
{
	struct guest *guest = arg;

	TEST_ASSERT(!cpu_pin_self(guest->cpu), "cannot run on CPU %d",
		    guest->cpu);
	guest->tid = (pid_t)syscall(SYS_gettid);
	sem_post(&guest->parts->known);
	sem_wait(&guest->parts->go);
	if (guest->before)
		guest->before(guest->arg);
	run_payload(guest->parts->vcpu);
	if (guest->after)
		guest->after(guest->arg);
	sem_post(&guest->parts->over);
	return NULL;
}

void guest_create(struct guest *guest, void (*payload)(void), int cpu)
{
	struct guest_parts *parts = calloc(1, sizeof(*parts));

	TEST_ASSERT(parts, "out of memory");
	guest->parts = parts;
	guest->cpu = cpu;
	parts->vm = vm_create_with_one_vcpu(&parts->vcpu, payload);
	guest->record = addr_gva2hva(parts->vm, (gva_t)&guest_record);
	/* The first look at the statistics opens their file: not later. */
	guest_exits_count(guest);
	sem_init(&parts->known, 0, 0);
	sem_init(&parts->go, 0, 0);
	sem_init(&parts->over, 0, 0);
	TEST_ASSERT(!pthread_create(&parts->thread, NULL, vcpu_thread, guest),
		    "no thread for the vCPU");
	sem_wait(&parts->known);
}

void guest_go(struct guest *guest)
{
	sem_post(&guest->parts->go);
}

bool guest_stop(struct guest *guest, unsigned int ms)
{
	struct timespec until;

	guest->record->stop = 1;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000 + 1;
	if (sem_timedwait(&guest->parts->over, &until))
		return false;
	pthread_join(guest->parts->thread, NULL);
	return guest->record->ended == 1;
}

void guest_destroy(struct guest *guest)
{
	kvm_vm_free(guest->parts->vm);
	free(guest->parts);
	guest->parts = NULL;
}

uint64_t guest_exits_count(struct guest *guest)
{
	return vcpu_get_stat(guest->parts->vcpu, exits);
}

static bool next_beat(struct guest *guest, const struct deadline *deadline)
{
	return wait_at_least(&guest->record->beats, guest->record->beats + 1,
			     deadline);
}

bool guest_inside(struct guest *guest, void (*look)(void *arg), void *arg,
		  uint64_t min_ns, const struct deadline *deadline,
		  struct inside *inside)
{
	while (!deadline_passed(deadline)) {
		uint64_t exits = guest_exits_count(guest);
		uint64_t beats;

		if (!next_beat(guest, deadline))
			return false;
		beats = guest->record->beats;
		inside->from_ns = now_ns();
		if (look)
			look(arg);
		do {
			inside->to_ns = now_ns();
		} while (inside->to_ns - inside->from_ns < min_ns);
		if (!next_beat(guest, deadline))
			return false;
		inside->beats = guest->record->beats - beats;
		if (guest_exits_count(guest) == exits)
			return true;
	}
	return false;
}

uint64_t guest_time_inside(struct guest *guest, uint64_t enough_ns,
			   const struct deadline *deadline)
{
	const uint64_t stretch_ns = 500000;
	struct inside inside;
	uint64_t sum_ns = 0;

	while (sum_ns < enough_ns &&
	       guest_inside(guest, NULL, NULL, stretch_ns, deadline, &inside))
		sum_ns += inside.to_ns - inside.from_ns;
	return sum_ns;
}
