// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that shuts down, or never comes back, in the middle of its script:
 * what the suite says then. For scripts/tests/lab/guest.bats.
 */
#include <stdio.h>
#include <string.h>

#include "../vm/script.h"

int main(int argc, char **argv)
{
	struct guest guest;

	if (argc != 2 ||
	    (strcmp(argv[1], "dies") && strcmp(argv[1], "hangs"))) {
		fprintf(stderr, "usage: broken dies|hangs\n");
		return 2;
	}
	script_guest_create(&guest, 0);
	script_do(&guest, GUEST_WORK, 10);
	script_do(&guest, GUEST_OUT, 1);
	script_do(&guest, strcmp(argv[1], "dies") ? GUEST_PAUSE : GUEST_DIE, 1);
	script_run(&guest);
	return 0;
}
