# SPDX-License-Identifier: GPL-2.0-only
"""A series as files for git send-email: each patch a commit on the project's own source."""

import os
import re
import shutil
from pathlib import Path

from ..base import process
from ..base.place import need_tool, temporary_folder, text_of
from ..base.say import Refused
from .description import Series
from .hooks import version

# Beside OUT, while it is made.
_PREFIX = ".series-"
_WHO = ("AUTHOR", "COMMITTER")


def sender() -> dict[str, str]:
    """Who git says the user is, as its environment."""
    need_tool("git", "the mails of a series")
    said = process.output(["git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"])
    found = re.fullmatch(r"(.+) <(.+)> \d+ [-+]\d+\n", said)
    if not found:
        raise Refused("git does not say who you are: git config --global user.name, user.email")
    names = {f"GIT_{who}_NAME": found[1] for who in _WHO}
    return names | {f"GIT_{who}_EMAIL": found[2] for who in _WHO}


def _alone(who: dict[str, str]) -> dict[str, str]:
    """The environment of a git that knows of no repository and no habit of the user's."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return plain | who | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def _read(path: Path) -> str:
    """Byte for byte."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


class _Tree:
    """The files that a series changes, in a repository."""

    def __init__(self, series: Series, source: Path, room: Path, who: dict[str, str]) -> None:
        self._series, self._source, self._room = series, source, room
        self._environment = _alone(who)
        self.where = room / "tree"
        self.where.mkdir()
        self.git("init", "-q", "-b", "series", "--template=")

    def _run(self, what: str, *command: str | Path) -> None:
        log = self._room / "log"
        if process.run(command, log, cwd=self.where, env=self._environment):
            said = text_of(log).strip().splitlines() or ["without a word"]
            raise Refused(f"{what}: {said[-1]}")

    def git(self, *words: str | Path) -> None:
        self._run(f"git {words[0]} failed", "git", *words)

    def _touched(self) -> list[str]:
        """The files of the source that hooks or amendments change."""
        last = len(self._series.patches) - 1
        names = {hunk.file for hunk, _ in self._series.lines_up_to(last)}
        for patch in self._series.amendments_up_to(last):
            for name in re.findall("^--- a/(.*)$", text_of(patch), re.MULTILINE):
                if (self._source / name).is_file():
                    names.add(name)
        return sorted(names)

    def check(self) -> None:
        """With all lines, are the files those that patch(1) makes, as the lab does?"""
        series = self._series
        whole = self._room / "whole"
        files = sorted({hunk.file for hunk in series.hunks})
        for name in files:
            if not (self._source / name).is_file():
                raise Refused(f"{self._source} has no file {name}")
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._source / name, whole / name)
        hooks = series.lab / "hooks.patch"
        strip = "-p1" if re.search("^--- a/", text_of(hooks), re.MULTILINE) else "-p0"
        options = (strip, "-s", "--fuzz=0", "--no-backup-if-mismatch", "-d", whole, "-i")
        self._run("the hooks do not fit", "patch", *options, hooks.absolute())
        for name in files:
            hunks = [hunk for hunk in series.hunks if hunk.file == name]
            every = {(hunk, line) for hunk in hunks for line in hunk.lines}
            if version(_read(self._source / name), hunks, every) != _read(whole / name):
                raise Refused(f"it is not certain where the hooks of {name} belong")

    def put(self, number: int) -> None:
        """The files as they are after that patch, from 0; before all of them: -1."""
        series = self._series
        wanted = series.lines_up_to(number)
        for name in self._touched():
            hunks = [hunk for hunk in series.hunks if hunk.file == name]
            text = version(_read(self._source / name), hunks, wanted)
            path = self.where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        for name, path in series.files_up_to(number).items():
            (self.where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.where / name)
        for patch in series.amendments_up_to(number):
            options = ("-s", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-i")
            self._run(f"{patch.name} does not fit", "patch", *options, patch.absolute())
        # Also what a list of the user's ignores.
        self.git("add", "-A", "-f")

    def commit(self, subject: str, body: str) -> None:
        message = self._room / "message"
        message.write_text(f"{subject}\n\n{body.strip()}\n", encoding="utf-8")
        self.git("commit", "-q", "-F", message)


def write(series: Series, source: Path, out: Path, who: dict[str, str]) -> list[Path]:
    """The series as files in the folder OUT, whole or not at all; the cover letter first.

    source -- the tree of the emulator's project, which is not changed
    who -- sender()
    """
    need_tool("patch", "the mails of a series")
    out = out.absolute()
    room = temporary_folder(out.parent, _PREFIX)
    tree = _Tree(series, source, room, who)
    tree.check()
    tree.put(-1)
    tree.commit("The source", "As it is.")
    for number, patch in enumerate(series.patches):
        tree.put(number)
        tree.commit(patch.subject, patch.body)
    tree.git("config", "branch.series.description", series.cover)
    count = f"-{len(series.patches)}"
    cover = ("--cover-letter", "--cover-from-description=subject")
    tree.git("format-patch", "-q", *cover, count, "-o", room / "mails")
    shutil.rmtree(out, ignore_errors=True)
    (room / "mails").rename(out)
    return sorted(out.iterdir())
