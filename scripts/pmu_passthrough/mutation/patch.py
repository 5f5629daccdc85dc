# SPDX-License-Identifier: GPL-2.0-only
"""A patch of the kernel: which lines it leaves in which files."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.modules import need_module
from ..base.place import need_tool, text_of
from ..base.say import Refused

unidiff = need_module("unidiff", "python3-unidiff", "reading patches")


# Whatever the user has made git's habit, and whoever owns the tree.
_PLAIN = [
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
]


def _git(tree: Path) -> list[str]:
    return ["git", "-c", "safe.directory=*", "-C", str(tree)]


@dataclass(frozen=True)
class Touched:
    """A file that a patch changes, and the lines of it, as it is then: those that were
    added, and the neighbours of those that were taken away."""

    file: str
    lines: frozenset[int]


@dataclass(frozen=True)
class PatchLine:
    """A line of a patch: its KIND, "+", "-" or " ", and its number in the file that it is
    in then, 0 if it was taken away."""

    file: str
    kind: str
    number: int
    text: str


class Patch:
    """A patch in the unified format."""

    def __init__(self, text: str, name: str) -> None:
        """NAME: for messages."""
        self.text, self.name = text, name
        try:
            self._files = unidiff.PatchSet(text)
        # It has others than its own, for what it did not think of.
        except Exception as error:  # pylint: disable=broad-except
            raise Refused(f"{name} is no patch: {str(error).splitlines()[0]}") from None
        if not self._files:
            raise Refused(f"{name} is no patch, or changes nothing")
        paths = [file.path for file in self._files]
        for file in self._files:
            starts = [hunk.target_start for hunk in file]
            if paths.count(file.path) > 1 or starts != sorted(set(starts)):
                raise Refused(f"{name} changes {file.path} more than once: give one patch of all")

    @classmethod
    def read(cls, path: Path) -> "Patch":
        try:
            return cls(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))
        except OSError:
            raise Refused(f"{path} cannot be read") from None

    @classmethod
    def of_range(cls, tree: Path, commits: str) -> "Patch":
        """What these commits of a tree changed, A..B; B is what is there."""
        need_tool("git", "--range")
        left, dots, right = commits.partition("..")
        if not dots or not left or commits.startswith("-"):
            raise Refused(f"--range wants A..B, not '{commits}'")
        for name in (left, right or "HEAD"):
            commit = f"{name}^{{commit}}"
            if not process.output([*_git(tree), "rev-parse", "-q", "--verify", commit]):
                raise Refused(f"{tree} has no commit {name}")
        text = process.output([*_git(tree), "diff", *_PLAIN, left, right or "HEAD"])
        if not text:
            raise Refused(f"nothing differs in {commits}")
        return cls(text, commits)

    def touched(self) -> list[Touched]:
        """Of the C files that are there afterwards."""
        found = []
        for file in self._files:
            lines: set[int] = set()
            for hunk in file:
                after = hunk.target_start
                for line in hunk:
                    if line.is_removed:
                        lines |= {after - 1, after}
                    else:
                        after += 1
                        if line.is_added:
                            lines.add(line.target_line_no)
            if lines and file.path.endswith((".c", ".h")) and not file.is_removed_file:
                found.append(Touched(file.path, frozenset(lines)))
        if not found:
            raise Refused(f"{self.name} changes no C")
        return found

    def files(self) -> list[str]:
        """All that are there before or afterwards."""
        names = dict.fromkeys(file.path for file in self._files)
        for file in self._files:
            if file.source_file.startswith("a/"):
                names[file.source_file[2:]] = None
        return list(names)

    def lines(self) -> Iterator[PatchLine]:
        """All of it, for a reader; what is no line of a file has the kind "@"."""
        for file in self._files:
            yield PatchLine(file.path, "@", 0, f"--- {file.source_file}")
            yield PatchLine(file.path, "@", 0, f"+++ {file.target_file}")
            for hunk in file:
                yield PatchLine(file.path, "@", 0, str(hunk).partition("\n")[0])
                for line in hunk:
                    kind = line.line_type if line.line_type in "+-" else " "
                    yield PatchLine(
                        file.path, kind, line.target_line_no or 0, line.value.rstrip("\n")
                    )

    def sum(self) -> str:
        """A name for it, whatever bytes it has."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()

    def write(self, path: Path) -> None:
        path.write_text(self.text, encoding="utf-8", errors="surrogateescape")

    def _fits(self, tree: Path, *options: str) -> bool:
        """Just where it says: its line numbers are those of the tree."""
        with tempfile.TemporaryDirectory() as where:
            self.write(Path(where) / "patch")
            command = ["patch", "-f", "-p1", "--dry-run", "-d", tree, *options]
            log = Path(where) / "log"
            fits = process.run([*command, "-i", f"{where}/patch"], log) == 0
            return fits and not re.search(r"\((offset|fuzz|\S+ fuzz)|with fuzz", text_of(log))

    def is_in(self, tree: Path) -> bool:
        """Has the tree it already? Refused if it has not, and cannot have it."""
        need_tool("patch", "--patch")
        if self._fits(tree, "-R"):
            return True
        if self._fits(tree):
            return False
        raise Refused(f"{self.name} neither is in {tree} nor fits there, line by line")
