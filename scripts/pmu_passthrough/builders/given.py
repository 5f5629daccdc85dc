# SPDX-License-Identifier: GPL-2.0-only
"""An emulator's source: the distribution's, or a tree that the user gives."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from . import debian


class Source:
    """The source of an emulator.

    variable -- of the environment, that names a user's tree
    """

    def __init__(self, variable: str) -> None:
        self.variable = variable

    @property
    def given(self) -> Path | None:
        named = os.environ.get(self.variable, "")
        return Path(named) if named else None

    def key(self) -> str | Path:
        """What it is told by: the distribution's by its name, a user's tree by what is in
        it."""
        return self.given or debian.SUITE

    def lay_out(
        self,
        work: Path,
        fetch: Callable[[Path], None],
        ready: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """The source in the folder WORK, whole or not at all, unless it is there.

        fetch -- puts the distribution's into a folder
        ready -- does what belongs to it before it is used
        """
        if (work / "configure").exists():
            return
        part = work.with_name(f"{work.name}.part")
        for path in (work, part):
            shutil.rmtree(path, ignore_errors=True)
        if self.given:
            shutil.copytree(self.given, part, symlinks=True)
        else:
            fetch(part)
        ready(part)
        part.rename(work)
