# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of the kernel's functions the suite executes, as gcov counted them."""

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.place import text_of
from ..results.html import page
from .shown import Bar, Line, Part, columns, percent
from .table import Wanted


@dataclass(frozen=True)
class Executed:
    """A line that has code: how often it was executed, its branches, and how many of them
    were ever taken."""

    file: str
    function: str
    line: int
    count: int
    branches: int
    taken: int


def lines_of(said: Sequence[Mapping[str, Any]], wanted: Sequence[Wanted]) -> list[Executed]:
    """Of the functions that are wanted; what several files compile, as a header's, is
    executed if any of them executes it.

    said -- by gcov, of each file that was compiled
    """
    counts: dict[tuple[str, str, int], int] = defaultdict(int)
    branches: dict[tuple[str, str, int], list[int]] = {}
    rows = {row.file: row for row in wanted}
    for unit in said:
        for file in unit["files"]:
            # From the folder of objects, which lies in the tree.
            row = rows.get(posixpath.normpath(file["file"]).removeprefix("../"))
            for line in file["lines"] if row else ():
                function = line.get("function_name", "")
                if not row or not row.has(function):
                    continue
                key = row.file, function, line["line_number"]
                counts[key] += line["count"]
                taken = [branch["count"] for branch in line["branches"]]
                before = branches.get(key, [])
                same = len(before) == len(taken)
                branches[key] = [a + b for a, b in zip(before, taken)] if same else taken
    return [
        Executed(*key, count, len(branches[key]), sum(one > 0 for one in branches[key]))
        for key, count in sorted(counts.items())
    ]


def together(runs: Sequence[Sequence[Executed]]) -> list[Executed]:
    """Of several runs: what any of them executed. A branch that one run took and another
    one that another run took count as the more of the two."""
    found: dict[tuple[str, str, int], Executed] = {}
    for run in runs:
        for one in run:
            key = one.file, one.function, one.line
            before = found.get(key, one)
            more = max(before.count, one.count)
            found[key] = Executed(*key, more, one.branches, max(before.taken, one.taken))
    return [found[key] for key in sorted(found)]


def _by(lines: Sequence[Executed], function: bool) -> dict[str, list[Executed]]:
    found: dict[str, list[Executed]] = defaultdict(list)
    for one in lines:
        found[f"{one.file} {one.function}()" if function else one.file].append(one)
    return found


def _cells(name: str, lines: Sequence[Executed]) -> list[str]:
    executed = sum(one.count > 0 for one in lines)
    branches, taken = sum(one.branches for one in lines), sum(one.taken for one in lines)
    return [
        name,
        str(len(lines)),
        str(executed),
        percent(executed, len(lines)),
        str(branches),
        str(taken),
        percent(taken, branches),
    ]


_HEADS = ["", "lines", "executed", "", "branches", "taken", ""]


def cells(lines: Sequence[Executed], function: bool = False) -> list[list[str]]:
    """The rows of a table by file, or by FUNCTION."""
    rows = [_cells(name, these) for name, these in _by(lines, function).items()]
    return [*rows, _cells("all", lines)] if len(rows) > 1 else rows


def table(lines: Sequence[Executed], function: bool = False) -> Iterator[str]:
    yield from columns([_HEADS, *cells(lines, function)])


def unexecuted(lines: Sequence[Executed], sources: Path) -> Iterator[str]:
    """The lines that nothing executed, with their text, by function."""
    where = ""
    for one in lines:
        if one.count:
            continue
        here = f"{one.file} {one.function}()"
        if here != where:
            yield here
        where = here
        text = text_of(sources / one.file).split("\n")
        yield f"    {one.line}: {text[one.line - 1].strip() if one.line <= len(text) else ''}"


def _parts(lines: Sequence[Executed], sources: Path) -> Iterator[Part]:
    for name, these in _by(lines, True).items():
        text = text_of(sources / these[0].file).split("\n")
        known = {one.line: one for one in these}
        shown = []
        for number in range(min(known), min(max(known), len(text)) + 1):
            one = known.get(number)
            worst = "" if one is None else "survived" if not one.count else "own"
            if one and one.count and one.taken < one.branches:
                worst = "same"
            words = f"{one.count}" if one else ""
            if one and one.branches:
                words += f" ({one.taken}/{one.branches})"
            shown.append(Line(number, " ", text[number - 1], words, worst, ()))
        yield Part(name, shown)


def _bars(lines: Sequence[Executed]) -> Iterator[Bar]:
    for name, these in _by(lines, True).items():
        yield Bar(name, len(these), sum(one.count > 0 for one in these))


def html(lines: Sequence[Executed], title: str, sources: Path) -> str:
    """The page: table, picture, and the functions with what was executed of them."""
    return page(
        Path(__file__).with_name("code.html.j2"),
        title=title,
        heads=_HEADS,
        rows=cells(lines),
        bars=list(_bars(lines)),
        words={
            "12 (1/2)": "executed twelve times, and one of two branches was taken",
            "0": "not executed",
        },
        parts=list(_parts(lines, sources)),
    )


def document(lines: Sequence[Executed], title: str) -> dict[str, Any]:
    """For other programs."""
    return {
        "title": title,
        "lines": [
            {
                "file": one.file,
                "function": one.function,
                "line": one.line,
                "count": one.count,
                "branches": one.branches,
                "taken": one.taken,
            }
            for one in lines
        ],
    }
