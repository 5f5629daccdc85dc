# SPDX-License-Identifier: GPL-2.0-only
"""What became of mutants of the kernel's code, and the score of it."""

import dataclasses
import fnmatch
import functools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.place import columns, text_of, write_whole
from ..suite.rules import COMPLAINT
from .mutant import Mutant

# From the best to the worst; of a mutant that was asked in several ways the best counts.
HOW = ("own", "killed", "breaks", "survived", "same", "unreached", "unknown")
WORDS = {
    "own": "a case violates a rule that names the function, or one that calls it, as its source",
    "killed": "a case violates another rule",
    "breaks": "noticed otherwise: a case is broken, undecided or skipped, or the kernel dies",
    "survived": "no case of those for which it makes a difference fails",
    "same": "reached, but what it becomes never had another value",
    "unreached": "no case reaches it",
    "unknown": "not asked yet, or without a certain answer",
    "absent": "no case reaches it, as no host that was asked comes there: argued",
    "equivalent": "argued to be no fault",
}
# Nothing is left to do about these.
ARGUED = ("absent", "equivalent")
NOTICED = ("own", "killed", "breaks")


@dataclass(frozen=True)
class Argument:
    """That nothing can notice a mutant, or come to it, and why.

    where -- on which machines under which contracts: globs of MACHINE/CONTRACT
    """

    where: str
    why: str

    def covers(self, place: str) -> bool:
        return any(fnmatch.fnmatchcase(place, glob) for glob in self.where.split())


@functools.cache
def arguments() -> dict[str, Argument]:
    """By fingerprint."""
    return {name: Argument(where, why) for name, where, why in columns("equivalent-code.list")}


@functools.cache
def _unreached() -> list[tuple[str, Argument]]:
    return [(name, Argument(where, why)) for name, where, why in columns("unreached-code.list")]


def out_of_reach(mutant: Mutant, place: str) -> str:
    """Why no case comes to it at MACHINE/CONTRACT, if that is argued: of it, its function
    or its file."""
    for name, argument in _unreached():
        here = name in (mutant.fingerprint, mutant.function) or fnmatch.fnmatchcase(
            mutant.file, name
        )
        if here and argument.covers(place):
            return argument.why
    return ""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant on one machine, under one contract.

    how -- one of HOW
    case, rules, said -- by which case it was noticed, the rules that this says are
        violated, and what is the matter if none is
    asked -- how many cases were
    """

    how: str
    case: str = ""
    rules: tuple[str, ...] = ()
    said: str = ""
    asked: int = 0

    def words(self) -> str:
        if self.how in ("own", "killed"):
            return f"{' '.join(self.rules)} ({self.case})"
        if self.how == "breaks":
            return f"{self.said} ({self.case})"
        return f"{self.asked} cases" if self.how == "survived" else ""


def how_noticed(own: Collection[str], rules: Iterable[str]) -> str:
    """own, killed or breaks, by the rules that are violated; OWN: those of the function."""
    named = [rule.split(".")[0] for rule in rules]
    is_own = any(name in own for name in named if name != COMPLAINT)
    return "own" if is_own else "killed" if named else "breaks"


def best(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=lambda one: HOW.index(one.how), default=Verdict("unknown"))


def counted(mutant: Mutant, verdicts: Mapping[str, Verdict]) -> str:
    """What it counts as, by the VERDICTS of each MACHINE/CONTRACT: one that nothing noticed
    is equivalent if that is argued of every place where a case came to it, and absent if no
    case did, for a reason."""
    how = best(verdicts.values()).how
    if how in NOTICED:
        return how
    argument = arguments().get(mutant.fingerprint)
    reached = [place for place, one in verdicts.items() if one.how != "unreached"]
    beyond = [] if reached else [place for place in verdicts if out_of_reach(mutant, place)]
    left = [
        place
        for place in reached or verdicts
        if place not in beyond and not (argument and argument.covers(place))
    ]
    if left:
        return best(verdicts[place] for place in left).how
    return "absent" if beyond == list(verdicts) else "equivalent"


def what_is_stale(mutant: Mutant, verdicts: Mapping[str, Verdict]) -> str:
    """Which list is wrong about it, if it was noticed, or reached, where that is said to be
    impossible."""
    argument = arguments().get(mutant.fingerprint)
    for place, one in verdicts.items():
        if argument and argument.covers(place) and one.how in NOTICED:
            return f"equivalent-code.list: nothing notices it at {place}, but {one.case} does"
        if out_of_reach(mutant, place) and one.how not in ("unreached", "unknown"):
            return f"unreached-code.list: no case comes to it at {place}, but one does"
    return ""


def why(mutant: Mutant, how: str, places: Iterable[str]) -> str:
    """What is argued of one that counts as HOW, at PLACES."""
    if how == "equivalent":
        return arguments()[mutant.fingerprint].why
    reasons = dict.fromkeys(out_of_reach(mutant, place) for place in places)
    return "; ".join(reasons) if how == "absent" else ""


def _line(name: str, verdict: Verdict) -> str:
    return json.dumps({"fingerprint": name} | dataclasses.asdict(verdict)) + "\n"


class Kept:
    """Verdicts in a file, each added when it is known: who is interrupted goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.verdicts: dict[str, Verdict] = {}
        for line in text_of(path).splitlines():
            try:
                value = json.loads(line)
                name, rules = value.pop("fingerprint"), tuple(value.pop("rules"))
                self.verdicts[name] = Verdict(rules=rules, **value)
            except (ValueError, TypeError, KeyError):
                # The last line of who was killed.
                continue

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.verdicts.pop(name, None)
        lines = [_line(name, verdict) for name, verdict in self.verdicts.items()]
        write_whole(self._path, "".join(lines))

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        # A line that is not whole is ended first.
        torn = self._path.exists() and not text_of(self._path).endswith("\n")
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(("\n" if torn else "") + _line(mutant.fingerprint, verdict))
        self.verdicts[mutant.fingerprint] = verdict
