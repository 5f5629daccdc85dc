# SPDX-License-Identifier: GPL-2.0-only
# A line for LAVA's dispatcher a case, as lava-test-case prints it. LAVA knows four
# results; "unknown" is the one for a known defect: it is no pass and no news.
include "common";

def result: { conforms: "pass", known: "unknown", violates: "fail", undecided: "fail",
              broken: "fail", skip: "skip" }[.];

def id: gsub("[^a-zA-Z0-9_.-]"; "_");

.[] | .contract as $contract | .cases[]
| "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=\($contract | id).\(.program | id).\(.case | id) RESULT=\(.outcome | result)>"
