// SPDX-License-Identifier: GPL-2.0-only
/* Ask everything, leave with the verdict. */
#include "payload.h"

int main(void);

int main(void)
{
	machine_init();
	report_plan();
	test_registers();
	test_counting();
	test_modes();
	test_overflow();
	test_svm();
	test_asid();
	test_smp();
	test_saved();
	/* A status that no failing emulator has: 2 * 42 + 1. */
	machine_exit(report_end() ? 1 : 42);
}
