# SPDX-License-Identifier: GPL-2.0-only
"""A page of one or more runs: page.html.j2."""

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..base.place import text_of
from ..suite.rules import rank
from .html import page
from .junit import text as printable
from .model import CaseResult, Results, worst
from .timeline import Timeline

# Of a kernel's log, the last so many lines.
_LOG_LINES = 2000


@dataclass(frozen=True)
class _RuleRow:
    name: str
    outcome: str
    cases: int
    words: str


def _again(said: list[str]) -> str:
    found = (re.match(r"#   again +(.*)$", line) for line in said)
    return next((match[1] for match in found if match), "")


def _evidence(said: list[str]) -> str:
    return printable("\n".join(line for line in said if not line.startswith("#   timeline ")))


class _Run:
    """What the page shows of a run that lies in FOLDER."""

    def __init__(self, index: int, run: Results, folder: Path, words: dict[str, str]) -> None:
        broken = f", broken by {run.fault}" if run.fault else ""
        self.anchor = f"run{index}"
        self.title = f"{run.machine}, Linux {run.release}, {run.contract}{broken}"
        self.complete, self.outcome, self.totals = run.complete, run.outcome, run.totals
        self.count = len(run.cases)
        self.failed = [case for case in run.cases if case.failed]
        self.known = [case for case in run.cases if case.outcome == "known"]
        self.rules = [
            _RuleRow(rule, worst(outcomes), len(outcomes), words.get(rule, ""))
            for rule, outcomes in sorted(_asked(run).items(), key=lambda item: rank(item[0]))
        ]
        skips = sorted((c for c in run.cases if c.outcome == "skip"), key=lambda c: c.reason)
        self.skips = [(why, list(cases)) for why, cases in groupby(skips, lambda c: c.reason)]
        self.by_program = _by_program(run)
        self.durations = run.context.get("durations")
        programs: dict[str, float] = self.durations["programs"] if self.durations else {}
        self.slowest = sorted(programs.items(), key=lambda item: -item[1])
        self.identity = [(what, value) for what, value in _identity(run) if value]
        self.config = printable(text_of(folder / "config"))
        log = text_of(folder / "kernel.log").splitlines()[-_LOG_LINES:]
        self.log = printable("\n".join(log))


def _asked(run: Results) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for case in run.cases:
        for rule in case.rules:
            rules.setdefault(rule, []).append(case.outcome_of(rule))
    return rules


def _by_program(run: Results) -> list[tuple[str, list[CaseResult]]]:
    cases: dict[str, list[CaseResult]] = {}
    for case in run.cases:
        cases.setdefault(case.program, []).append(case)
    return list(cases.items())


def _identity(run: Results) -> list[tuple[str, str]]:
    facts, context = run.facts, run.context
    measured = [one.partition("=") for one in facts.get("calibration", "").split(",") if one]
    return (
        [
            ("kernel", f"{run.release} {facts.get('version', '')}"),
            ("image", str(context.get("kernel_image", ""))),
            ("machine", f"{run.machine}, {context['cpus']} CPUs"),
            ("emulator", str(context.get("emulator", ""))),
            ("contract", run.contract),
            ("kernel arguments", facts.get("cmdline", "")),
            ("emulator's command", str(context.get("command", ""))),
            ("rough", str(context.get("rough", ""))),
        ]
        + [(key, value) for key, value in facts.items() if key.startswith("/")]
        + [(k, v) for k, v in facts.items() if re.match("cpu_|pmu_|microcode", k)]
        + [(f"calibration: {name}", value) for name, _, value in measured]
        + [(k.replace("_", ": ", 1), v) for k, v in facts.items() if k.startswith("calibration_")]
    )


def report(runs: list[Results], folders: list[Path], words: dict[str, str]) -> str:
    """The page of runs that lie in these folders, with their kernels' configuration and
    log; WORDS maps rules to sentences."""
    shown = [
        _Run(index, run, folder, words) for index, (run, folder) in enumerate(zip(runs, folders))
    ]
    return page(
        Path(__file__).with_name("page.html.j2"),
        runs=shown,
        worst=worst([run.outcome for run in runs]),
        verdicts="; ".join(sorted({run.verdict for run in runs})),
        timeline=Timeline,
        again=_again,
        evidence=_evidence,
    )
