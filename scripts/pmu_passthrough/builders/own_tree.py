# SPDX-License-Identifier: GPL-2.0-only
"""A tree beside the source, in which a kernel is built whose files are made differently:
with mutants, or counting what is executed."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..base.place import text_of, write_whole
from ..base.say import say
from . import reference
from .cache import forget_halves, is_unfinished, quiet
from .kernel import WorkTree, configure, work_tree


def replace(path: Path, data: bytes) -> None:
    """Let the file be this. What was linked is the source's own: never written to."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)


def replace_anew(path: Path, data: bytes) -> None:
    """The same, also of a file that is this already: make takes it for a new one."""
    path.unlink()
    path.write_bytes(data)


class OwnTree:
    """The source's files, linked, but for those that are changed. These are what they are
    in the source at first, each time, so that make compiles only what differs.

    path -- the tree
    obj -- the folder of its objects
    log -- what make says
    """

    def __init__(self, src: Path, name: str, variant: str = "plain") -> None:
        """NAME: of this kind of tree. VARIANT: plain, or reference, with that patch."""
        self.src = src
        self.path = work_tree(src, name)
        self.obj, self.log = self.path / "obj", Path(f"{self.path}.log")
        self._changed = self.path / ".changed"
        # Before a user's tree is compared by times: what was changed here is newer.
        self._restore()
        WorkTree(src, name)
        if variant == "reference":
            self._patch()

    def _patch(self) -> None:
        """As the tree has it where the reference kernel was built, times and all, so that
        its objects can be taken."""
        other = WorkTree(self.src)
        other.become("reference", self.log)
        self.change(reference.names())
        for name in reference.names():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).unlink(missing_ok=True)
            shutil.copy2(other.path / name, self.path / name)

    def change(self, names: Sequence[str]) -> None:
        """Note down what is about to differ from the source."""
        known = text_of(self._changed).splitlines()
        write_whole(self._changed, "".join(f"{name}\n" for name in {*known, *names}))

    def _restore(self) -> None:
        for name in text_of(self._changed).splitlines():
            if (self.src / name).exists():
                replace(self.path / name, (self.src / name).read_bytes())
                shutil.copymode(self.src / name, self.path / name)
            else:
                (self.path / name).unlink(missing_ok=True)
        self._changed.unlink(missing_ok=True)

    def _take_objects(self) -> None:
        """Those of the kernel that was built of the same source and configuration: their
        commands have no path of a tree in them. What differed there at any time, as the
        reference kernel does, has another time than its source, and is compiled again."""
        other = work_tree(self.src)
        if not (other / "obj/vmlinux").exists() or is_unfinished(other / "obj"):
            return
        say(f"taking what was compiled in {other}")
        part = self.path / "obj.part"
        shutil.rmtree(part, ignore_errors=True)
        quiet(["cp", "-a", other / "obj", part], self.log, "cannot copy objects")
        for folder, _, names in os.walk(self.src):
            for name in names:
                path = Path(folder, name)
                here = path.relative_to(self.src)
                if path.is_symlink() or not (other / here).exists():
                    continue
                own = self.path / here
                # A patch may have taken it away.
                if own.exists() and own.stat().st_mtime_ns != (other / here).stat().st_mtime_ns:
                    replace_anew(own, own.read_bytes())
        part.rename(self.obj)

    def configure(self, what: str, more: Sequence[Path] = ()) -> None:
        """As the plain kernel, and with these fragments of a configuration."""
        forget_halves(self.obj)
        if not self.obj.exists():
            self._take_objects()
        self.obj.mkdir(exist_ok=True)
        configure(self.path, self.obj, "plain", self.log, what, more)
