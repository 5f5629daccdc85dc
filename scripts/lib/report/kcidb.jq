# SPDX-License-Identifier: GPL-2.0-only
# KCIDB 5.3. Known defects are failures that an incident ties to an issue.
# $origin, $checkout: as KernelCI granted and numbered them; $suite: the commit;
# $keys: a word for each run that no other run has.
include "common";

def status: { conforms: "PASS", known: "FAIL", violates: "FAIL", undecided: "ERROR",
              broken: "ERROR", skip: "SKIP" }[.];

def slug: gsub("[^a-zA-Z0-9_.-]"; "_");

def build_id($index): "\($origin):pmu_passthrough-build-\($keys[$index])";
def test_id($index): "\($origin):pmu_passthrough-\($keys[$index])-\(.program | slug).\(.case | slug)";
def defect: .reason | sub("^known "; "") | split(" ")[0];
def issue_id: "\($origin):pmu_passthrough-\(defect | slug)";

def build($index):
  { id: build_id($index), origin: $origin, checkout_id: "\($origin):\($checkout)",
    architecture: "x86_64", status: "PASS",
    misc: { kernel: .kernel_image, release: (.facts.release // "") } };

def test($run; $index):
  { id: test_id($index), origin: $origin, build_id: build_id($index),
    path: "kselftest.pmu_passthrough.\($run.contract | slug).\(.program | slug).\(.case | slug)",
    status: (.outcome | status),
    environment: { comment: "\($run.machine), \($run.cpus) CPUs" },
    misc: ({ rules: .rules, outcome: .outcome, contract: $run.contract, suite: $suite }
      + (if .reason != "" then { reason: .reason } else {} end)) }
  + (if .outcome == "conforms" or .outcome == "skip" then {}
     else { log_excerpt: ([.said[]] | join("\n") | .[0:16384]) } end);

. as $runs
| [range(length)] as $indices
| { version: { major: 5, minor: 3 },
    checkouts: [{ id: "\($origin):\($checkout)", origin: $origin }],
    builds: [$indices[] as $i | $runs[$i] | build($i)],
    tests: [$indices[] as $i | $runs[$i] as $run | $run.cases[] | test($run; $i)],
    issues: ([$runs[].cases[] | select(.outcome == "known")
      | { id: issue_id, version: 1, origin: $origin, comment: headline, culprit: { code: true } }] | unique_by(.id)),
    incidents: [$indices[] as $i | $runs[$i].cases[] | select(.outcome == "known")
      | { id: (test_id($i) + "-known"), origin: $origin, issue_id: issue_id, issue_version: 1,
          test_id: test_id($i), present: true }] }
