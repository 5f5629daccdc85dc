# SPDX-License-Identifier: GPL-2.0-only
"""The suite as a target of a kernel tree's kselftest: put it there, take it away."""

import argparse
import hashlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from ..base.place import TOP, reason, temporary_folder, text_of
from ..base.say import Refused, say
from ..base.verbs import Command, Verb

TARGET = "pmu_passthrough"
_LINE = f"TARGETS += {TARGET}"
# Sums of all files that were put there, to know them again.
_MANIFEST = ".installed"
# What a build leaves there is nobody's work.
_OBJECTS = re.compile(r"(obj|libkvm)/.*\.[od]")
_BUILT = {_MANIFEST, "probe", "calibrate", "libkvm.a", "obj/linked-with"}
_NOT_OURS = ("lib/tests/", "lib/tools/", "selftests/test_modules/")


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files() -> Iterator[tuple[Path, str]]:
    """Everything the target consists of, and what it is called there."""
    for part in ("selftests", "guest_code", "lib"):
        for path in sorted((TOP / part).rglob("*")):
            name = str(path.relative_to(TOP))
            if (
                path.is_file()
                and re.search(r"\.([chS]|mk)$", name)
                and not name.startswith(_NOT_OURS)
            ):
                yield path, name
    for path in sorted((TOP / "configs/known").glob("*.list")):
        yield path, f"known/{path.name}"
    for name in ("Makefile", "config", "settings"):
        yield TOP / "configs/ksft" / name, name
    yield TOP / "configs/ksft/gitignore", ".gitignore"
    yield TOP / "COPYING", "COPYING"


class Tree:
    """A kernel tree that the target is put into."""

    def __init__(self, name: str) -> None:
        if not Path(name).is_dir():
            raise Refused(f"{name} is no folder")
        self.path = Path(name).resolve()
        self.selftests = self.path / "tools/testing/selftests"
        self.folder = self.selftests / TARGET
        self.list = self.selftests / "Makefile"
        if not all(
            os.access(p, os.R_OK)
            for p in (self.path / "Kbuild", self.selftests / "lib.mk", self.list)
        ):
            raise Refused(f"{name} is no kernel tree: it has no tools/testing/selftests/lib.mk")
        if not self.list.is_file() or not any(self._is_target(line) for line in self.lines()):
            raise Refused(f"{self.list} has no list of targets")
        if not all(os.access(p, os.W_OK) for p in (self.selftests, self.list)):
            raise Refused(f"{self.selftests} cannot be written to")

    @staticmethod
    def _is_target(line: str) -> bool:
        return re.match(r"TARGETS \+=", line) is not None

    def lines(self) -> list[str]:
        """Of the list, whatever bytes and ends of lines it has."""
        return self.list.read_bytes().decode("latin-1").split("\n")

    def _manifest(self) -> dict[str, str]:
        lines = text_of(self.folder / _MANIFEST).splitlines()
        return {line[66:]: line[:64] for line in lines}

    def check_folder(self) -> None:
        """Is there anything in the folder that "install" did not put there as it is?"""
        if not os.path.lexists(self.folder):
            return
        if self.folder.is_symlink() or not (self.folder / _MANIFEST).is_file():
            raise Refused(f'{self.folder} is there and was not made by "scripts/ksft install"')
        known = self._manifest()
        changed = [
            n
            for n, s in known.items()
            if not (self.folder / n).is_file() or _sum(self.folder / n) != s
        ]
        if changed:
            raise Refused(f"files of {self.folder} were changed by hand: {' '.join(changed)}")
        tests = {
            Path(name).stem for name in known if re.fullmatch(r"selftests/[^/]*_test\.c", name)
        }
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if (path.is_symlink() or not path.is_dir()) and name not in known:
                if name not in _BUILT | tests and not _OBJECTS.fullmatch(name):
                    raise Refused(f"{self.folder}/{name} was put there by hand")

    def fill(self, where: Path) -> str:
        """Everything of the target, in the folder WHERE; returns the manifest."""
        lines = []
        for path, name in _files():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, where / name)
            lines.append(f"{_sum(path)}  {name}\n")
        manifest = "".join(sorted(lines, key=lambda line: line[66:]))
        (where / _MANIFEST).write_text(manifest, encoding="utf-8")
        return manifest

    def with_line(self) -> str:
        """The list of targets with one more line, at its place in the alphabet."""
        lines = self.lines()
        bare = [line.rstrip("\r") for line in lines]
        if _LINE not in bare:
            targets = [index for index, line in enumerate(lines) if self._is_target(line)]
            after = [index for index in targets if bare[index] > _LINE]
            end = "\r" if lines[targets[-1]].endswith("\r") else ""
            lines.insert(after[0] if after else targets[-1] + 1, _LINE + end)
        return "\n".join(lines)

    def without_line(self) -> str:
        return "\n".join(line for line in self.lines() if line.rstrip("\r") != _LINE)

    def temporary(self) -> Path:
        return temporary_folder(self.selftests, f".{TARGET}-new.")

    def put(self, text: str, folder: Path | None, beside: Path) -> None:
        """The list, and the folder if there is to be one, in place of what is there.
        Renames only: an interruption finds the old state or the new one."""
        target = self.list.resolve()
        part = beside / "Makefile"
        part.write_bytes(text.encode("latin-1"))
        shutil.copymode(target, part)
        blocked = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        try:
            if os.path.lexists(self.folder):
                self.folder.rename(beside / "old")
            if folder:
                folder.rename(self.folder)
            part.rename(target)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _tree(values: argparse.Namespace, verb: str) -> Tree:
    named = [word for word in values.words if word] or [
        w for w in [os.environ.get("KSRC", "")] if w and not values.words
    ]
    if len(named) != 1:
        raise Refused(f"{verb} wants a kernel tree: KSRC=<tree>")
    return Tree(named[0])


def _install(values: argparse.Namespace) -> int:
    tree = _tree(values, "install")
    tree.check_folder()
    beside = tree.temporary()
    try:
        new = beside / TARGET
        new.mkdir(mode=0o755)
        manifest = tree.fill(new)
        text = tree.with_line()
        there = tree.folder / _MANIFEST
        if (
            there.is_file()
            and there.read_text(encoding="utf-8") == manifest
            and text == "\n".join(tree.lines())
        ):
            say(f"{tree.folder} is up to date")
            return 0
        tree.put(text, new, beside)
    except OSError as error:
        raise Refused(f"cannot write to {tree.selftests}: {reason(error)}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    say(f"{len(manifest.splitlines())} files put into {tree.folder}")
    say(f'"{_LINE}" is in {tree.list}')
    say(f"next, in {tree.path}: make headers && make kselftest TARGETS={TARGET}")
    return 0


def _remove(values: argparse.Namespace) -> int:
    tree = _tree(values, "remove")
    tree.check_folder()
    there = tree.folder.exists()
    beside = tree.temporary()
    try:
        tree.put(tree.without_line(), None, beside)
    except OSError as error:
        raise Refused(f"cannot write to {tree.selftests}: {reason(error)}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    say(
        f"{tree.folder} and its line in {tree.list} are gone"
        if there
        else f"{tree.folder} is not there"
    )
    return 0


KSFT = Command(
    "scripts/ksft",
    "install|remove [TREE]",
    f"""The suite as a target of the kselftest of the kernel tree TREE (or KSRC=).

  scripts/ksft install ~/linux
  make -C ~/linux headers
  make -C ~/linux kselftest TARGETS={TARGET}""",
    (
        Verb(
            "install",
            "put the suite into the tree, or bring it up to date there",
            _install,
            "TREE",
            words=True,
            details=f"""As the folder tools/testing/selftests/{TARGET}, and a line in the list of targets. What was
changed in that folder by hand is not overwritten.""",
        ),
        Verb("remove", "take both away", _remove, "TREE", words=True),
    ),
    "What was changed in that folder by hand is not overwritten.\nStatus: 0 done, 2 bad input.",
)
main = KSFT.main
