# SPDX-License-Identifier: GPL-2.0-only
"""The tables of all rules: what is known without a run, which docs/rules.md keeps; of
results, where the rules were asked and what broke them."""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from ..base.options import Parser, complete
from ..base.place import TOP, build
from ..base.say import Refused, one_line
from ..results.model import CaseResult, Results, load
from ..suite.cases import all_cases
from ..suite.faults import all_faults
from ..suite.rules import all_rules, rank

_HEAD = """# Rules

Made by `scripts/rules`, and compared with it by `scripts/test style`. *Cases* are those
named after the rule, by program; a case with variants is one. *Broken by* names the
mutants of the rule (`scripts/mutants`), and how many stored observations violate it
(`lib/tests/bad`). Where each ran and what it found there says the page of a run
(`scripts/report`), and `scripts/rules RESULTS.json...` of several. More words are in
[contract](contract/).

| rule | what it says | source | cases | broken by |
| --- | --- | --- | --- | --- |"""

_HEAD_OF_RUNS = """# Rules

Made by `scripts/rules` from the runs named below, of the faults of the
reference kernel (`scripts/mutants`), and of the stored observations in
`lib/tests/bad`. *Broken by* names the faults that a case of the rule killed,
and how many stored observations violate it. Known defects count as conforming
nowhere (`configs/known`); *shows on* names the kernels that have one. Words are
in [contract](contract/).
"""


def _stored() -> Counter[str]:
    """How many stored observations break each rule."""
    texts = (path.read_text(encoding="utf-8") for path in (TOP / "lib/tests/bad").glob("*.obs"))
    return Counter(
        found
        for text in texts
        for found in re.findall(r"^rule *([A-Z0-9a-z]*)", text, re.MULTILINE)
    )


def _rules_in(name: str) -> Iterator[str]:
    """A case is named after the rules it asks: M6_M7_words."""
    for part in name.split("_"):
        if not re.fullmatch(r"[MRED][0-9]+[a-z]?", part):
            return
        yield part


def table() -> Iterator[str]:
    """docs/rules.md; what is asked beside a rule (M23.page) counts as the rule."""
    programs: dict[str, Counter[str]] = {}
    for case in all_cases():
        for rule in set(_rules_in(case.name)):
            programs.setdefault(rule, Counter())[case.program] += 1
    stored = _stored()
    yield _HEAD
    for one in all_rules():
        if one.is_aspect:
            continue
        cases = ", ".join(
            f"{program} {count}" for program, count in programs.get(one.name, {}).items()
        )
        broken = [f"`{fault.name}`" for fault in all_faults().values() if fault.rule == one.name]
        broken += [f"{stored[one.name]} stored"] if stored[one.name] else []
        yield f"| {one.name} | {one.sentence} | {one.source} | {cases} | {', '.join(broken)} |"


def _killed() -> dict[str, list[str]]:
    """The faults that a case of a rule killed, of what scripts/mutants left."""
    found: dict[str, set[str]] = {}
    for path in sorted((build() / "mutants").glob("*/results.json")):
        fault = re.sub(r"\.(trial|rule|whole)$", "", path.parent.name)
        if not fault.startswith("none"):
            for case in load(path).cases:
                for rule in case.named_rules():
                    found.setdefault(rule, set()).add(fault)
    return {rule: sorted(faults) for rule, faults in found.items()}


def _where(run: Results) -> str:
    return run.contract + ("" if run.machine == "amd-zen4" else f" on {_cell(run.machine)}")


def _cell(words: str) -> str:
    """Words of a results file, for a table."""
    return one_line(words).replace("|", r"\|")


def _ran_on(asked: list[tuple[Results, CaseResult]]) -> str:
    places = sorted({_where(run) for run, case in asked if case.outcome != "skip"})
    if places:
        return ", ".join(places)
    return "nowhere: " + ", ".join(sorted({_cell(case.reason) for _, case in asked}))


def _shows_on(rule: str, asked: list[tuple[Results, CaseResult]]) -> list[str]:
    kernels = sorted(
        {
            run.contract
            for run, case in asked
            if case.outcome == "known" and (case.reason == f"known {rule}" or rule.startswith("M"))
        }
    )
    return [f"shows on the {', '.join(kernels)} kernel"] if kernels else []


def table_of(runs: list[Results]) -> Iterator[str]:
    """Where the rules were asked, a row a rule."""
    stored, killed = _stored(), _killed()
    asked: dict[str, list[tuple[Results, CaseResult]]] = {}
    for run in runs:
        for case in run.cases:
            for rule in case.rules:
                asked.setdefault(rule, []).append((run, case))
    yield _HEAD_OF_RUNS
    yield from sorted(
        {
            f"- {one_line(run.machine)}, Linux {one_line(run.release)}, contract {run.contract}, "
            f"{one_line(run.context['kernel'])} kernel: "
            f"{run.totals['conforms']} conform, {run.totals['known']} known"
            for run in runs
        }
    )
    yield "\n| rule | what it says | cases | ran on | broken by |\n| --- | --- | --- | --- | --- |"
    for number, group in groupby(
        sorted(all_rules(), key=lambda r: rank(r.number)), lambda r: r.number
    ):
        cases = asked.get(number, [])
        programs = Counter(
            program for program, _ in sorted({(case.program, case.case) for _, case in cases})
        )
        broken = [f"`{fault}`" for fault in killed.get(number, [])]
        broken += [f"{stored[number]} stored"] if stored[number] else []
        counts = ", ".join(f"{_cell(program)} {count}" for program, count in programs.items())
        broken += _shows_on(number, cases)
        yield f"| {number} | {next(group).sentence} | {counts} | {_ran_on(cases)} | {', '.join(broken)} |"


def parser() -> Parser:
    made = Parser(
        "scripts/rules",
        "[--list | RESULTS.json...]",
        """Print docs/rules.md: every rule with its sentence, its source in the kernel, the
cases that ask it, and the mutants and stored observations that break it. With results
of runs, print where the rules were asked and what was seen to break them, by these
runs and by those of scripts/mutants in build/mutants.""",
        "Status: 0, 2 bad input.",
    )
    made.add_argument("results", nargs="*", help=argparse.SUPPRESS)
    words = "number, sentence, source and document of each rule, with tabs"
    made.add_argument("--list", action="store_true", help=words)
    return made


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    if values.list:
        if values.results:
            raise Refused("--list takes no results")
        for rule in all_rules():
            print(rule.name, rule.sentence, rule.source, rule.document, sep="\t")
        return 0
    runs = [load(Path(name)) for name in values.results]
    for line in table_of(runs) if runs else table():
        print(line)
    return 0
