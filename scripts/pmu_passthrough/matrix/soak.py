# SPDX-License-Identifier: GPL-2.0-only
"""Does a verdict depend on anything but the kernel? Many runs of the whole suite that
differ in what must not matter: order, load, number of CPUs, delays."""

import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.say import Refused
from ..lab.machine import Machine
from ..lab.request import Request
from ..lab.rough import Rough
from ..results.model import Results, load
from .engine import BusyLoops, Matrix

# Up to so long where threads meet, in microseconds.
_DELAY_US = 100


@dataclass(frozen=True)
class Choices:
    """What the runs differ in.

    seed -- what order, delays, load and roughness are drawn from
    cpus, strengths, contracts -- in turn
    globs -- the cases
    """

    machine: Machine
    seed: int
    cpus: Sequence[int]
    strengths: Sequence[int]
    contracts: Sequence[str]
    globs: str = ""

    def words(self) -> str:
        lists = (self.cpus, self.contracts, self.strengths)
        return " ".join(
            [str(self.seed), self.globs, *(" ".join(str(one) for one in some) for some in lists)]
        )

    def draw(self, what: str, index: int) -> int:
        """A number from 1 that follows from the seed and the run, and from nothing else."""
        said = subprocess.run(
            ["cksum"], input=f"{self.seed} {what} {index}".encode(), capture_output=True, check=True
        )
        return int(said.stdout.split()[0]) + 1

    def kinds(self, runs: int) -> list[Request]:
        """One of each kind that so many runs have."""
        kinds = len(self.contracts) * len(self.cpus) * len(self.strengths)
        return [self.request(index) for index in range(min(runs, kinds))]

    def request(self, index: int) -> Request:
        contracts, cpus = len(self.contracts), len(self.cpus)
        contract = self.contracts[index % contracts]
        strength = self.strengths[index // contracts // cpus % len(self.strengths)]
        rough = Rough(None, strength, self.draw("rough", index) % 10**9)
        seeds = {"PMU_SEED": self.draw("seed", index), "PMU_ORDER": self.draw("order", index)}
        return Request(
            self.machine,
            cpus=self.cpus[index // contracts % cpus],
            contract=contract,
            variant="reference" if contract.startswith("rfc") else "plain",
            filter=self.globs,
            timeout=1200,
            rough=rough,
            environment={
                name: str(value) for name, value in (seeds | {"PMU_DELAY_US": _DELAY_US}).items()
            },
        )


class Soak:
    def __init__(self, matrix: Matrix, choices: Choices, runs: int) -> None:
        self._matrix, self._choices, self._runs = matrix, choices, runs

    def _folder(self, index: int) -> Path:
        return self._matrix.out / f"run-{index:04}"

    def _one(self, index: int) -> None:
        done = max(index - self._matrix.jobs, 0)
        self._matrix.progress(index + 1, self._runs, "run ", done)
        # An emulator that knows no clock but its own would only take longer.
        loaded = self._choices.machine.is_qemu and self._choices.draw("load", index) % 2 == 0
        with BusyLoops(loaded):
            self._matrix.run(self._folder(index), self._choices.request(index))

    def run(self) -> list[tuple[str, Results]]:
        """All runs, by name."""
        self._matrix.each(self._one, range(self._runs))
        found = []
        for index in range(self._runs):
            path = self._folder(index) / "results.json"
            if not path.exists():
                raise Refused(f"not every run left a result; see {self._folder(index)}/progress")
            found.append((self._folder(index).name, load(path)))
        return found


@dataclass
class _Verdict:
    """The runs in which a case came to an outcome, or "missing"."""

    outcome: str
    runs: list[str]
    cpus: list[int]

    def line(self) -> str:
        cpus = " ".join(str(one) for one in self.cpus)
        return f"  {self.outcome} in {len(self.runs)}: {' '.join(self.runs[:6])} (CPUs {cpus})"


def _comparable(verdicts: list[_Verdict]) -> list[_Verdict]:
    """A skip is no verdict, unless the same number of CPUs gave one."""
    judged = [one for one in verdicts if one.outcome != "skip"]
    cpus = {cpu for one in judged for cpu in one.cpus}
    return judged + [one for one in verdicts if one.outcome == "skip" and cpus & set(one.cpus)]


def _verdicts(seen: list[tuple[str, int, str]], all_runs: list[str]) -> list[_Verdict]:
    found = []
    for outcome in sorted({one for *_, one in seen}):
        these = [(run, cpus) for run, cpus, one in seen if one == outcome]
        found.append(
            _Verdict(outcome, [run for run, _ in these], sorted({cpus for _, cpus in these}))
        )
    missing = [run for run in all_runs if run not in {name for name, *_ in seen}]
    return found + ([_Verdict("missing", missing, [])] if missing else [])


def compared(runs: list[tuple[str, Results]]) -> Iterator[str]:
    """The cases that had more than one verdict or were not in all runs of their
    contract, those that always failed, and the sum."""
    names: dict[str, list[str]] = defaultdict(list)
    seen: dict[tuple[str, str], list[tuple[str, int, str]]] = defaultdict(list)
    for folder, run in runs:
        names[run.contract].append(folder)
        for case in run.cases:
            seen[run.contract, case.name].append((folder, int(run.context["cpus"]), case.outcome))
    flaky = failed = 0
    ends = []
    for (contract, name), outcomes in sorted(seen.items()):
        all_verdicts = _verdicts(outcomes, names[contract])
        verdicts = _comparable(all_verdicts)
        if len(verdicts) > 1:
            flaky += 1
            yield f"flaky {contract} {name}"
            yield from (verdict.line() for verdict in verdicts)
        elif len(all_verdicts) == 1 and all_verdicts[0].outcome in (
            "violates",
            "broken",
            "undecided",
        ):
            failed += 1
            ends.append(f"always {all_verdicts[0].outcome}: {contract} {name}")
    yield from ends
    count = sum(len(outcomes) for outcomes in seen.values())
    incomplete = sum(not run.complete for _, run in runs)
    yield (
        f"{len(runs)} runs, {len(seen)} cases, {count} verdicts, {failed} failed always, "
        f"{incomplete} incomplete, {flaky} flaky"
    )
