// SPDX-License-Identifier: GPL-2.0-only
#include "work.h"

void work(unsigned int turns)
{
	for (volatile unsigned int turn = 0; turn < turns; turn++)
		;
}
