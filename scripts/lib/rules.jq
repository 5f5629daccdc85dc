# SPDX-License-Identifier: GPL-2.0-only
# Where the rules were asked, one row a rule. $runs are results; $sentences, $stored and
# $broken are lines of tab-separated words.

include "common";

def rows($text): [$text | split("\n")[] | select(. != "") | split("\t")];
def base: capture("^(?<rule>[RMD][0-9]+[a-z]?)").rule;

rows($sentences) as $rules
| (rows($stored) | map({ key: .[0], value: .[1] }) | from_entries) as $stored
| (rows($broken) | group_by(.[0]) | map({ key: .[0][0], value: map(.[1]) }) | from_entries) as $broken
| [$runs[] | .contract as $contract
   | ($contract + (if .machine == "amd-zen4" then "" else " on " + .machine end)) as $where
   | .cases[] | . as $case | .rules[]
   | { rule: ., $contract, $where, program: $case.program, case: $case.case,
       outcome: $case.outcome, reason: $case.reason }]
  | group_by(.rule) | map({ key: .[0].rule, value: . }) | from_entries
| . as $asked
| "# Rules",
  "",
  "Made by `scripts/rules` from the runs named below, of the faults of the",
  "reference kernel (`scripts/mutants`), and of the stored observations in",
  "`lib/tests/bad`. *Broken by* names the faults that a case of the rule killed,",
  "and how many stored observations violate it. Known defects count as conforming",
  "nowhere (`configs/known`); *shows on* names the kernels that have one. Words are",
  "in [contract](contract/).",
  "",
  ([$runs[] | "- \(.machine), Linux \(.facts.release), contract \(.contract), \(.kernel) kernel: \(.totals.conforms) conform, \(.totals.known) known"] | unique[]),
  "",
  "| rule | what it says | cases | ran on | broken by |",
  "| --- | --- | --- | --- | --- |",
  ([$rules[] | { rule: (.[0] | base), id: .[0], words: .[1] }] | group_by(.rule) | sort_by(.[0].rule | rank)[]
   | .[0].rule as $rule
   | ($asked[$rule] // []) as $cases
   | "| \($rule) | \(.[0].words) | \([$cases[] | { program, case }] | unique | group_by(.program) | map("\(.[0].program) \(length)") | join(", ")) | \([$cases[] | select(.outcome != "skip") | .where] | unique | if length > 0 then join(", ") else "nowhere: " + ([$cases[] | .reason] | unique | join(", ")) end) | \((($broken[$rule] // []) | map("`" + . + "`")) + (if $stored[$rule] then ["\($stored[$rule]) stored"] else [] end)
     + ([$cases[] | select(.outcome == "known" and (.reason == "known \($rule)" or ($rule | startswith("M")))) | .contract] | unique | if length > 0 then ["shows on the \(join(", ")) kernel"] else [] end) | join(", ")) |")
