# SPDX-License-Identifier: GPL-2.0-only
"""The hooks of an emulator line by line: whose each is, and files with some of them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ..base.modules import need_module
from ..base.say import Refused

unidiff = need_module("unidiff", "python3-unidiff", "reading patches")

# So far from where a patch says it may stand in another release of the source, in lines.
_FAR = 400


@dataclass(frozen=True)
class Line:
    """A line that a patch adds or takes away.

    number -- of the original's line that it stands before, or is; from 0
    place -- in its hunk
    """

    number: int
    place: int
    text: str
    added: bool


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines of a patch.

    before -- the original's lines from START on, by which the place is known
    """

    file: str
    start: int
    before: tuple[str, ...]
    lines: tuple[Line, ...]


def _parsed(text: str) -> Iterable[Any]:
    try:
        return list(unidiff.PatchSet(text))
    # It has others than its own, for what it did not think of.
    except Exception as error:  # pylint: disable=broad-except
        raise Refused(f"the hooks are no patch: {str(error).splitlines()[0]}") from None


def read(text: str) -> list[Hunk]:
    """The hunks of a patch, which changes files and adds or removes none."""
    found = []
    for file in _parsed(text):
        if "/dev/null" in (file.source_file, file.target_file):
            raise Refused(f"the hooks add or remove {file.path}: new files are no hooks")
        for hunk in file:
            start = hunk.source_start - 1
            number, before, lines = start, [], []
            for place, line in enumerate(hunk):
                if line.line_type not in " +-" or not line.value.endswith("\n"):
                    raise Refused(f"the hooks know of {file.path} without a last newline")
                if line.is_added:
                    lines.append(Line(number, place, line.value, True))
                    continue
                before.append(line.value)
                if line.is_removed:
                    lines.append(Line(number, place, line.value, False))
                number += 1
            found.append(Hunk(file.path, start, tuple(before), tuple(lines)))
    return found


@dataclass(frozen=True)
class Choice:
    """Lines of a patch: those in files like FILES that have PATTERN in them."""

    files: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> "Choice":
        """FILES: PATTERN, or only FILES for all of them."""
        files, _, pattern = text.partition(": ")
        try:
            return cls(files, re.compile(pattern))
        except re.error as error:
            raise Refused(f"'{pattern}' is no regular expression: {error}") from None

    def has(self, file: str, text: str) -> bool:
        return fnmatchcase(file, self.files) and bool(self.pattern.search(text))


def share_out(
    hunks: Sequence[Hunk], parts: Sequence[Sequence[Choice]]
) -> dict[tuple[Hunk, Line], int]:
    """Whose each line is, by the number of the part that chose it. A line that none chose
    goes with the others of its hunk, if they are all of one part, or else with the one
    before it.

    Refuses a line that two chose, one that nobody has, and a choice of nothing.
    """
    used = set()
    shared: dict[tuple[Hunk, Line], int] = {}
    for hunk in hunks:
        chosen: dict[Line, int] = {}
        for line in hunk.lines:
            for number, part in enumerate(parts):
                for one in part:
                    if not one.has(hunk.file, line.text):
                        continue
                    used.add(one)
                    if chosen.setdefault(line, number) != number:
                        raise Refused(f"two parts have '{line.text.strip()}' of {hunk.file}")
        owner = next(iter(chosen.values())) if len(set(chosen.values())) == 1 else None
        for line in hunk.lines:
            owner = chosen.get(line, owner)
            if owner is None:
                raise Refused(f"no part has '{line.text.strip()}' of {hunk.file}")
            shared[hunk, line] = owner
    for part in parts:
        for one in part:
            if one not in used:
                raise Refused(f"nothing is '{one.files}: {one.pattern.pattern}'")
    return shared


def _places(hunks: Sequence[Hunk], original: Sequence[str]) -> Iterator[tuple[Hunk, int]]:
    """How far from where it says it is the place of each hunk in the original: as far as
    that of the hunk before, or as near to that as there is one, after that."""
    last, end = 0, 0
    for hunk in hunks:
        count = len(hunk.before)
        found = [
            far
            for far in range(last - _FAR, last + _FAR + 1)
            if hunk.start + far >= end
            and tuple(original[hunk.start + far : hunk.start + far + count]) == hunk.before
        ]
        found.sort(key=lambda far: abs(far - last))
        where = f"{hunk.file} at line {hunk.start + 1}"
        if not found:
            raise Refused(f"the hooks do not fit {where}")
        if len(found) > 1 and abs(found[0] - last) == abs(found[1] - last):
            raise Refused(f"the hooks fit {where} in two places")
        last = found[0]
        end = hunk.start + last + count
        yield hunk, last


def version(original: str, hunks: Sequence[Hunk], wanted: set[tuple[Hunk, Line]]) -> str:
    """A file with some of the lines of its hunks.

    original -- the file as it is without them
    hunks -- all of that file
    wanted -- the lines to be added or taken away
    """
    # At newlines, and at nothing else that may end a line.
    lines = [f"{line}\n" for line in original.split("\n")]
    lines[-1] = lines[-1][:-1]
    before: dict[int, list[str]] = {}
    gone = set()
    for hunk, far in _places(hunks, lines):
        for line in hunk.lines:
            if (hunk, line) not in wanted:
                continue
            if line.added:
                before.setdefault(line.number + far, []).append(line.text)
            else:
                gone.add(line.number + far)
    text = ""
    for number in range(len(lines) + 1):
        text += "".join(before.get(number, []))
        if number < len(lines) and number not in gone:
            text += lines[number]
    return text
