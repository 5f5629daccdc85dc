# SPDX-License-Identifier: GPL-2.0-only
"""upstream/NAME/series.toml: what of lab/NAME is for the emulator's project, patch by patch."""

import tomllib
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..base.place import TOP, text_of
from ..base.say import Refused
from .hooks import Choice, Hunk, Line, read, share_out

_LISTS = ("lines", "files", "own")


@dataclass(frozen=True)
class Part:
    """A patch of the series, or what is left out.

    subject, body -- of a patch
    why -- it is left out
    lines -- of the hooks, "FILES: REGULAR EXPRESSION"
    files -- of lab/NAME/files, by patterns
    own -- files that only the series has, of upstream/NAME/files
    amend -- a patch of upstream/NAME: what is otherwise than in the lab
    """

    subject: str = ""
    body: str = ""
    why: str = ""
    lines: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    amend: str = ""

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Part":
        """Of what is written there."""
        part = cls(**said)
        for one in fields(cls):
            value = getattr(part, one.name)
            words = value if isinstance(value, list) else [value]
            is_so = isinstance(value, list) == (one.name in _LISTS)
            if not is_so or not all(isinstance(word, str) for word in words):
                raise TypeError(f"{one.name} = {value!r}")
        return part


class Series:
    """The series of one emulator."""

    def __init__(self, name: str, top: Path = TOP) -> None:
        """NAME: a folder of upstream/ and of lab/."""
        self.folder = top / "upstream" / name
        self.lab = top / "lab" / name
        path = self.folder / "series.toml"
        try:
            said = tomllib.loads(text_of(path))
            self.patches = [Part.of(part) for part in said["patch"]]
            self.left = [Part.of(part) for part in said["left"]]
        except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
            raise Refused(f"{path} is no description of a series: {error}") from None
        if not all(part.subject and part.body.strip() for part in self.patches):
            raise Refused(f"{path} has a patch without subject or body")
        if not all(part.why.strip() for part in self.left):
            raise Refused(f"{path} leaves something out, and does not say why")
        if not self.cover.strip():
            raise Refused(f"{self.folder} has no cover-letter.txt")
        self.hunks: list[Hunk] = read(text_of(self.lab / "hooks.patch"))
        parts = [*self.patches, *self.left]
        choices = [[Choice.of(line) for line in part.lines] for part in parts]
        self._owners = share_out(self.hunks, choices)
        self._files = self._share_files(parts)

    def _share_files(self, parts: list[Part]) -> dict[str, int]:
        """Whose each file of the lab is."""
        shared: dict[str, int] = {}
        root = self.lab / "files"
        for path in sorted(root.rglob("*")):
            if not path.is_file():
                continue
            name = str(path.relative_to(root))
            for number, part in enumerate(parts):
                if any(fnmatchcase(name, pattern) for pattern in part.files):
                    if shared.setdefault(name, number) != number:
                        raise Refused(f"two parts have {name}")
            if name not in shared:
                raise Refused(f"no part has {name}")
        return shared

    def lines_up_to(self, number: int) -> set[tuple[Hunk, Line]]:
        """Of the hooks, those of the patches up to that number, from 0."""
        return {line for line, owner in self._owners.items() if owner <= number}

    def files_up_to(self, number: int) -> dict[str, Path]:
        """The new files of the patches up to that number, and where they are."""
        found = {
            name: self.lab / "files" / name
            for name, owner in self._files.items()
            if owner <= number
        }
        for part in self.patches[: number + 1]:
            found |= {name: self.folder / "files" / name for name in part.own}
        return found

    def amendments_up_to(self, number: int) -> list[Path]:
        return [self.folder / part.amend for part in self.patches[: number + 1] if part.amend]

    @property
    def cover(self) -> str:
        """The cover letter: its subject, an empty line, the text."""
        return text_of(self.folder / "cover-letter.txt")


def names(top: Path = TOP) -> list[str]:
    """The emulators that have one."""
    return sorted(path.parent.name for path in (top / "upstream").glob("*/series.toml"))
