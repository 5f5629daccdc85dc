// SPDX-License-Identifier: GPL-2.0-only
/* The rules of the contract, one a line: id, sentence, source, document, with
 * tabs. */
#include <stdio.h>

#include "../contract/contract.h"

int main(void)
{
	const struct rule *rule;

	for (size_t i = 0; (rule = contract_rule_at(i)); i++)
		printf("%s\t%s\t%s\t%s\n", rule->id, rule->words, rule->source,
		       rule->document);
	return 0;
}
