# SPDX-License-Identifier: GPL-2.0-only
# A line for LAVA's dispatcher a case, as lava-test-case prints it. LAVA knows four
# results; "unknown" is the one for a known defect: it is no pass and no news.
include "common";

def result: { conforms: "pass", known: "unknown", violates: "fail", undecided: "fail",
              broken: "fail", skip: "skip" }[.];

def id: gsub("[^a-zA-Z0-9_.-]"; "_");

def signal($name; $result): "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=\($name) RESULT=\($result)>";

.[] | (.contract | id) as $contract
| (.cases[] | signal("\($contract).\(.program | id).\(.case | id)"; .outcome | result)),
  (if run_fails_without_a_case then signal("\($contract).run.verdict"; "fail") else empty end)
