# SPDX-License-Identifier: GPL-2.0-only
"""Mutants of the kernel's own code: which of its statements could be wrong without any
case noticing. Each mutant is asked the cases for which it makes a difference, until one
fails."""

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.place import text_of, write_whole
from ..base.say import Refused, say
from ..lab.mutants import BOOT, NO_RULE, Answer, Question, Reached, ask, reach
from ..lab.folder import remove_run
from ..lab.request import Request
from ..mutation.mutant import Mutant
from ..mutation.calls import CALLS, Calls
from ..mutation.verdict import Kept, Verdict, best, how_noticed
from ..results.model import CaseResult, Results
from ..suite.rules import COMPLAINT
from .engine import Matrix

# What a boot is given: so many seconds, if none is noticed, and so many mutants.
_A_BOOT = 60
_MUTANTS = 25
# A case with a known defect can violate another rule, or be broken.
_PASSES = ("conforms", "known")
# Beside a case's own time, in seconds: its program starts.
_A_START = 0.1
# A mutant that is noticed by a case that names no rule, or by what the kernel complains of, is
# asked on for a rule about its function: so often.
_ON = 8


@dataclass(frozen=True)
class _Entry:
    """What is left to ask of a mutant.

    alone -- in a boot where nothing else was on
    found -- what was noticed so far that names no rule about its function
    asked -- how many cases were
    on -- how often it was asked on for a rule
    lost -- a case that failed with it fails without it, too
    """

    mutant: Mutant
    cases: tuple[str, ...]
    alone: bool = False
    found: Verdict | None = None
    asked: int = 0
    on: int = 0
    lost: bool = False


def of_run(own: frozenset[str], results: Results, before: frozenset[str]) -> Verdict:
    """What a run says that ended at its first failure, of a mutant that was on all along;
    OWN: the rules of its function; BEFORE: the cases that pass without it."""
    asked = len(results.cases)
    failed = next((case for case in results.cases if case.failed), None)
    if failed is None:
        said = "" if results.complete else "the kernel does not come to its end"
        lost = before - {case.name for case in results.cases if case.outcome in _PASSES}
        said = said or (f"{len(lost)} cases are skipped" if lost else "")
        return Verdict("breaks" if said else "survived", "", (), said, asked)
    rules = tuple(failed.violated_rules())
    said = "" if rules else failed.outcome
    return Verdict(how_noticed(own, rules), failed.name, rules, said, asked)


class CodeMutants:
    """One machine, one contract.

    matrix -- where results go
    request -- of a boot of the kernel with the mutants
    wanted -- the mutants to ask
    """

    def __init__(self, matrix: Matrix, request: Request, wanted: Sequence[Mutant]) -> None:
        self._matrix, self._request, self._wanted = matrix, request, wanted
        self.place = f"{request.machine.name}/{request.contract}"
        self._out = matrix.out / self.place
        self._out.mkdir(parents=True, exist_ok=True)
        if not matrix.has(self._out, "mutants"):
            for name in ("verdicts", "reached.json"):
                (self._out / name).unlink(missing_ok=True)
            matrix.mark(self._out, "mutants")
        self._kept = Kept(self._out / "verdicts")
        self._calls = Calls.load(request.built / CALLS) if request.built else Calls({})
        self._guard = threading.Lock()
        self._cases: dict[str, CaseResult] = {}
        self._reached = Reached({}, frozenset())
        self._queue: deque[_Entry] = deque()

    def _own(self, mutant: Mutant) -> frozenset[str]:
        return self._calls.rules_of(mutant.function)

    def forget(self) -> None:
        """What is known of those that are wanted."""
        self._kept.forget([one.fingerprint for one in self._wanted])

    # What is reached.

    def _conforming(self, results: Results) -> None:
        if not results.complete or results.failures:
            raise Refused(
                f"the suite does not conform on the kernel with no mutant on; see {self._out}/none/table"
            )

    def find_reached(self) -> None:
        """Run the suite with no mutant on, and see what each case comes to."""
        results = self._matrix.run(self._out / "none", self._request, self._conforming)
        self._cases = {case.name: case for case in results.cases if case.outcome in _PASSES}
        path = self._out / "reached.json"
        if not path.exists():
            self._ask_reached(path)
        value = json.loads(text_of(path))
        self._reached = Reached(
            {case: frozenset(numbers) for case, numbers in value["differs"].items()},
            frozenset(value["reached"]),
        )

    def _ask_reached(self, path: Path) -> None:
        names = sorted(self._cases, key=lambda name: self._cases[name].seconds)
        jobs = self._matrix.jobs
        found: list[Reached] = []

        def part(at: int) -> None:
            found.append(reach(self._request, names[at::jobs], self._out / f"reach-{at}"))

        self._matrix.each(part, range(jobs))
        differs: dict[str, list[int]] = {}
        for one in found:
            for case, these in one.differs.items():
                differs[case] = sorted({*differs.get(case, []), *these})
        for case in sorted(set(names) - set(differs)):
            say(f"{case} does not conform when it is asked alone: left out")
        reached = sorted(frozenset().union(*(one.reached for one in found)))
        write_whole(path, json.dumps({"differs": differs, "reached": reached}) + "\n")

    def _to_ask(self, mutant: Mutant) -> tuple[str, ...]:
        """The cases for which it makes a difference: those of rules that name the function
        first, then those that come to little else."""
        own = self._own(mutant)
        differs = self._reached.differs
        cases = [name for name in self._cases if mutant.id in differs.get(name, ())]

        def rank(name: str) -> tuple[bool, int, float]:
            case = self._cases[name]
            return own.isdisjoint(case.rules), len(differs[name]), case.seconds

        return tuple(sorted(cases, key=rank))

    def _is_of_boot(self, mutant: Mutant) -> bool:
        return mutant.id in self._reached.differs[BOOT]

    # What is noticed of a kernel that was booted with it.

    def _boot_with(self, mutant: Mutant) -> None:
        request = replace(self._request, append=f"mutant={mutant.id}", stop_at="any")
        where = self._out / f"with-{mutant.fingerprint}"
        # What fails must fail again.
        for _ in range(2):
            results = self._matrix.run(where, request)
            verdict = of_run(self._own(mutant), results, frozenset(self._cases))
            remove_run(where)
            if verdict.how == "survived":
                break
        with self._guard:
            self._kept.add(mutant, verdict)

    # What is noticed.

    def _seconds(self, entry: _Entry) -> float:
        """If no case fails."""
        return sum(self._cases[name].seconds + _A_START for name in entry.cases)

    def _take(self) -> list[_Entry]:
        """For one boot."""
        with self._guard:
            taken: list[_Entry] = []
            seconds = 0.0
            while self._queue and len(taken) < _MUTANTS:
                entry = self._queue[0]
                seconds += self._seconds(entry)
                if taken and (seconds > _A_BOOT or entry.alone or taken[-1].alone):
                    break
                taken.append(self._queue.popleft())
            return taken

    def _decide(self, entry: _Entry, answer: Answer) -> None:
        """The answer ends it, or something is left to ask."""
        asked = entry.asked + answer.asked
        at = entry.cases.index(answer.case) if answer.case else len(entry.cases)
        lost = entry.lost or answer.how == "none"
        if answer.how == "unsettled":
            before = replace(entry, cases=entry.cases[at:], alone=True, asked=asked - 1)
            self._queue.append(before)
            return
        noticed = answer.how == "noticed"
        how = how_noticed(self._own(entry.mutant), answer.rules) if noticed else "survived"
        verdict = entry.found
        if noticed:
            found = Verdict(how, answer.case, answer.rules, answer.said)
            verdict = best([one for one in (entry.found, found) if one])
        says_nothing = how == "breaks" and answer.said in NO_RULE
        says_nothing |= how == "killed" and answer.rules == (COMPLAINT,)
        goes_on = entry.on < _ON if says_nothing else not noticed
        rest = entry.cases[at + 1 :]
        if rest and goes_on:
            on = entry.on + says_nothing
            left = replace(entry, cases=rest, found=verdict, asked=asked, on=on, lost=lost)
            self._queue.append(left)
        else:
            nothing = Verdict("unknown" if lost else "survived")
            self._kept.add(entry.mutant, replace(verdict or nothing, asked=asked))

    def _ask_on(self, worker: int) -> None:
        while entries := self._take():
            questions = [Question(one.mutant.id, one.cases, one.alone) for one in entries]
            where = self._out / f"boot-{worker}"
            answers = {one.mutant: one for one in ask(self._request, questions, where)}
            with self._guard:
                for entry in entries:
                    if entry.mutant.id in answers:
                        self._decide(entry, answers[entry.mutant.id])
                    else:
                        self._queue.appendleft(entry)
                done = len(self._kept.verdicts)
            if not answers:
                raise Refused(f"a boot came to no mutant; see {where}")
            self._matrix.progress(done, len(self._kept.verdicts) + len(self._queue), "mutant ")

    def run(self) -> None:
        """All that are wanted and have no verdict yet."""
        self.find_reached()
        left: list[_Entry] = []
        at_boot: list[Mutant] = []
        for mutant in self._wanted:
            if mutant.fingerprint in self._kept.verdicts:
                continue
            cases = self._to_ask(mutant)
            if cases:
                left.append(_Entry(mutant, cases))
            elif self._is_of_boot(mutant):
                at_boot.append(mutant)
            else:
                reached = mutant.place in self._reached.reached
                self._kept.add(mutant, Verdict("same" if reached else "unreached"))
        self._queue.extend(left)
        self._matrix.each(self._ask_on, range(min(self._matrix.jobs, max(1, len(left)))))
        # Also of those that survived what could be asked of them when they were off at boot.
        at_boot += [
            entry.mutant
            for entry in left
            if self._is_of_boot(entry.mutant) and self.verdict(entry.mutant).how == "survived"
        ]
        self._matrix.each(self._boot_with, at_boot)

    def verdict(self, mutant: Mutant) -> Verdict:
        return self._kept.verdicts.get(mutant.fingerprint, Verdict("unknown"))
