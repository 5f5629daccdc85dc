/* SPDX-License-Identifier: GPL-2.0-only */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cpu_ldst.h"
#include "tcg/helper-tcg.h"
#include "tcg/svm_nrip.h"

/* Offset of nRIP in the VMCB: APM volume 2, "VMCB Layout, Control Area". */
#define NEXT_RIP 0xc8

/*
 * Only instructions without operands, as written without prefixes: their length
 * is known from the opcode. For any other the field is 0, and whoever wants to
 * skip it has to decode it.
 */
static const struct {
    uint64_t exit_code;
    uint8_t length;
    uint8_t opcode[3];
} known[] = {
    { SVM_EXIT_MSR, 2, { 0x0f, 0x30 } },
    { SVM_EXIT_MSR, 2, { 0x0f, 0x32 } },
    { SVM_EXIT_RDPMC, 2, { 0x0f, 0x33 } },
    { SVM_EXIT_CPUID, 2, { 0x0f, 0xa2 } },
    { SVM_EXIT_INVD, 2, { 0x0f, 0x08 } },
    { SVM_EXIT_WBINVD, 2, { 0x0f, 0x09 } },
    { SVM_EXIT_HLT, 1, { 0xf4 } },
    { SVM_EXIT_VMRUN, 3, { 0x0f, 0x01, 0xd8 } },
    { SVM_EXIT_VMMCALL, 3, { 0x0f, 0x01, 0xd9 } },
};

static bool is_here(CPUX86State *env, const uint8_t *opcode, int length)
{
    for (int i = 0; i < length; i++) {
        if (cpu_ldub_code(env, env->segs[R_CS].base + env->eip + i) !=
            opcode[i]) {
            return false;
        }
    }
    return true;
}

void svm_save_next_rip(CPUX86State *env, uint64_t exit_code)
{
    uint64_t next = 0;

    for (size_t i = 0; i < ARRAY_SIZE(known) && !next; i++) {
        if (known[i].exit_code == exit_code &&
            is_here(env, known[i].opcode, known[i].length)) {
            next = env->eip + known[i].length;
        }
    }
    x86_stq_phys(env_cpu(env), env->vm_vmcb + NEXT_RIP, next);
}

target_ulong svm_injected_next_eip(CPUX86State *env)
{
    uint64_t next = x86_ldq_phys(env_cpu(env), env->vm_vmcb + NEXT_RIP);

    return next ? next : env->eip;
}

target_ulong svm_injected_eip(CPUX86State *env, int vector)
{
    bool trap = vector == EXCP03_INT3 || vector == EXCP04_INTO;

    return trap ? svm_injected_next_eip(env) : env->eip;
}
