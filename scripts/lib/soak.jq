# SPDX-License-Identifier: GPL-2.0-only
# Of many runs, the cases that had more than one verdict, or were not in all runs
# of their contract. Input: an array of
# { run, contract, cpus, complete, cases: [{ name, outcome, reason }] }.

(group_by(.contract) | map({ key: .[0].contract, value: map(.run) }) | from_entries) as $names
| [.[] | . as $run | .cases[] | . + { run: $run.run, contract: $run.contract, cpus: $run.cpus }] as $seen
| [$seen | group_by([.contract, .name])[]
   | { contract: .[0].contract, name: .[0].name,
       verdicts: ([group_by(.outcome)[] | { outcome: .[0].outcome, runs: map(.run), cpus: (map(.cpus) | unique) }]
         + (($names[.[0].contract] - map(.run))
            | if length > 0 then [{ outcome: "missing", runs: ., cpus: [] }] else [] end)) }] as $cases
# A skip is no verdict, unless the same number of CPUs gave one.
| def comparable:
    .verdicts as $all
    | [$all[] | select(.outcome != "skip")] as $judged
    | [$all[] | select(.outcome == "skip") | select(.cpus - [$judged[].cpus[]] != .cpus)] as $doubtful
    | $judged + $doubtful;
  [$cases[] | . + { verdicts: comparable } | select(.verdicts | length > 1)] as $flaky
| [$cases[] | select(.verdicts | length == 1)
   | select(.verdicts[0].outcome | IN("violates", "broken", "undecided"))] as $failed
| ($flaky[] | "flaky \(.contract) \(.name)",
    (.verdicts[] | "  \(.outcome) in \(.runs | length): \(.runs[:6] | join(" ")) (CPUs \(.cpus | map(tostring) | join(" ")))")),
  ($failed[] | "always \(.verdicts[0].outcome): \(.contract) \(.name)"),
  "\(length) runs, \($cases | length) cases, \($seen | length) verdicts, \($failed | length) failed always, \([.[] | select(.complete | not)] | length) incomplete, \($flaky | length) flaky"
