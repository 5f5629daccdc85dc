/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PMU as a part of the state of the machine that is saved and restored.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "migration/cpu.h"

#define PMU_UINT64S(field, n) VMSTATE_UINT64_ARRAY(env.amd_pmu.field, X86CPU, n)
#define PMU_TOTALS(field)                                   \
    VMSTATE_UINT64_2DARRAY(env.amd_pmu.field, X86CPU,       \
                           AMD_PMU_NUM_TOTALS, AMD_PMU_NUM_MODES)

const VMStateDescription vmstate_amd_pmu = {
    .name = "cpu/amd_pmu",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        PMU_UINT64S(ctl, AMD_PMU_NUM_CTRS),
        PMU_UINT64S(ctr, AMD_PMU_NUM_CTRS),
        VMSTATE_UINT64(env.amd_pmu.global_ctl, X86CPU),
        VMSTATE_UINT64(env.amd_pmu.global_status, X86CPU),
        PMU_TOTALS(total),
        PMU_TOTALS(folded),
        PMU_UINT64S(limit, AMD_PMU_NUM_MODES),
        VMSTATE_UINT64(env.amd_pmu.pmi_due, X86CPU),
        VMSTATE_UINT32(env.amd_pmu.inflight, X86CPU),
        VMSTATE_END_OF_LIST()
    }
};
