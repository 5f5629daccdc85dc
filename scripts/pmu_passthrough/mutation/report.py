# SPDX-License-Identifier: GPL-2.0-only
"""What became of the mutants, for a reader: a table, the survivors, a patch with marks."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.place import text_of
from ..results.html import page
from .mutant import Mutant
from .patch import Patch
from .shown import Line, Part, columns, percent
from .verdict import (
    ARGUED,
    NOTICED,
    WORDS,
    Verdict,
    best,
    counted,
    what_is_stale,
    why,
)

_COLUMNS = (
    ("mutants", ""),
    ("own rule", "own"),
    ("other rule", "killed"),
    ("breaks", "breaks"),
    ("survived", "survived"),
    ("no effect", "same"),
    ("not reached", "unreached"),
    ("out of reach", "absent"),
    ("equivalent", "equivalent"),
    ("not asked", "unknown"),
)
_NAMES = {how: name for name, how in _COLUMNS}
# From the worst on: what is left to a reader.
_LEFT = ("survived", "unreached", "same", "unknown")


@dataclass(frozen=True)
class Outcome:
    """A mutant and what became of it: the best of all machines and contracts that it was
    asked under; HOW it counts; STALE: which list is wrong about it; WHY: what is argued.
    """

    mutant: Mutant
    verdict: Verdict
    how: str
    stale: str = ""
    why: str = ""

    @property
    def noticed(self) -> bool:
        return self.how in NOTICED

    def words(self) -> str:
        """One line: what became of it, and what the mutant is."""
        detail = self.why or self.verdict.words()
        return f"{self.how:<10} {self.mutant.fingerprint} {self.mutant.words()}" + (
            f"  [{detail}]" if detail else ""
        )


def outcomes(
    mutants: Sequence[Mutant], asked: Mapping[str, Callable[[Mutant], Verdict]]
) -> list[Outcome]:
    """ASKED: for the verdict of each MACHINE/CONTRACT."""
    made = []
    for one in mutants:
        verdicts = {place: ask(one) for place, ask in asked.items()}
        how, stale = counted(one, verdicts), what_is_stale(one, verdicts)
        made.append(Outcome(one, best(verdicts.values()), how, stale, why(one, how, verdicts)))
    return made


def stale(found: Sequence[Outcome]) -> list[Outcome]:
    """Argued to be equivalent and noticed, or out of reach and reached."""
    return [one for one in found if one.stale]


@dataclass(frozen=True)
class Row:
    """A file, or all: how many mutants came to what, and the share that was noticed of
    those that are neither equivalents nor out of reach."""

    name: str
    count: Mapping[str, int]

    @property
    def all(self) -> int:
        return sum(self.count.values())

    @property
    def noticed(self) -> int:
        return sum(self.count.get(how, 0) for how in NOTICED)

    @property
    def matter(self) -> int:
        return self.all - sum(self.count.get(how, 0) for how in ARGUED)

    def cells(self) -> list[str]:
        cells = [str(self.count.get(how, 0)) if how else str(self.all) for _, how in _COLUMNS]
        own = percent(self.count.get("own", 0), self.noticed)
        return [self.name, *cells, percent(self.noticed, self.matter), own]


def heads() -> list[str]:
    return ["", *(name for name, _ in _COLUMNS), "noticed", "by own rule"]


def rows(found: Sequence[Outcome]) -> list[Row]:
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        by_file[one.mutant.file][one.how] += 1
    every = [Row(name, count) for name, count in by_file.items()]
    total = sum((count for count in by_file.values()), Counter[str]())
    return [*every, Row("all", total)] if len(every) > 1 else every


def table(found: Sequence[Outcome]) -> Iterator[str]:
    """The score by file, in columns."""
    yield from columns([heads(), *(row.cells() for row in rows(found))])


def unnoticed(found: Sequence[Outcome]) -> Iterator[str]:
    """Those that nothing noticed, by function and line, and what they are."""
    where = ""
    for one in found:
        if one.noticed or one.how in ARGUED:
            continue
        here = f"{one.mutant.file}:{one.mutant.line}: {one.mutant.function}()"
        if here != where:
            yield here
        where = here
        yield f"    {one.words()}"


def _by_line(found: Sequence[Outcome]) -> dict[tuple[str, int], list[Outcome]]:
    lines: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for one in found:
        lines[one.mutant.file, one.mutant.line].append(one)
    return lines


def mark(here: Sequence[Outcome]) -> str:
    """Of a line: the worst that became of its mutants, or the rules that killed them."""
    for how in _LEFT:
        count = sum(one.how == how for one in here)
        if count:
            return f"{count} {_NAMES[how]}"
    killers = sorted({rule for one in here if one.noticed for rule in one.verdict.rules})
    if killers:
        return " ".join(killers[:2]) + (" ..." if len(killers) > 2 else "")
    if any(one.noticed for one in here):
        return "breaks"
    return _NAMES[here[0].how] if here else ""


def _by_patch_line(patch: Patch, found: Sequence[Outcome]) -> dict[tuple[str, int], list[Outcome]]:
    """By the first line of the patch that a mutant is on: it may begin above the hunk."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for line in patch.lines():
        if line.number:
            numbers[line.file].append(line.number)
    lines: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for one in found:
        here = range(one.mutant.line, one.mutant.last + 1)
        first = next((n for n in numbers[one.mutant.file] if n in here), one.mutant.line)
        lines[one.mutant.file, first].append(one)
    return lines


def marked(patch: Patch, found: Sequence[Outcome]) -> Iterator[str]:
    """The patch, each line with its mark before it, and below it the mutants of it that
    nothing noticed."""
    lines = _by_patch_line(patch, found)
    for line in patch.lines():
        here = lines.get((line.file, line.number), []) if line.number else []
        sign = "" if line.kind == "@" else line.kind
        yield f"{mark(here):<15} {sign}{line.text}".rstrip()
        for one in here:
            if not one.noticed and one.how not in ARGUED:
                yield f"{'':<15} > {one.words()}"


def _line(kind: str, number: int, text: str, here: Sequence[Outcome]) -> Line:
    order = (*_LEFT, *reversed(NOTICED))
    worst = next((how for how in order if any(one.how == how for one in here)), "")
    return Line(number, kind, text, mark(here), worst or (here[0].how if here else ""), here)


def _functions(found: Sequence[Outcome], sources: Path) -> Iterator[Part]:
    lines = _by_line(found)
    spans: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in found:
        spans[one.mutant.file, one.mutant.function] += [one.mutant.line, one.mutant.last]
    for (file, function), numbers in spans.items():
        text = text_of(sources / file).split("\n")
        yield Part(
            f"{file} {function}()",
            [
                _line(" ", number, text[number - 1], lines.get((file, number), []))
                for number in range(min(numbers), min(max(numbers), len(text)) + 1)
            ],
        )


def _hunks(found: Sequence[Outcome], patch: Patch) -> Iterator[Part]:
    lines = _by_patch_line(patch, found)
    part: list[Line] = []
    title = ""
    for line in patch.lines():
        if line.kind == "@":
            if part:
                yield Part(title, part)
            part = []
            title = line.text if line.text.startswith("@@") else title
            title = f"{line.file} {title}" if line.text.startswith("@@") else title
            continue
        here = lines.get((line.file, line.number), []) if line.number else []
        part.append(_line(line.kind, line.number, line.text, here))
    if part:
        yield Part(title, part)


def html(found: Sequence[Outcome], title: str, sources: Path, patch: Patch | None) -> str:
    """The page: the table, then the functions or the patch with their marks.

    sources -- the folder that has the files as they were before they were mutated
    """
    parts = _hunks(found, patch) if patch else _functions(found, sources)
    return page(
        Path(__file__).with_name("code.html.j2"),
        title=title,
        heads=heads(),
        rows=[row.cells() for row in rows(found)],
        bars=[],
        words=WORDS,
        parts=list(parts),
    )


def document(found: Sequence[Outcome], about: Mapping[str, Any]) -> dict[str, Any]:
    """For other programs: what it was, the sums, and each mutant."""
    whole = rows(found)[-1]
    return {
        **about,
        "mutants": whole.all,
        "noticed": whole.noticed,
        "equivalent": whole.count.get("equivalent", 0),
        "counts": dict(whole.count),
        "each": [
            {
                "file": one.mutant.file,
                "function": one.mutant.function,
                "line": one.mutant.line,
                "operator": one.mutant.operator,
                "was": one.mutant.was,
                "becomes": one.mutant.becomes,
                "fingerprint": one.mutant.fingerprint,
                "outcome": one.how,
                "case": one.verdict.case,
                "rules": list(one.verdict.rules),
                "said": one.verdict.said,
                "cases_asked": one.verdict.asked,
            }
            for one in found
        ],
    }
