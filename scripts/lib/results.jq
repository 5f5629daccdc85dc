# SPDX-License-Identifier: GPL-2.0-only
# From the report of a boot to results.json. Input: the report's lines, raw.
# Arguments: $context (machine, command, ...), $console (the kernel's complaint
# on the console, or ""), $ended ("yes" if the emulator ended by itself, "stopped"
# if that was asked for at the first failure).

include "verdict";

# A case that came to no verdict has not conformed, and a skip that is not one
# of ours (they all name a need) is a program that gave up.
def outcome($line; $said):
  if ($line | test("# SKIP needs ")) then "skip"
  elif ($line | test("# SKIP")) then "broken"
  elif ($line | test("# XFAIL known ")) then "known"
  elif ($line | test("^ok ")) then
    (if any($said[]; startswith("# conforms ")) then "conforms" else "broken" end)
  elif any($said[]; test("^# broken |terminated by |terminated unexpectedly")) then "broken"
  elif any($said[]; test("^# violates ")) then "violates"
  elif any($said[]; test("^# undecided ")) then "undecided"
  else "broken" end;

# What the verdicts name; of a case that came to none, what its name says.
def rules_of($name; $said):
  [$said[] | capture("^# (?:conforms|violates|undecided|stale [^ ]+|known [^ ]+) (?<rule>[RMD][0-9]+[a-z]?)").rule]
  | if length > 0 then .
    else [$name | split(".") | last | scan("(?:^|_)([RMD][0-9]+)(?=_)") | .[0]] end
  | unique;

def case($program; $name; $outcome; $reason; $said):
  { program: $program, case: $name, rules: rules_of($name; $said), outcome: $outcome,
    reason: $reason, said: $said };

def strip_comment: sub("^[^#]*# (SKIP|XFAIL) *"; "");

def finish_case($line):
  ($line | capture("^(?:not )?ok [0-9]+ *-? *(?<name>[^ #]+)").name) as $name
  | .said as $said
  | outcome($line; $said) as $outcome
  | .cases += [case(.program; $name; $outcome;
      (if $outcome == "skip" or $outcome == "known" then ($line | strip_comment) else "" end); $said)]
  | .said = [] | .running = "" | .seen += 1;

# What a program owes: a result for every case it planned.
def finish_program($status):
  if .running != "" then
    .cases += [case(.program; .running; "broken"; "ended without a result, status \($status)"; .said)]
    | .seen += 1
  else . end
  | if .planned > .seen then
      .cases += [case(.program; "plan"; "broken"; "\(.planned) cases planned, \(.seen) reported, status \($status)"; .said)]
    elif .planned < 0 and .skipped == "" then
      .cases += [case(.program; "plan"; "broken"; "ended without a plan, status \($status)"; .said)]
    else . end
  | .program = "" | .said = [] | .running = "";

def take($line):
  if $line | startswith("@@lab fact ") then
    ($line | capture("^@@lab fact (?<key>[^ ]+) ?(?<value>.*)$")) as $fact
    | .facts[$fact.key] = $fact.value
  elif $line | startswith("@@lab program ") then
    .program = $line[14:] | .planned = -1 | .seen = 0 | .running = "" | .said = [] | .skipped = ""
  elif $line | startswith("@@lab status ") then finish_program($line[13:])
  elif $line | startswith("@@lab end") then .complete = true
  elif $line | startswith("@@lab ") then .
  elif .program == "" then .
  elif $line | test("^1\\.\\.0 # SKIP") then
    .skipped = ($line | strip_comment) | .planned = 0
    | .cases += [case(.program; "all"; "skip"; .skipped; [])]
  elif $line | test("^1\\.\\.[0-9]+$") then .planned = ($line[3:] | tonumber)
  elif $line | test("^#  RUN  ") then
    .running = ($line | capture("^#  RUN +(?<name>[^ ]+)").name) | .said = []
  elif $line | test("^(not )?ok [0-9]+") then finish_case($line)
  elif $line | test("^#  +(OK|FAIL|XFAIL|SKIP)  ") then .
  elif $line | test("^(TAP|KTAP) version") then .
  else .said += [$line] end;

# The kernel went away in the middle.
def finish_boot:
  if .complete or ($ended == "stopped" and $console == "") then .
  else
    ( if $console != "" then "the kernel stopped: \($console)"
      elif $ended == "yes" then "the emulator ended early"
      else "the deadline passed" end ) as $why
    | (if .program == "" then "boot" else .program end) as $program
    | (if .running != "" then .running
       elif .program == "" and (.facts | length) == 0 then "before the first program"
       else "between cases" end) as $what
    | .cases += [case($program; $what; (if $console != "" then "violates" else "broken" end); $why; .said)]
  end;

def boot_complaint:
  if .complete and $console != "" and all(.cases[].said[]; test("kernel log") | not) then
    .cases += [case("boot"; "kernel_log"; "violates"; $console; [])]
  else . end;

reduce inputs as $raw (
  { program: "", planned: -1, seen: 0, running: "", said: [], skipped: "", cases: [], facts: {}, complete: false };
  take($raw | rtrimstr("\r")))
| finish_boot | boot_complaint
| { schema: 1 } + $context
  + { contract: (.facts["/sys/module/perf_guest/parameters/contract"] // $context.contract),
      facts: .facts, complete: .complete, totals: null, stale: null, cases: .cases }
| summed
