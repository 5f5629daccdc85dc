# SPDX-License-Identifier: GPL-2.0-only
"""A kernel with all mutants of some of its functions in it, one of which can be on."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.options import jobs
from ..base.place import TOP, cache_folder, need_tool, text_of
from ..base.say import Refused, say
from ..mutation import mutant, sites
from ..mutation.calls import CALLS, Calls
from ..mutation.edit import LINES_BEFORE, with_mutants
from ..mutation.mutant import Mutant
from ..mutation.parse import File
from ..mutation.patch import Patch, Touched
from ..mutation.sites import Site, sites_of
from ..mutation.table import Wanted, default
from . import kernel, source
from .cache import cached, compiler, key_of, quiet, step
from .own_tree import OwnTree, replace

_FILES = TOP / "lab/mutation"
# How many there are, for those.
_COUNT = "kernel/mutant_count.h"
# Of the trees in which kernels of each variant are made.
_NAMES = {"plain": "mutated", "reference": "mutated-reference"}
# A place where the compiler takes no mutant of that kind is left out, and what is left is
# compiled again.
_ROUNDS = 40
_PLACE = re.compile(r"(?:MUTANT_\w+|mutant_is)\((\d+), ")


@dataclass
class _Text:
    """A file and the places in it, each with the number of its first mutant. A number
    stays when places before it are dropped: their files need not be compiled again."""

    file: File
    sites: list[tuple[int, Site]]

    def made(self) -> bytes:
        return with_mutants(self.file, self.sites)

    def mutants(self) -> Iterator[Mutant]:
        for first, site in self.sites:
            for at, change in enumerate(site.changes):
                yield Mutant(
                    first + at,
                    first,
                    site.file,
                    site.function,
                    site.line,
                    site.last,
                    change.operator,
                    change.was,
                    change.becomes,
                    site.fingerprints[at],
                )


def _write(tree: Path, texts: list[_Text]) -> None:
    for text in texts:
        replace(tree / text.file.name, text.made())


@dataclass(frozen=True)
class _Place:
    """Where the compiler points, in one of our files; in what is INLINED there it is an
    argument that it complains of, which comes after."""

    text: int
    line: int
    column: int
    inlined: bool


def _complaints(texts: list[_Text], said: str) -> Iterator[_Place]:
    """The place that each error leads to: its own, that of the innermost function that was
    inlined there, or that of a macro."""
    names = {text.file.name: at for at, text in enumerate(texts)}
    inlined: _Place | None = None
    wanting = False
    for line in said.splitlines():
        match = re.search(r"(\S+):(\d+):(\d+)", line)
        # Paths are given from the folder of the objects.
        name = os.path.normpath(match.group(1)).removeprefix("../") if match else ""
        place = None
        if match and name in names:
            numbers = int(match.group(2)), int(match.group(3))
            place = _Place(names[name], *numbers, "inlined from" in line)
        if line.startswith("In function"):
            inlined = None
        elif "inlined from" in line:
            inlined = inlined or place
        elif ": error:" in line:
            found = place or inlined
            wanting = found is None
            if found:
                yield found
        elif wanting and place and "of macro" in line:
            wanting = False
            yield place


def _refused_sites(texts: list[_Text], said: str) -> set[tuple[int, int]]:
    """The sites that the compiler does not take: which text, and the number of its first
    mutant."""
    made = [text.made().decode("utf-8", "replace").split("\n")[LINES_BEFORE:] for text in texts]
    found = set()
    for place in _complaints(texts, said):
        lines = made[place.text][: place.line]
        words = [(m.start() + 1, int(m.group(1))) for m in _PLACE.finditer(lines.pop())]
        before = [first for start, first in words if start <= place.column]
        after = [first for start, first in words if start > place.column]
        nearest = (after[:1] or before[-1:]) if place.inlined else (before[-1:] or after[:1])
        # As of a loop that the compiler can no longer unroll.
        while lines and not nearest:
            nearest = [int(first) for first in _PLACE.findall(lines.pop())]
        found |= {(place.text, first) for first in nearest}
    return found


def _drop_what_does_not_compile(
    tree: Path, obj: Path, texts: list[_Text], units: Sequence[str], log: Path
) -> None:
    objects = [str(Path(unit).with_suffix(".o")) for unit in units]
    command = ["make", "-s", "-k", "-C", tree, f"O={obj}", "-j", str(jobs()), *objects]
    began = sum(len(text.sites) for text in texts)
    for number in range(_ROUNDS):
        _write(tree, texts)
        taken = process.run(command, log) == 0
        left = sum(len(text.sites) for text in texts)
        if taken:
            say(f"{began} places can be changed, the compiler takes {left} of them")
            return
        if number % 5 == 4:
            say(f"compiled {number + 1} times, {began - left} places of {began} left out so far")
        wrong = _refused_sites(texts, log.read_text("utf-8", "replace"))
        if not wrong:
            break
        for at, text in enumerate(texts):
            text.sites = [one for one in text.sites if (at, one[0]) not in wrong]
    raise Refused(f"the kernel with mutants does not compile; see {log}")


def _lists(obj: Path) -> Iterator[tuple[str, str]]:
    """What was compiled of a kernel, and the list of what that was made of, as the kernel's
    make leaves it beside each object (scripts/basic/fixdep.c)."""
    for path in sorted(obj.rglob(".*.o.cmd")):
        text = text_of(path)
        found = re.search(r"^source_\S+ := \.\./(\S+)", text, re.MULTILINE)
        if found:
            yield found.group(1), text


def _units_of(files: Sequence[str], obj: Path) -> dict[str, str]:
    """The files of a kernel that was built whose compiling reads each of these: itself, or,
    of what is included, one of these files if one does, or one of its folder, or any."""
    found: dict[str, str] = {}
    for unit, text in _lists(obj):
        for file in files:
            if file == unit:
                found[file] = unit
            elif re.search(rf" \.\./{re.escape(file)} ", text):
                near = [unit in files, Path(unit).parent == Path(file).parent]
                known = found.get(file)
                if known == file:
                    continue
                if known is None or near > [
                    known in files,
                    Path(known).parent == Path(file).parent,
                ]:
                    found[file] = unit
    return found


def _compile(tree: Path, obj: Path, units: Sequence[str], what: str, log: Path) -> None:
    objects = [str(Path(unit).with_suffix(".o")) for unit in units]
    make = ["make", "-C", tree, f"O={obj}", "-j", str(jobs()), "prepare", *objects]
    step(f"preparing {what}", 600, log, obj, make)


def _count(tree: Path, mutants: int) -> None:
    replace(tree / _COUNT, f"#define MUTANTS {mutants}\n".encode())


def _parse(tree: Path, obj: Path, wanted: Sequence[Wanted]) -> list[_Text]:
    texts, number = [], 1
    for row in wanted:
        file = File(tree, obj, row.file, row.unit)
        functions = [one for one in file.functions() if row.has(one.spelling)]
        if not functions and not row.lines:
            raise Refused(f"{row.file} has no function {' or '.join(row.globs)}")
        numbered = []
        for site in sites_of(file, iter(functions)):
            if row.has_line(site.line, site.last):
                numbered.append((number, site))
                number += len(site.changes)
        texts.append(_Text(file, numbered))
    _count(tree, number - 1)
    return texts


class _Tree(OwnTree):
    """The source, what a patch makes of it that it has not, and mutants."""

    def __init__(self, src: Path, patch: Patch | None, variant: str) -> None:
        super().__init__(src, _NAMES[variant], variant)
        self.calls = Calls({})
        own = [path for path in sorted(_FILES.rglob("*")) if path.is_file()]
        self.change(["kernel/Makefile", *(str(path.relative_to(_FILES)) for path in own)])
        makefile = (self.path / "kernel/Makefile").read_bytes()
        replace(self.path / "kernel/Makefile", makefile + b"\nobj-y += mutant.o\n")
        self.change([_COUNT])
        _count(self.path, 0)
        for path in own:
            replace(self.path / path.relative_to(_FILES), path.read_bytes())
        if patch:
            self.change(patch.files())
            patch.write(self.path / ".patch")
            command = ["patch", "-s", "-f", "-p1", "--no-backup-if-mismatch", "-i", ".patch"]
            quiet(command, self.log, f"{patch.name} stopped half-way", cwd=self.path)

    def mutate(self, wanted: Sequence[Wanted], what: str) -> list[Mutant]:
        units = sorted({row.unit or row.file for row in wanted})
        _compile(self.path, self.obj, units, what, self.log)
        self.change([row.file for row in wanted])
        texts = _parse(self.path, self.obj, wanted)
        self.calls = Calls.of(pair for file in self._files(wanted, texts) for pair in file.calls())
        _drop_what_does_not_compile(self.path, self.obj, texts, units, self.log)
        return [one for text in texts for one in text.mutants()]

    def _files(self, wanted: Sequence[Wanted], texts: Sequence[_Text]) -> Iterator[File]:
        """Those that are mutated, those that include them, and those of the default table:
        what calls what is the same whatever is asked."""
        yield from (text.file for text in texts)
        rows = [*default(), *(Wanted(row.unit, ()) for row in wanted if row.unit)]
        others = {row.file: row for row in rows}
        for row in wanted:
            others.pop(row.file, None)
        units = sorted({row.unit or row.file for row in others.values()})
        _compile(self.path, self.obj, units, "what calls them", self.log)
        for row in others.values():
            yield File(self.path, self.obj, row.file, row.unit)

    def keep_sources(self, wanted: Sequence[Wanted], where: Path) -> None:
        """The files as they are before they are mutated."""
        for row in wanted:
            (where / row.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.path / row.file, where / row.file)

    def touched(self, files: Sequence[Touched], what: str) -> list[Wanted]:
        """Of what a patch touches: what this configuration compiles into the kernel."""
        make = ["make", "-C", self.path, f"O={self.obj}", "-j", str(jobs()), "vmlinux"]
        step(f"building the kernel with {what}", 2000, self.log, self.obj, make)
        units = _units_of([one.file for one in files], self.obj)
        found = []
        for one in files:
            unit = units.get(one.file)
            if unit is None:
                say(f"{one.file} is not compiled in the lab's configuration")
            else:
                found.append(Wanted(one.file, ("*",), "" if unit == one.file else unit, one.lines))
        if not found:
            raise Refused(f"nothing of {what} is compiled in the lab's configuration")
        return found


def _make(
    src: Path,
    variant: str,
    wanted: Sequence[Wanted],
    patch: Patch | None,
    missing: Patch | None,
    part: Path,
) -> None:
    what = f"Linux {source.version(src)} with mutants"
    tree = _Tree(src, missing, variant)
    tree.configure(what)
    if patch:
        wanted = tree.touched(patch.touched(), patch.name)
    tree.keep_sources(wanted, part / "source")
    mutants = tree.mutate(wanted, what)
    if not mutants:
        raise Refused("there is no mutant of this")
    kernel.compile_and_keep(src, tree.path, tree.obj, what, tree.log, part)
    mutant.write(part / "mutants.json", mutants)
    tree.calls.write(part / CALLS)


def build(
    wanted: Sequence[Wanted],
    patch: Patch | None = None,
    named: str = "",
    variant: str = "plain",
) -> Path:
    """The folder with bzImage, config and mutants.json.

    wanted -- the functions; of no account with a patch
    patch -- the lines that it touches, in the tree that has it then; the reference kernel
        has it already
    named -- the kernel, as 6.12, or the usual one
    variant -- plain or reference
    """
    need_tool("gcc", "building the kernel")
    src = source.tree(named)
    is_plain = variant == "plain"
    missing = patch if patch and is_plain and not patch.is_in(src) else None
    code = Path(sites.__file__).parent
    key = key_of(
        "mutants",
        *source.name_of(src),
        compiler("gcc"),
        *kernel.fragments("plain"),
        *(code / f"{name}.py" for name in ("parse", "sites", "edit", "mutant", "patch", "calls")),
        Path(__file__),
        _FILES,
        *kernel.module_sources(),
        "" if is_plain else kernel.PATCH.parent,
        *(row.key() for row in ([] if patch else wanted)),
        patch.sum() if patch else "",
    )
    return cached(
        cache_folder("kernel") / f"mutants-{key}",
        2500,
        "building the kernel with mutants",
        lambda part: _make(src, variant, wanted, patch, missing, part),
        fresh=source.given(),
    )
