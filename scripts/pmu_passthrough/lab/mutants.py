# SPDX-License-Identifier: GPL-2.0-only
"""Boots of a kernel with mutants of its own code: for which of them each case makes a
difference, and which the cases notice."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.place import text_of
from ..base.say import Refused
from ..results import ktap
from ..results.console import complaint
from .boot import Ending, Silence
from .folder import RunFolder
from .request import Request
from .run import boot_job, exported, job_words, prepare
from .trials import patience

# What has no case, but happens before the first.
BOOT = "boot"
# Of a case that conforms without the mutant, and says of no rule that it is violated.
NO_RULE = ("broken", "undecided", "skip")


@dataclass(frozen=True)
class Reached:
    """What a boot came to: the mutants that would have made a difference, by case, of the
    cases that conform; and those whose place was reached at all."""

    differs: dict[str, frozenset[int]]
    reached: frozenset[int]


@dataclass(frozen=True)
class Question:
    """A mutant, and the cases that it is asked. ALONE: the first of them without the
    mutant before, in a boot where nothing else was on."""

    mutant: int
    cases: tuple[str, ...]
    alone: bool = False


@dataclass(frozen=True)
class Answer:
    """What a boot says of a mutant.

    how -- survived: no case failed; noticed: one did, failed again, and passed without the
        mutant between; once: it passed the second time; unsettled: another mutant may be
        to blame; none: the case fails without the mutant
    case -- the one that failed
    rules -- that it says are violated
    said -- if none is: one of NO_RULE, or what the kernel said
    asked -- how many cases were
    """

    mutant: int
    how: str
    case: str = ""
    rules: tuple[str, ...] = ()
    said: str = ""
    asked: int = 0


def _boot(request: Request, out: Path, job: str, cases: int) -> tuple[Ending, str]:
    with RunFolder(out) as folder:
        folder.clear()
        products = prepare(request)
        limit = replace(request, timeout=cases * patience(request) + 120)
        words = exported(dict(request.environment)) + job
        ending = boot_job(limit, products, out, words, Silence(patience(request) + 5))
        return ending, text_of(out / "report.log").replace("\r", "")


def reach(request: Request, cases: Sequence[str], out: Path) -> Reached:
    """Ask what these cases reach."""
    job = job_words(JOB="reach", CASES=" ".join(cases), LAB_TIMEOUT=patience(request))
    _, report = _boot(request, out, job, len(cases))
    differs, reached = {}, None
    for line in report.splitlines():
        word, *numbers = line.split(" ")[1:] if line.startswith("@@lab ") else [""]
        if word == "differs" and numbers:
            differs[numbers[0]] = frozenset(int(number) for number in numbers[1:])
        elif word == "reached":
            reached = frozenset(int(number) for number in numbers)
    if reached is None:
        raise Refused(f"the boot did not come to its end; see {out}")
    return Reached(differs, reached)


@dataclass(frozen=True)
class _Part:
    """What was said of a case that was asked in one way."""

    how: str
    mutant: int
    case: str
    text: str

    @property
    def passed(self) -> bool:
        return bool(re.search(r"^@@lab status 0$", self.text, re.MULTILINE))


def _parts(report: str) -> Iterator[_Part]:
    # Who dies may be cut off in the middle of a line.
    whole = report[: report.rfind("\n") + 1]
    said = re.split(r"^@@lab asked (\w+) (\d+) (.*)$", whole, flags=re.MULTILINE)
    for at in range(1, len(said), 4):
        how, mutant, case, text = said[at : at + 4]
        yield _Part(how, int(mutant), case, text.lstrip("\n"))


def _found(part: _Part) -> tuple[tuple[str, ...], str]:
    """The rules that are violated, or what is the matter if none is."""
    results = ktap.parse(f"{part.text}@@lab end\n", "yes", "", {"contract": ""})
    rules = {rule for one in results.cases for rule in one.violated_rules()}
    others = [one.outcome for one in results.cases if one.outcome in NO_RULE]
    return tuple(sorted(rules)), "" if rules else (others or ["broken"])[0]


class _Mutant:
    """What a boot said of one. It is settled where the case passed without the mutant
    before, in a boot in which nothing else was on."""

    def __init__(self, question: Question, parts: list[_Part], done: bool) -> None:
        self._done = done
        self._of = {part.how: part for part in parts}
        self._last = parts[-1]
        self._asked = sum(part.how == "mutated" for part in parts)
        self._before = {part.case for part in parts if question.alone and part.how == "before"}

    def _answer(self, how: str, part: _Part, ended: str = "") -> Answer:
        rules, matter = _found(part)
        return Answer(
            part.mutant, how, part.case, rules, "" if rules else ended or matter, self._asked
        )

    def answer(self, ended: str) -> Answer:
        """ENDED: what ended the boot, if it was in this one."""
        mutated = self._of.get("mutated")
        if mutated is None:
            return self._answer("none", self._last)
        if self._done and "control" not in self._of:
            return Answer(mutated.mutant, "survived", asked=self._asked)
        if self._last.how == "again":
            passed = self._done and self._last.passed
            return self._answer("once" if passed else "noticed", mutated)
        how = "noticed" if mutated.case in self._before else "unsettled"
        # A case that was killed for its time has a status.
        ends = self._last.how == "mutated" and "@@lab status" not in mutated.text
        return self._answer(how, mutated, ended if ends else "")


def answers_in(questions: Sequence[Question], report: str, ended: str) -> list[Answer]:
    """The answers of a boot; ENDED: what is the matter with who ended it."""
    parts = list(_parts(report))
    answers = []
    for one in questions:
        mine = [part for part in parts if part.mutant == one.mutant]
        done = f"@@lab done {one.mutant}\n" in report
        if mine:
            answers.append(_Mutant(one, mine, done).answer(ended))
    return answers


def ask(request: Request, questions: Sequence[Question], out: Path) -> list[Answer]:
    """Ask them in one boot. It ends at a mutant that ends it: there is no answer to those
    after that."""
    numbers: dict[str, int] = {}
    words = []
    for one in questions:
        named = [str(numbers.setdefault(case, len(numbers))) for case in one.cases]
        words.append(f"{'+' if one.alone else ''}{one.mutant}={','.join(named)}")
    job = job_words(
        JOB="mutants",
        MUTANTS=" ".join(words),
        LAB_TIMEOUT=patience(request),
        **{f"CASE_{number}": case for case, number in numbers.items()},
    )
    most = sum(len(one.cases) + 3 for one in questions)
    ending, report = _boot(request, out, job, most)
    ended = complaint(text_of(out / "console.log")) or f"the boot ended ({ending.how})"
    return answers_in(questions, report, ended)
