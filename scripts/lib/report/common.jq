# SPDX-License-Identifier: GPL-2.0-only
# What all forms of a report share. Input: the runs, each a results.json.

# "Only conforms is a pass": what a case's outcome is to those who know three.
def is_failure: . == "violates" or . == "undecided";

# A word for a run among several: its contract, and what its kernel is.
def run_name: .contract + (if (.fault // "") != "" then "-" + .fault else "" end);

# No control character is allowed in XML, and none is wanted in HTML.
def text: gsub("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"; "?") | @html;

# The first line that says what went wrong, without its mark.
def headline:
  ([.said[] | select(test("^# (violates|undecided|broken|known) "))][0] // .reason // "")
  | ltrimstr("# ");

def again: [.said[] | capture("^#   again +(?<command>.*)$").command][0] // "";

# Programs in the order in which they ran.
def programs:
  reduce .cases[] as $case ([]; if index($case.program) then . else . + [$case.program] end);

# R2 before R10, and rules before defects.
def rank: [({ M: 0, R: 1, D: 2 }[.[0:1]] // 3),
  ((.[1:] | capture("^(?<number>[0-9]+)(?<letter>.*)")) // { number: "0", letter: . } | (.number | tonumber), .letter)];

# What a case says of one of its rules: it may ask several.
def outcome_of($case; $rule):
  def says($word): any($case.said[]; test("^# \($word) ([^ ]+ )?\($rule)(\\.[a-z]+)?(:|$)"));
  if $case.outcome == "broken" or $case.outcome == "skip" then $case.outcome
  elif says("violates") then "violates"
  elif says("undecided") then "undecided"
  elif says("known") then "known"
  elif says("conforms") then "conforms"
  else $case.outcome end;

# Of several outcomes the one that counts.
def worst:
  if any(.[]; . == "violates") then "violates" elif any(.[]; . == "broken") then "broken"
  elif any(.[]; . == "undecided") then "undecided" elif any(.[]; . == "known") then "known"
  elif any(.[]; . == "conforms") then "conforms" else "skip" end;

# The verdict of a run in the words of its cases.
def run_outcome: .verdict | if . == "conforms but for known defects" then "known" else . end;

# Nothing ran, or not to the end, and no case says so.
def run_fails_without_a_case:
  (.complete | not) or ((.verdict | startswith("conforms") | not)
    and all(.cases[]; .outcome | IN("conforms", "known", "skip")));
