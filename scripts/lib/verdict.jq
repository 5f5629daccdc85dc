# SPDX-License-Identifier: GPL-2.0-only
# What follows from the cases of a run: how many ended how, which known defects did
# not show, and the verdict.
def summed:
  (.cases | map(.outcome)) as $all
  | .cases as $cases
  | def count($name): [$all[] | select(. == $name)] | length;
    .totals = { conforms: count("conforms"), known: count("known"), violates: count("violates"),
                broken: count("broken"), undecided: count("undecided"), skip: count("skip") }
    # A defect that showed anywhere in the run is not stale.
    | .stale = (([$cases[].said[] | capture("^# stale (?<defect>[^ ]+) (?<rule>[^ ]+)")] | unique)
                - [$cases[].said[] | capture("^# known (?<defect>[^ ]+) (?<rule>[^ :]+)")])
    | .verdict = (if .totals.violates > 0 then "violates"
                  elif .totals.broken > 0 then "broken"
                  elif .totals.undecided > 0 then "undecided"
                  elif .totals.conforms == 0 then "broken"
                  elif .totals.known > 0 then "conforms but for known defects"
                  else "conforms" end);
