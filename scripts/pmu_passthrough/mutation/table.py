# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of which files are mutated."""

import fnmatch
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.place import columns
from ..base.say import Refused
from ..suite import rules

# In the list: the functions that rules name as their source.
_NAMED = "named"


@functools.cache
def sources() -> dict[str, frozenset[str]]:
    """The functions that each rule names as its source, or what is asked beside it does, by
    the rule's number."""
    found: dict[str, frozenset[str]] = {}
    for rule in rules.all_rules():
        named = re.findall(r"(\w+)\(\)", rule.source)
        found[rule.number] = found.get(rule.number, frozenset()).union(named)
    return found


def rules_of(function: str) -> frozenset[str]:
    """The numbers of the rules whose source the function is."""
    return frozenset(name for name, named in sources().items() if function in named)


@dataclass(frozen=True)
class Wanted:
    """Functions of a FILE, as globs; of a header, as UNIT sees it; of those that stand on
    these LINES only, unless it is all."""

    file: str
    globs: tuple[str, ...]
    unit: str = ""
    lines: frozenset[int] | None = None

    def has(self, function: str) -> bool:
        return any(fnmatch.fnmatchcase(function, glob) for glob in self.globs)

    def has_line(self, first: int, last: int) -> bool:
        return self.lines is None or not self.lines.isdisjoint(range(first, last + 1))

    def key(self) -> str:
        """For what is made of it."""
        return f"{self.file} {self.unit} {' '.join(self.globs)} {self.lines and sorted(self.lines)}"


def _globs(words: str) -> tuple[str, ...]:
    named = sorted(frozenset().union(*sources().values()))
    return tuple(name for word in words.split() for name in (named if word == _NAMED else [word]))


def default() -> list[Wanted]:
    """configs/mutation.list."""
    return [
        Wanted(file, _globs(globs), "" if unit == "-" else unit)
        for file, unit, globs in columns("mutation.list")
    ]


def _by_file(rows: Sequence[Wanted]) -> list[Wanted]:
    """One row a file, for each is written once."""
    found: dict[str, Wanted] = {}
    for row in rows:
        before = found.get(row.file, row)
        globs = tuple(dict.fromkeys([*before.globs, *row.globs]))
        found[row.file] = Wanted(row.file, globs, row.unit, row.lines)
    return list(found.values())


_GLOB = re.compile(r"[*?\[]")


def chosen(words: Sequence[str]) -> list[Wanted]:
    """Those of the default table that FILE or FILE:FUNCTION name, with globs; also what is
    not in it, by its name."""
    made = []
    for word in words:
        file, _, function = word.partition(":")
        rows = [row for row in default() if fnmatch.fnmatchcase(row.file, file)]
        if not rows and (_GLOB.search(file) or not file.endswith(".c")):
            raise Refused(f"configs/mutation.list has no file {file}")
        for row in rows or [Wanted(file, ("*",))]:
            made.append(Wanted(row.file, (function,) if function else row.globs, row.unit))
    return _by_file(made)


def is_of_default(row: Wanted) -> bool:
    """Is it a part of the default table, so that the same kernel has it?"""
    return any(
        known.file == row.file
        and all(glob in known.globs or _GLOB.search(glob) or known.has(glob) for glob in row.globs)
        for known in default()
    )
