/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest is made of. For lib/vm/guest*.c only. */
#ifndef PMU_VM_GUEST_PARTS_H
#define PMU_VM_GUEST_PARTS_H

#include <pthread.h>
#include <semaphore.h>

#include "../../guest_code/kvm_compat.h"

enum order {
	ORDER_GO,
	ORDER_STEP,
	ORDER_CALL,
	ORDER_LEAVE,
};

/*
 * @order, @code and @arg belong to whoever posted @asked, until @done.
 * @busy: an order was given and not seen done
 * @switches: how often the thread had given up its CPU when it was @done
 */
struct guest_parts {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	enum order order;
	void (*code)(void *arg);
	void *arg;
	long switches;
	bool busy;
	sem_t known, asked, done;
};

#endif
