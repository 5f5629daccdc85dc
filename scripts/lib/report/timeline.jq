# SPDX-License-Identifier: GPL-2.0-only
# The lines "#   timeline  TIME cpuN WORDS" of a case as a drawing: a lane for
# each CPU, guests as bars, what was done to events as marks.
include "common";

def timeline_entries:
  [.said[] | capture("^#   timeline +(?<at>[-0-9.]+) cpu(?<cpu>[0-9]+) (?<words>.*)$")
   | { at: (.at | tonumber), cpu: (.cpu | tonumber), words: .words }] | sort_by(.at);

# From each KVM_RUN of a thread to its return, on the CPU where it began; open ends
# reach the edge.
def runs($last):
  [.[] | . as $entry | .words | capture("^guest (?<thread>[0-9]+) (?<way>in|out)$") + { at: $entry.at, cpu: $entry.cpu }]
  | group_by(.thread) | map(
      reduce .[] as $entry ({ bars: [], since: null };
        if $entry.way == "in" then .since = $entry
        else .bars += [{ cpu: (.since // $entry).cpu, from: (.since // { at: 0 }).at, to: $entry.at }] | .since = null end)
      | .bars + (if .since != null then [{ cpu: .since.cpu, from: .since.at, to: $last }] else [] end)) | add // [];

def insides: [.[] | . as $entry | .words | capture("^inside since (?<from>[-0-9.]+)$")
  | { cpu: $entry.cpu, from: ([(.from | tonumber), 0] | max), to: $entry.at }];

def colour: if startswith("error") or startswith("open refused") then "#cf222e" elif startswith("open") then "#8250df" else "#0969da" end;

def drawing:
  timeline_entries as $all
  | if ($all | length) < 2 then ""
    else
      ($all | last | .at | if . > 0 then . else 1 end) as $last
      | ([$all[].cpu] | unique) as $cpus
      | (1 / $last * 900) as $scale
      | def x($at): ($at * $scale + 60) * 10 | round / 10;
        def y($cpu): ($cpus | index($cpu)) * 44 + 8;
        def rect($class; $bar; $down; $high; $words):
          "<rect class=\"\($class)\" x=\"\(x($bar.from))\" y=\"\(y($bar.cpu) + $down)\" width=\"\([x($bar.to) - x($bar.from), 1] | max)\" height=\"\($high)\"><title>\($words), \($bar.from) to \($bar.to) us</title></rect>";
        "<svg class=\"timeline\" viewBox=\"0 0 980 \(($cpus | length) * 44 + 30)\" role=\"img\" aria-label=\"what happened when, on which CPU\">"
      + ([$cpus[] | "<text x=\"2\" y=\"\(y(.) + 21)\">CPU \(.)</text><line x1=\"60\" x2=\"960\" y1=\"\(y(.) + 16)\" y2=\"\(y(.) + 16)\"/>"] | add)
      + ([$all | runs($last) | .[] | rect("guest"; .; 8; 16; "KVM_RUN")] | add // "")
      + ([$all | insides | .[] | rect("inside"; .; 11; 10; "certainly inside")] | add // "")
      + ([$all[] | select(.words | test("^(open|read|error)")) | "<path d=\"M\(x(.at)) \(y(.cpu) + 4)v24\" stroke=\"\(.words | colour)\"><title>\(.words | text), \(.at) us</title></path>"] | add // "")
      + "<text x=\"60\" y=\"\(($cpus | length) * 44 + 20)\">0</text><text x=\"960\" y=\"\(($cpus | length) * 44 + 20)\" text-anchor=\"end\">\($last) us</text></svg>"
      + "<p class=\"legend\">Light bar: in KVM_RUN; dark bar: certainly inside the guest; marks: events opened (purple), read (blue), refused or in ERROR (red). Point at one for its words.</p>"
    end;
