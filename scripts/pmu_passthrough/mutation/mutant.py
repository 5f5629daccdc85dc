# SPDX-License-Identifier: GPL-2.0-only
"""A mutant of the kernel's code, as the build of the kernel lists it."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.place import text_of, write_whole
from ..base.say import Refused


@dataclass(frozen=True)
class Mutant:
    """One change of one place.

    id -- its number in this kernel, from 1
    place -- the number of the first mutant there: all of a place are reached together
    line, last -- those of the source that the place is on
    operator -- the kind of change
    was, becomes -- the text, "" if it is left out
    fingerprint -- a name that stays when lines move: of file, function and texts
    """

    id: int
    place: int
    file: str
    function: str
    line: int
    last: int
    operator: str
    was: str
    becomes: str
    fingerprint: str

    def words(self) -> str:
        """What it does, in one line."""
        if self.operator == "delete":
            return f"without  {self.was}"
        return f"{self.was}  ->  {self.becomes}"

    def where(self) -> str:
        return f"{self.file}:{self.line} {self.function}()"


def write(path: Path, mutants: Iterable[Mutant]) -> None:
    rows = ",\n".join(json.dumps(dataclasses.asdict(one)) for one in mutants)
    write_whole(path, f"[\n{rows}\n]\n")


def load(path: Path) -> list[Mutant]:
    try:
        return [Mutant(**row) for row in json.loads(text_of(path))]
    except (ValueError, TypeError):
        raise Refused(f"{path} is no list of mutants: remove its folder") from None


def with_fingerprint(mutants: Sequence[Mutant], name: str) -> Mutant:
    """The one that a user names."""
    for one in mutants:
        if one.fingerprint == name:
            return one
    raise Refused(f"this kernel has no mutant {name}")
