# SPDX-License-Identifier: GPL-2.0-only
"""Results as text: a line a rule of each contract, with a column a machine; then what
needs a person's attention; then the totals."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ..base.say import one_line
from ..suite.rules import rank
from .model import FAILURES, CaseResult, Results, worst
from .names import places_of


@dataclass(frozen=True)
class _Judged:
    contract: str
    machine: str
    rule: str
    outcome: str


def _pad(text: str, width: int) -> str:
    """At least one blank behind it."""
    return text + " " * max(width - len(text), 1)


def _told_apart(runs: list[Results]) -> list[str]:
    """A column's name for each run: with the kernel's where there are several, and
    another run of the same contract there has one of its own."""
    seen: dict[tuple[str, str], int] = {}
    names = []
    for place, run in zip(places_of(runs), runs):
        name = place if place.startswith(run.machine) else f"{run.machine} {place}".rstrip()
        count = seen[name, run.contract] = seen.get((name, run.contract), 0) + 1
        names.append(name if count == 1 else f"{name} {count}")
    return names


def _judged(runs: list[Results], columns: list[str]) -> list[_Judged]:
    return [
        _Judged(run.contract, column, rule, case.outcome_of(rule))
        for run, column in zip(runs, columns)
        for case in run.cases
        for rule in case.rules
    ]


def _verdict(rows: list[_Judged]) -> str:
    outcome = worst([row.outcome for row in rows])
    return outcome.upper() if outcome in FAILURES else outcome


def _width(machines: list[str]) -> int:
    return max(11, *(len(name) + 1 for name in machines))


def _rule_lines(rows: list[_Judged], machines: list[str], words: dict[str, str]) -> Iterator[str]:
    def key(row: _Judged) -> tuple[str, tuple[int, int, str]]:
        return row.contract, rank(row.rule)

    for _, group in groupby(sorted(rows, key=key), key):
        of_rule = list(group)
        line = _pad(of_rule[0].contract, 13) + _pad(of_rule[0].rule, 6)
        most = 0
        for machine in machines:
            there = [row for row in of_rule if row.machine == machine]
            most = max(most, len(there))
            line += _pad(_verdict(there) if there else "-", _width(machines))
        yield line + _pad(str(most), 4) + words.get(of_rule[0].rule, "")


def _by_reason(cases: Iterable[CaseResult]) -> Iterator[tuple[str, list[CaseResult]]]:
    for why, group in groupby(sorted(cases, key=lambda c: c.reason), lambda c: c.reason):
        yield why, list(group)


def _details(run: Results) -> Iterator[str]:
    for why, cases in _by_reason(case for case in run.cases if case.outcome == "known"):
        yield f"known  {why.removeprefix('known ')}  {', '.join(case.name for case in cases)}"
    for why, cases in _by_reason(case for case in run.cases if case.outcome == "skip"):
        names = ", ".join(case.name for case in cases)
        if len(cases) > 4:
            names = f"{len(cases)} cases, {', '.join(sorted({case.program for case in cases}))}"
        yield f"skip   {why}: {names}"
    for entry in run.stale:
        defect = f"{entry['defect']} ({entry['rule']})"
        yield f"stale  {defect} did not show on this kernel: narrow or remove its entry in configs/known"
    for case in run.cases:
        if case.failed:
            yield f"{case.outcome} {case.name}" + (f": {case.reason}" if case.reason else "")
            # The drawing in the page says it better.
            yield from (f"  {line}" for line in case.said if not line.startswith("#   timeline "))


def lines(runs: list[Results], words: dict[str, str]) -> Iterator[str]:
    """The table of one or more runs; WORDS maps rules to sentences."""
    return (one_line(line) for line in _lines(runs, words))


def _lines(runs: list[Results], words: dict[str, str]) -> Iterator[str]:
    columns = _told_apart(runs)
    machines = sorted(set(columns))
    heads = "".join(_pad(name, _width(machines)) for name in machines)
    if len(machines) == 1:
        heads = _pad("verdict", _width(machines))
    yield f"contract     rule  {heads}cases"
    yield from _rule_lines(_judged(runs, columns), machines, words)
    yield ""
    for run, column in zip(runs, columns):
        if details := list(_details(run)):
            broken = f", broken by {run.fault}" if run.fault else ""
            yield f"{column}, Linux {run.release}, contract {run.contract}{broken}:"
            yield from details
    for run, column in zip(runs, columns):
        yield f"{column}, Linux {run.release}, contract {run.contract}: {run.verdict}"
    passed = sum(run.totals["conforms"] for run in runs)
    skipped = sum(run.totals["skip"] for run in runs)
    yield f"{passed} passed, {sum(run.failures for run in runs)} failed, {skipped} skipped"


_COLOURS = (
    (33, re.compile(r"(?:^|(?<= ))(conforms but for known defects|known)(?= |$)")),
    (31, re.compile(r"(?:^|(?<= ))(VIOLATES|BROKEN|UNDECIDED|violates|broken|undecided)(?= |$)")),
    (32, re.compile(r"(?<= )(conforms)(?= |$)")),
)


def _painted(line: str) -> str:
    for colour, words in _COLOURS:
        if words.search(line):
            return words.sub(f"\x1b[{colour}m\\1\x1b[0m", line, count=1)
    return line


def show(runs: list[Results], words: dict[str, str]) -> None:
    """Print the table; in colour on a terminal, unless NO_COLOR says otherwise."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    colour = colour and os.environ.get("TERM", "dumb") != "dumb"
    for line in lines(runs, words):
        print(_painted(line) if colour else line)
