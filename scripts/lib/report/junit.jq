# SPDX-License-Identifier: GPL-2.0-only
# JUnit XML. It has no word for "known": such a case is skipped there, with the
# defect as the reason, so that it is neither a pass nor news.
include "common";

def details: [.said[]] | join("\n") | text;

def testcase($run):
  "    <testcase classname=\"pmu_passthrough.\($run | text).\(.program | text)\" name=\"\(.case | text)\">",
  ( if .outcome | is_failure then "      <failure type=\"\(.outcome)\" message=\"\(headline | text)\">\(details)</failure>"
    elif .outcome == "broken" then "      <error type=\"broken\" message=\"\(headline | text)\">\(details)</error>"
    elif .outcome == "conforms" then empty
    else "      <skipped message=\"\(.reason | text)\"/>" end ),
  "    </testcase>";

# A run can fail without a case that does: nothing ran, or not to the end.
def run_error($run):
  if run_fails_without_a_case then
    "  <testsuite name=\"\($run | text).run\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">",
    "    <testcase classname=\"pmu_passthrough.\($run | text).run\" name=\"verdict\">",
    "      <error type=\"broken\" message=\"\(if .complete then "the run is \(.verdict): nothing conforms" else "the run did not come to its end" end)\"/>",
    "    </testcase>", "  </testsuite>"
  else empty end;

def suite($run; $program):
  [.cases[] | select(.program == $program)]
  | "  <testsuite name=\"\($run | text).\($program | text)\" tests=\"\(length)\" failures=\"\([.[] | select(.outcome | is_failure)] | length)\" errors=\"\([.[] | select(.outcome == "broken")] | length)\" skipped=\"\([.[] | select(.outcome == "skip" or .outcome == "known")] | length)\">",
    (.[] | testcase($run)),
    "  </testsuite>";

"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
"<testsuites name=\"pmu_passthrough\">",
(.[] | run_name as $run | . as $all | programs[] as $program | $all | suite($run; $program)),
(.[] | run_name as $run | run_error($run)),
"</testsuites>"
