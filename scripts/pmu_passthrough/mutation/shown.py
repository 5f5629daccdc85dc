# SPDX-License-Identifier: GPL-2.0-only
"""What pages and tables about the kernel's code have in common (code.html.j2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of code.

    number -- in its file, 0 if it is in none
    kind -- "+" or "-" of a patch, else " "
    mark -- some words before it, coloured as the WORST outcome is
    here -- what is listed below it; each has words()
    """

    number: int
    kind: str
    text: str
    mark: str
    worst: str
    here: Sequence[Any]


@dataclass(frozen=True)
class Part:
    """Lines that are shown together: of a function, or of a hunk."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Bar:
    """So many of ALL are GOOD."""

    title: str
    all: int
    good: int


def percent(part: int, of: int) -> str:
    """Never 100 of what is not all."""
    return f"{part * 100 // of} %" if of else "-"


def columns(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table: the first column to the left, numbers to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        cells = [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:])]
        yield f"{line[0]:<{widths[0]}}  {'  '.join(cells)}".rstrip()
