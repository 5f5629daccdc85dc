# SPDX-License-Identifier: GPL-2.0-only
"""A series as files for git send-email: each patch a commit on the project's own source."""

import shutil
from pathlib import Path

from ..base import process
from ..base.place import text_of
from ..base.say import Refused
from .description import Series
from .hooks import version

# Nothing of the user's habits, but who they are.
_PLAIN = (
    "-c",
    "commit.gpgSign=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.autocrlf=false",
)


class _Tree:
    """The files that a series changes, in a repository."""

    def __init__(self, series: Series, source: Path, where: Path) -> None:
        self._series, self._source, self.where = series, source, where
        self._log = where.with_name(f"{where.name}.log")
        where.mkdir(parents=True)
        self.git("init", "-q", "-b", "series")

    def git(self, *words: str | Path) -> None:
        command = ["git", *_PLAIN, "-C", self.where, *words]
        if process.run(command, self._log):
            raise Refused(f"git {words[0]} failed; see {self._log}")

    def _touched(self) -> list[str]:
        """The files of the source that hooks or amendments change."""
        last = len(self._series.patches) - 1
        names = {hunk.file for hunk, _ in self._series.lines_up_to(last)}
        for patch in self._series.amendments_up_to(last):
            for line in text_of(patch).splitlines():
                name = line.removeprefix("--- a/")
                if name != line and (self._source / name).is_file():
                    names.add(name)
        return sorted(names)

    def put(self, number: int) -> None:
        """The files as they are after that patch, from 0; before all of them: -1."""
        series = self._series
        wanted = series.lines_up_to(number)
        for name in self._touched():
            hunks = [hunk for hunk in series.hunks if hunk.file == name]
            path = self.where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(version(text_of(self._source / name), hunks, wanted), encoding="utf-8")
        for name, path in series.files_up_to(number).items():
            (self.where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.where / name)
        for patch in series.amendments_up_to(number):
            options = ["-s", "-p1", "--fuzz=0", "--no-backup-if-mismatch"]
            if process.run(["patch", *options, "-d", self.where, "-i", patch], self._log):
                raise Refused(f"{patch} does not fit; see {self._log}")
        self.git("add", "-A")

    def commit(self, subject: str, body: str) -> None:
        message = self.where.with_name(f"{self.where.name}.message")
        message.write_text(f"{subject}\n\n{body.strip()}\n", encoding="utf-8")
        self.git("commit", "-q", "-F", message)
        message.unlink()


def write(series: Series, source: Path, out: Path) -> list[Path]:
    """The series as files in the folder OUT, which is made; the cover letter first.

    source -- the tree of the emulator's project, which is not changed
    """
    if process.run(
        ["git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"], process.NOTHING
    ):
        raise Refused(
            "git does not know who you are: git config --global user.name, and user.email"
        )
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    tree = _Tree(series, source, part / "tree")
    tree.put(-1)
    tree.commit("The source", "As it is.")
    for number, patch in enumerate(series.patches):
        tree.put(number)
        tree.commit(patch.subject, patch.body)
    tree.git("config", "branch.series.description", series.cover)
    tree.git(
        *("format-patch", "-q", "--cover-letter", "--cover-from-description=subject"),
        *(f"-{len(series.patches)}", "-o", "mails"),
    )
    shutil.rmtree(out, ignore_errors=True)
    (tree.where / "mails").rename(out)
    shutil.rmtree(part)
    return sorted(out.iterdir())
