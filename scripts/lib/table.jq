# SPDX-License-Identifier: GPL-2.0-only
# Some results.json as text: one line a rule of each contract, with a column a
# machine, then what needs a person's attention, then the totals. $words maps
# rules to sentences.

include "common";

def pad($width): . + (" " * ([$width - length, 1] | max));

# What needs a person's attention stands out.
def verdict($rows):
  [$rows[].outcome] | worst
  | if IN("violates", "broken", "undecided") then ascii_upcase else . end;

# A column a machine; another run of the same contract there has one of its own.
def told_apart:
  . as $runs | [range(length) | . as $at | $runs[$at]
    | ([$runs[:$at][] | select(.machine == $runs[$at].machine and .contract == $runs[$at].contract)] | length) as $before
    | if $before > 0 then .machine += " \($before + 1)" else . end];

def machines: map(.machine) | unique;

# What each run says of each rule of its cases.
def judged:
  .[] | . as $run | .cases[] | . as $case | .rules[]
  | { contract: $run.contract, machine: $run.machine, rule: ., outcome: outcome_of($case; .) };

# The runs of one contract are one line a rule, whatever the machine.
def rule_lines:
  machines as $machines
  | [judged] | group_by(.contract)[]
  | group_by(.rule) | sort_by(.[0].rule | rank)
  | .[]
  | . as $rows
  | ($rows[0].contract | pad(13)) + ($rows[0].rule | pad(6))
    + ([$machines[] | . as $machine | $rows | map(select(.machine == $machine))
        | (if length == 0 then "-" else verdict(.) end) | pad(11)] | add)
    + (([$rows | group_by(.machine)[] | length] | max | tostring) | pad(4))
    + ($words[$rows[0].rule] // "");

def heading:
  if (machines | length) == 1 then "contract     rule  verdict    cases"
  else "contract     rule  " + (machines | map(pad(11)) | add) + "cases" end;

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
  [known_lines, skip_lines,
    (.stale[] | "stale  \(.defect) (\(.rule)) did not show on this kernel: narrow or remove its entry in configs/known"),
    attention] as $lines
  | if $lines == [] then empty
    else "\(.machine), Linux \(.facts.release // "?"), contract \(.contract)"
      + (if (.fault // "") != "" then ", broken by \(.fault)" else "" end) + ":", $lines[] end;

told_apart
| ( heading
, rule_lines
, ""
, (.[] | details)
, (.[] | "\(.machine), Linux \(.facts.release // "?"), contract \(.contract): \(.verdict)")
, ((map(.totals.conforms) | add | tostring) + " passed, "
   + (map(.totals.violates + .totals.broken + .totals.undecided) | add | tostring) + " failed, "
   + (map(.totals.skip) | add | tostring) + " skipped")
)
