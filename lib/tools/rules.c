// SPDX-License-Identifier: GPL-2.0-only
/* The rules of the contract, one a line: id, tab, sentence. For the table. */
#include <stdio.h>

#include "../contract/contract.h"

int main(void)
{
	for (size_t i = 0; i < contract_rules_count; i++)
		printf("%s\t%s\n", contract_rules[i].id,
		       contract_rules[i].words);
	return 0;
}
