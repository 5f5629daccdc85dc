# SPDX-License-Identifier: GPL-2.0-only
# One page that needs nothing else: no script, no font, no file beside it.
# $words: the sentence of each rule. $besides: for each run, its config and log.
include "common";
include "timeline";

def tag($name; $class): "<\($name) class=\"\($class)\">" + . + "</\($name)>";
def cell: "<td>" + . + "</td>";
def badge: tag("span"; "badge \(.)");

def style: "
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); }
pre { overflow-x: auto; background: #8881; padding: .6rem; font-size: 13px; } code { font-size: 13px; overflow-wrap: anywhere; }
.badge { padding: .05rem .5rem; border-radius: .6rem; color: #fff; font-size: .85em; white-space: nowrap; }
.conforms { background: #1a7f37; } .known { background: #9a6700; } .skip { background: #6e7781; }
.violates { background: #cf222e; } .broken { background: #8250df; } .undecided { background: #bc4c00; }
.case { margin: 1rem 0; } details > summary { cursor: pointer; } .num { white-space: nowrap; }
.timeline { width: 100%; max-width: 980px; } .timeline text { font: 12px system-ui, sans-serif; fill: currentColor; } .timeline line { stroke: var(--line); }
.timeline path { stroke-width: 2; } .guest { fill: #54aeff88; } .inside { fill: #0550ae; } .legend { font-size: .85em; margin: 0; }
@media print { details { display: block; } }";

def anchor($index): "run\($index)";

def title: "\(.machine), Linux \(.facts.release // "?"), \(.contract)" + (if (.fault // "") != "" then ", broken by \(.fault)" else "" end);

def summary_row($index):
  "<tr>" + ("<a href=\"#\(anchor($index))\">\(title | text)</a>" | cell)
  + ((run_outcome | badge) + (if .complete then "" else " (did not come to its end)" end) | cell)
  + ([.totals.conforms, .totals.known, .totals.violates, .totals.undecided, .totals.broken, .totals.skip] | map(tostring | cell) | add) + "</tr>";

def rule_rows($index):
  [.cases[] | . as $case | .rules[] | { rule: ., outcome: outcome_of($case; .) }]
  | group_by(.rule) | sort_by(.[0].rule | rank) | .[]
  | "<tr id=\"\(anchor($index))-\(.[0].rule)\">" + (.[0].rule | cell) + (map(.outcome) | worst | badge | cell)
    + (length | tostring | cell) + (($words[.[0].rule] // "") | text | cell) + "</tr>";

# The rules of a case lead to their words, in the table of its run.
def rule_links($index): [.rules[] | "<a href=\"#\(anchor($index))-\(.)\">\(.)</a>"] | join(" ");

def case_block($index):
  "<div class=\"case\"><p>\(.outcome | badge) <code>\("\(.program):\(.case)" | text)</code> \(rule_links($index)) \(.reason | text)</p>"
  + drawing
  + (if (.said | length) > 0 then "<pre>\(.said | map(select(startswith("#   timeline ") | not)) | join("\n") | text)</pre>" else "" end)
  + (if again != "" then "<p>Again: <code>\(again | text)</code></p>" else "" end) + "</div>";

def grouped($outcome; $title):
  [.cases[] | select(.outcome == $outcome)]
  | if length == 0 then empty
    else "<h3>\($title)</h3><table>" + (group_by(.reason) | map("<tr>" + (.[0].reason | text | cell)
      + (map("<code>\("\(.program):\(.case)" | text)</code>") | join(", ") | cell) + "</tr>") | add) + "</table>" end;

# What was measured of the processor, a line each.
def calibration:
  [(.facts.calibration // "") | select(. != "") | split(",")[] | split("=") | ["calibration: \(.[0])", .[1]]]
  + [.facts | to_entries[] | select(.key | startswith("calibration_")) | [(.key | sub("_"; ": ")), .value]];

def identity:
  "<table>" + ([["kernel", "\(.facts.release // "?") \(.facts.version // "")"], ["image", .kernel_image // ""], ["machine", "\(.machine), \(.cpus) CPUs"],
     ["emulator", .emulator // ""], ["contract", .contract], ["kernel arguments", .facts.cmdline // ""], ["emulator's command", .command // ""], ["rough", .rough // ""]]
   + ([.facts | to_entries[] | select(.key | startswith("/")) | [.key, .value]])
   + ([.facts | to_entries[] | select(.key | test("^(cpu_|pmu_|microcode)")) | [.key, .value]])
   + calibration
   | map(select(.[1] != "") | "<tr>" + (.[0] | text | cell) + ("<code>\(.[1] | text)</code>" | cell) + "</tr>") | add) + "</table>";

def folded($title): if . == "" then "" else "<details><summary>\($title)</summary><pre>\(text)</pre></details>" end;

def all_cases:
  "<details><summary>All \(.cases | length) cases</summary>"
  + (. as $run | [programs[] as $program | "<h3>\($program | text)</h3><table>"
     + ([$run.cases[] | select(.program == $program) | "<tr>" + (.outcome | badge | cell) + ("<code>\(.case | text)</code>" | cell) + (.rules | join(" ") | cell) + (.reason | text | cell) + "</tr>"] | add) + "</table>"] | add // "") + "</details>";

def run_section($index):
  "<h2 id=\"\(anchor($index))\">\(title | text)</h2>",
  ([.cases[] | select(.outcome == "violates" or .outcome == "undecided" or .outcome == "broken")]
   | if length > 0 then "<h3>Failed</h3>", (.[] | case_block($index)) else empty end),
  "<h3>Rules</h3><table><tr><th>rule</th><th>verdict</th><th>cases</th><th>words</th></tr>", rule_rows($index), "</table>",
  ([.cases[] | select(.outcome == "known")] | if length > 0 then "<h3>Known defects of this kernel</h3>", (.[] | "<details><summary>\(.reason | text): <code>\("\(.program):\(.case)" | text)</code></summary>\(case_block($index))</details>") else empty end),
  grouped("skip"; "Skipped, for want of"),
  "<h3>Machine and kernel</h3>", identity,
  ($besides[0][$index].config | folded("Kernel configuration")),
  ($besides[0][$index].log | folded("Kernel log")),
  all_cases;

. as $runs
| ([$runs[] | run_outcome] | worst) as $worst
| "<!DOCTYPE html>", "<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
  "<title>pmu_passthrough: \($runs | map(.verdict) | unique | join("; ") | text)</title><style>\(style)</style></head><body>",
  "<h1>pmu_passthrough <span id=\"verdict\">\($worst | badge)</span></h1>",
  "<table><tr><th>run</th><th>verdict</th><th>conforms</th><th>known</th><th>violates</th><th>undecided</th><th>broken</th><th>skipped</th></tr>",
  (range($runs | length) as $i | $runs[$i] | summary_row($i)), "</table>",
  (range($runs | length) as $i | $runs[$i] | run_section($i)),
  "</body></html>"
