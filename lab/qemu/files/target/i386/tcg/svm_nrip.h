/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next instruction pointer that SVM saves where an instruction was
 * intercepted: AMD64 APM volume 2, "State Saved on Exit" (nRIP). KVM serves an
 * exit in its fast path only with it.
 */
#ifndef SVM_NRIP_H
#define SVM_NRIP_H

/*
 * Store it in the VMCB for the intercept that is about to be taken with
 * @exit_code, or 0 where none is saved; env->eip is the instruction's.
 */
void svm_save_next_rip(CPUX86State *env, uint64_t exit_code);

/* Where a software interrupt returns to that VMRUN injects. */
target_ulong svm_injected_next_eip(CPUX86State *env);

/*
 * The instruction pointer that an injected exception leaves: of #BP and #OF,
 * which are traps, the next one.
 */
target_ulong svm_injected_eip(CPUX86State *env, int vector);

#endif
