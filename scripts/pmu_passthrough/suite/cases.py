# SPDX-License-Identifier: GPL-2.0-only
"""The suite's cases, read from the source: the programs themselves can only be asked
where there is KVM."""

import functools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from ..base.place import TOP
from .renamed import refuse_case

_CASE = re.compile(r"^TEST_F[A-Z_]*\(([^,)]*), *([^,)]*)[,)]", re.MULTILINE)


class Case(NamedTuple):
    """A case; or, with its variant, one of those that its fixture makes of it."""

    program: str
    fixture: str
    name: str
    # "fixture.variant.case" or "fixture.case", as programs print it; "" is all of them.
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.program}:{self.variant or self.name}"


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """All there are, in the order of programs and source."""
    found: dict[Case, None] = {}
    for path in programs():
        for fixture, name in _CASE.findall(path.read_text(encoding="utf-8")):
            found[Case(path.stem, fixture, name)] = None
    return tuple(found)


def programs() -> list[Path]:
    return sorted((TOP / "selftests").glob("*_test.c"))


def _matches(case: Case, glob: str) -> Case | None:
    """The case if the glob means it: by program, case or "program:case"; or its
    variant, if the glob is "program:fixture.variant.case" as a failed case has it."""
    program, _, name = glob.partition(":")
    if name.count(".") >= 1 and not set(glob) & set("*?["):
        parts = name.split(".")
        if case.program == program and case.name == parts[-1] and case.fixture == parts[0]:
            return case._replace(variant=name)
        return None
    whole = f"{case.program}:{case.name}"
    return (
        case if any(fnmatchcase(text, glob) for text in (whole, case.program, case.name)) else None
    )


def select(globs: str) -> list[Case]:
    """The cases that one of the globs, separated by commas, means; all of them for
    none. Refused if one means none."""
    if not globs:
        return list(all_cases())
    wanted = globs.split(",")
    for glob in wanted:
        if not any(_matches(case, glob) for case in all_cases()):
            refuse_case("no case matches --filter", glob)
    chosen: dict[Case, None] = {}
    for case in all_cases():
        for glob in wanted:
            if meant := _matches(case, glob):
                chosen[meant] = None
    return [
        case for case in chosen if case.variant == "" or case._replace(variant="") not in chosen
    ]


def exact(name: str) -> Case:
    """The case called "program:case", with its fixture and variant or without. Variants
    are made by macros: what is none of them is told by the program."""
    program, _, rest = name.partition(":")
    parts = rest.split(".")
    for case in all_cases():
        if case.program == program and case.name == parts[-1]:
            if len(parts) == 1:
                return case
            if parts[0] == case.fixture:
                return case._replace(variant=rest)
    refuse_case("no case called", name)


@dataclass(frozen=True)
class Entry:
    """A program with those of its cases that are to run; none are all of them."""

    program: str
    cases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.program}:{','.join(self.cases)}"


def entries(globs: str) -> list[Entry]:
    """Programs with the cases that the globs choose."""
    chosen = select(globs)
    names = dict.fromkeys(case.program for case in chosen)
    if not globs:
        return [Entry(name) for name in names]
    return [
        Entry(name, tuple(sorted({c.variant or c.name for c in chosen if c.program == name})))
        for name in names
    ]


def ordered(chosen: list[Entry], environment: Mapping[str, str]) -> list[Entry]:
    """In the order that is drawn from PMU_ORDER, if that is given."""
    if not environment.get("PMU_ORDER"):
        return chosen
    return random.Random(int(environment["PMU_ORDER"])).sample(chosen, len(chosen))


def without_variant(name: str) -> str:
    """Of "program:fixture.variant.case" the plain "program:case"."""
    program, _, rest = name.partition(":")
    return f"{program}:{rest.split('.')[-1]}"
