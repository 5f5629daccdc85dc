# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a run's results: one run at a time, and nobody else's files."""

import os
import shutil
from pathlib import Path

from ..base.place import Lock, folder, need_room
from ..base.say import Refused

# What a run leaves, and its predecessors left.
_FILES = """results.json results.ktap report.log console.log kernel.log config command
command.words timeout kernel.sum emulator.log memory bytes job job.cpio initrd disk.iso bochsrc bochs.log
report.times table progress state row""".split()
# A run of this suite made the folder, and holds a lock on this while it is at work.
_MARK = ".run"
# And this, if it is that of one of several boots of a run.
_PART = ".boot"
# What tells the folders of earlier versions.
_SIGNS = (_MARK, _PART, "report.log", "results.json", "results.ktap")


def is_a_runs(path: Path) -> bool:
    """May a run clear it: is it not there, empty, a run's, or the folder of runs?"""
    try:
        entries = list(path.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False
    names = {entry.name for entry in entries}
    folders = {entry.name for entry in entries if entry.is_dir() and not entry.is_symlink()}
    if _MARK in names or names & set(_SIGNS):
        return True
    strange = [name for name in names - folders if not name.endswith(".table")]
    return not strange and all(is_a_runs(path / name) for name in folders)


def boots_in(path: Path) -> list[Path]:
    """The folders of the boots that a run was made in, side by side."""
    parts = [entry for entry in path.iterdir() if entry.name.isdecimal()]
    return sorted(
        (part for part in parts if (part / _PART).is_file()), key=lambda part: int(part.name)
    )


def mark_boot(path: Path) -> None:
    """Say that the folder is that of one of several boots."""
    folder(path, "results to")
    (path / _PART).touch()


class RunFolder:
    """A run's folder, claimed for as long as the run takes. Nothing in it is touched
    before clear()."""

    def __init__(self, path: Path, mib: int = 64) -> None:
        if os.path.lexists(path) and not path.is_dir():
            raise Refused(f"cannot write results to {path}")
        if not is_a_runs(path):
            raise Refused(f"{path} holds other things than a run's results: name another folder")
        self.path = folder(path, "results to").resolve()
        need_room(self.path, mib)
        self._lock = Lock(self.path / _MARK)
        if not self._lock.try_take():
            raise Refused(f"{self.path} is in use by another run")

    def clear(self) -> None:
        """Remove the results of the run before, and lay out the files of this one."""
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        for part in boots_in(self.path):
            remove_run(part)
        for name in ("console.log", "report.log"):
            (self.path / name).touch()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__()


def remove_run(path: Path) -> None:
    """Remove a folder of a run, if it is one."""
    if not is_a_runs(path):
        raise Refused(f"{path} holds other things than a run's results: name another folder")
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        raise Refused(f"cannot remove {path}")
