# SPDX-License-Identifier: GPL-2.0-only
# Two results, then and now: what fails that did not, what no longer does, what
# is no longer asked or asked for another reason. The first $first runs are then.
include "common";

def fails: . == "violates" or . == "undecided" or . == "broken";
def holds: . == "conforms" or . == "known";
# Results of earlier versions, under the names of today (configs/renamed.list).
def names: $renamed | split("\n") | map(select(test("^[^#]")) | split(" | ") | { key: .[0], value: .[1] }) | from_entries;
def renew: names as $names
  | map(.contract |= ($names[.] // .)
    | .cases |= map(($names["\(.program):\(.case)"] // "\(.program):\(.case)" | split(":")) as [$program, $case]
      | .program = $program | .case = $case
      | .program |= ($names[.] // .)
      | .case |= (split(".") | map($names[.] // .) | join("."))));

def by_case: [.[] | .contract as $contract | .cases[]
  | { key: "\($contract) \(.program):\(.case)", value: . }] | from_entries;

def change($old; $new):
  if $old == null and ($new.outcome | fails) then "new failure"
  elif $old == null then "new case"
  elif $new == null then "gone"
  elif ($new.outcome | fails) and ($old.outcome | fails | not) then "new failure"
  elif ($old.outcome | fails) and ($new.outcome | holds) then "fixed"
  elif $old.outcome != $new.outcome then "changed"
  elif $old.outcome == "skip" and $old.reason != $new.reason then "changed need"
  elif $old.outcome == "known" and $old.reason != $new.reason then "changed"
  else empty end;

def words: if . == null then "-" else .outcome + (if .reason != "" then " (\(.reason))" else "" end) end;

def contracts: map(.contract) | sort;

renew as $runs
| ($runs[:$first] | contracts) as $before | ($runs[$first:] | contracts) as $after
| if $before != $after then
    "then is of \($before | join(" and ")), now of \($after | join(" and "))" | halt_error(3)
  else . end
| ($runs[:$first] | by_case) as $old | ($runs[$first:] | by_case) as $new
| ([$old, $new] | map(keys) | add | unique) as $names
| [$names[] as $name | { name: $name, change: change($old[$name]; $new[$name]),
    then: ($old[$name] | words), now: ($new[$name] | words) }]
| { "new failure": 0, "gone": 1, "fixed": 2, "changed": 3, "changed need": 4, "new case": 5 } as $order
| sort_by($order[.change], .name)
| (.[] | "\(.change)\t\(.name)\t\(.then) -> \(.now)"),
  "\([.[] | select(.change == "new failure")] | length) new failures, \([.[] | select(.change == "fixed")] | length) fixed, \(map(select(.change != "new failure" and .change != "fixed")) | length) other changes, \($names | length) cases"
