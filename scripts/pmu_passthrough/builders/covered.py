# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that counts what is executed of some of its files (gcov)."""

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ..base.place import TOP, cache_folder, need_tool
from ..base.say import Refused
from . import kernel, source
from .cache import cached, compiler, key_of
from .own_tree import OwnTree, replace

_GCOV = TOP / "configs/kernel/coverage/gcov.config"


def _makefile_of(src: Path, unit: str) -> tuple[Path, str]:
    """The Makefile that compiles a file, and what the object is called there."""
    path = Path(unit)
    for folder in path.parents:
        if (src / folder / "Makefile").is_file():
            return folder / "Makefile", str(path.relative_to(folder).with_suffix(".o"))
    raise Refused(f"{src} has no Makefile for {unit}")


def _make(src: Path, units: Sequence[str], part: Path) -> None:
    what = f"Linux {source.version(src)} that counts what is executed"
    tree = OwnTree(src, "covered")
    lines: dict[Path, str] = defaultdict(str)
    for unit in units:
        if not (src / unit).is_file():
            raise Refused(f"{src} has no {unit}")
        makefile, name = _makefile_of(src, unit)
        lines[makefile] += f"GCOV_PROFILE_{name} := y\n"
    tree.change([str(path) for path in lines])
    for path, text in lines.items():
        replace(tree.path / path, (src / path).read_bytes() + b"\n" + text.encode())
    tree.configure(what, [_GCOV])
    kernel.compile_and_keep(src, tree.path, tree.obj, what, tree.log, part)
    for unit in units:
        notes = Path(unit).with_suffix(".gcno")
        if not (tree.obj / notes).is_file():
            raise Refused(f"{unit} is not compiled in the lab's configuration")
        (part / "notes" / notes).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.obj / notes, part / "notes" / notes)


def build(units: Sequence[str], named: str = "") -> Path:
    """The folder with bzImage, config, and in "notes" what gcov needs of each file.

    units -- the files that count, all compiled in the lab's configuration
    named -- the kernel, as 6.12, or the usual one
    """
    need_tool("gcc", "building the kernel")
    src = source.tree(named)
    key = key_of(
        "coverage",
        *source.name_of(src),
        compiler("gcc"),
        *kernel.fragments("plain"),
        _GCOV,
        *kernel.module_sources(),
        *sorted(units),
    )
    return cached(
        cache_folder("kernel") / f"covered-{key}",
        2500,
        "building a kernel that counts what is executed",
        lambda part: _make(src, sorted(units), part),
        fresh=source.given(),
    )
