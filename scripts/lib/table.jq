# SPDX-License-Identifier: GPL-2.0-only
# Some results.json as text: one line a rule of each contract, then what needs a
# person's attention, then the totals. $words maps rules to sentences.

include "common";

def pad($width): . + (" " * ([$width - length, 1] | max));

# What needs a person's attention stands out.
def verdict($rows):
  [$rows[].outcome] | worst
  | if IN("violates", "broken", "undecided") then ascii_upcase else . end;

def rule_lines:
  . as $run
  | [.cases[] | . as $case | .rules[] | { rule: ., outcome: outcome_of($case; .) }]
  | group_by(.rule) | sort_by(.[0].rule | rank)
  | .[]
  | ($run.contract | pad(13)) + (.[0].rule | pad(6)) + (verdict(.) | pad(11))
    + ((length | tostring) | pad(4)) + ($words[.[0].rule] // "");

def attention:
  .cases[] | select(.outcome == "violates" or .outcome == "broken" or .outcome == "undecided")
  | "\(.outcome) \(.program):\(.case)" + (if .reason != "" then ": " + .reason else "" end),
    # The drawing in the page says it better.
    (.said[] | select(startswith("#   timeline ") | not) | "  " + .);

def known_lines:
  [.cases[] | select(.outcome == "known") | { defect: (.reason | sub("^known "; "")), case: "\(.program):\(.case)" }]
  | group_by(.defect) | .[] | "known  \(.[0].defect)  " + (map(.case) | join(", "));

def skip_lines:
  [.cases[] | select(.outcome == "skip")] | group_by(.reason) | .[]
  | "skip   \(.[0].reason): "
    + (if length > 4 then "\(length) cases, \(map(.program) | unique | join(", "))"
       else (map("\(.program):\(.case)") | join(", ")) end);

def details:
  "\(.machine), Linux \(.facts.release // "?"), contract \(.contract)"
    + (if (.fault // "") != "" then ", broken by \(.fault)" else "" end) + ":",
  known_lines,
  skip_lines,
  (.stale[] | "stale  \(.defect) (\(.rule)) did not show on this kernel: narrow or remove its entry in configs/known"),
  attention;

( "contract     rule  verdict    cases"
, (.[] | rule_lines)
, ""
, (.[] | details)
, (.[] | "\(.machine), Linux \(.facts.release // "?"), contract \(.contract): \(.verdict)")
, ((map(.totals.conforms) | add | tostring) + " passed, "
   + (map(.totals.violates + .totals.broken + .totals.undecided) | add | tostring) + " failed, "
   + (map(.totals.skip) | add | tostring) + " skipped")
)
