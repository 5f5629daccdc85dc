# SPDX-License-Identifier: GPL-2.0-only
"""What no linter knows: rules of this tree that "scripts/test style" checks. Each check
returns what is wrong, a line each."""

import functools
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from ..base import process
from ..base.place import TOP, text_of
from ..suite.cases import programs
from ..suite.rules import all_rules
from . import rules

_LICENCE = "SPDX-License-Identifier: GPL-2.0-only"
_LICENSED = (".c", ".cc", ".h", ".S", ".sh", ".inc", ".bats", ".py", ".j2", ".mk")
_MOST_LINES = 600
# The rooms of lib/, the lowest first; one includes only what is below it.
_FLOORS = (("base", "contract"), ("host", "perf"), ("vm", "explore", "report"), ("harness",))
# The packages of the scripts likewise.
_PACKAGES = (
    "base",
    "suite",
    "results",
    "mutation",
    "builders",
    "lab",
    "series",
    "kernelci",
    "matrix",
    "commands",
)


@functools.cache
def tracked() -> tuple[str, ...]:
    names = process.output(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard"]).splitlines()
    return tuple(name for name in names if (TOP / name).is_file())


@functools.cache
def _head(name: str) -> str:
    with open(TOP / name, encoding="utf-8", errors="replace") as file:
        return file.read(200)


def shell_scripts() -> list[str]:
    shell = re.compile(r"\A#!.*(bash|/sh|busybox sh)|^# shellcheck shell=", re.MULTILINE)
    return [name for name in tracked() if shell.search(_head(name)) and not name.endswith(".bats")]


def python_files() -> list[str]:
    return [
        name
        for name in tracked()
        if name.endswith(".py") or _head(name).startswith("#!/usr/bin/python3")
    ]


def c_files() -> list[str]:
    return [
        name
        for name in tracked()
        if name.endswith((".c", ".h")) and not re.match("(lab|upstream)/(qemu|bochs)/", name)
    ]


def black_fits() -> bool:
    """Each release of Black has a style of its own; this is that of Debian 12."""
    try:
        said = subprocess.run(
            ["black", "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return False
    return " 23." in said


def _licences() -> list[str]:
    wanted = [
        n for n in tracked() if n.endswith(_LICENSED) or re.fullmatch("scripts/[a-z]+|Makefile", n)
    ]
    return [
        f"{name} has no SPDX line"
        for name in wanted
        if _LICENCE not in "".join(text_of(TOP / name).splitlines()[:3])
    ]


def _lines_with(pattern: str, files: list[Path]) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{path.relative_to(TOP)}:{number}:{line}"
        for path in files
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if found.search(line)
    ]


def _no_expectations() -> list[str]:
    """What a test may not contain: the contract has it."""
    answers = r"[!=]= *-?E(BUSY|OPNOTSUPP|INVAL|NODEV)\b|case E(BUSY|OPNOTSUPP)\b"
    return _lines_with(rf"(ASSERT|EXPECT)_|{answers}|\b(sleep|usleep|nanosleep)\(", programs())


def _pure_contract() -> list[str]:
    """lib/contract is a pure function: it includes nothing that could ask anybody."""
    allowed = r"<(errno|stdbool|stddef|stdint|string)\.h>|\"(contract|fields|filter|rule|act_list|world|world_state)\.h\""
    files = sorted((TOP / "lib/contract").glob("*.[ch]"))
    return [line for line in _lines_with("^#include", files) if not re.search(allowed, line)]


def _rooms() -> Iterator[str]:
    """Each room of lib/ includes only rooms below it; guest_code/ includes none."""
    floor = {room: number for number, rooms in enumerate(_FLOORS) for room in rooms}
    for room, own in floor.items():
        for path in sorted((TOP / "lib" / room).glob("*.[ch]")):
            for included in re.findall(
                r'^#include "([a-z./_]+)/[a-z_]+\.h"', text_of(path), re.MULTILINE
            ):
                other = included.removeprefix("../").split("/")[0]
                if other not in ("guest_code", "..") and floor.get(other, 9) >= own:
                    yield f"{path.relative_to(TOP)} includes {included}, which is not below it"
    yield from _lines_with('^#include ".*/', sorted((TOP / "guest_code").glob("*.[ch]")))


def _packages() -> Iterator[str]:
    """Each package of the scripts imports only those before it."""
    top = TOP / "scripts/pmu_passthrough"
    for number, package in enumerate(_PACKAGES):
        for path in sorted((top / package).glob("*.py")):
            for other in re.findall(r"^from \.\.([a-z]+)", text_of(path), re.MULTILINE):
                if other not in _PACKAGES[:number]:
                    yield f"{path.relative_to(TOP)} imports {other}, which is not before it"


def _documented() -> Iterator[str]:
    """Every rule of the model: the same sentence in its document, and a case that asks it."""
    asked = "".join(text_of(path) for path in [*programs(), TOP / "lib/explore/explore.h"])
    for rule in all_rules():
        words = (
            f"- **{rule.name}** {rule.sentence}"
            if rule.is_aspect
            else f"### {rule.name} {rule.sentence}"
        )
        if words not in text_of(TOP / rule.document).splitlines():
            yield f'{rule.document} has no line "{words}"'
        if f'"{rule.name}"' not in asked:
            yield f"{rule.name} is asked by no case"


def _listed() -> Iterator[str]:
    """The table of rules is what its tool makes of the tree, and names all programs."""
    text = text_of(TOP / "docs/rules.md")
    if text != "".join(f"{line}\n" for line in rules.table()):
        yield "docs/rules.md is not up to date: scripts/rules >docs/rules.md"
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| [MRED][0-9]", line)]
    yield from (
        f"{row[0][2:]} has no case that is named after it" for row in rows if not row[3].strip()
    )
    named = set(re.findall("[a-z_]+_test", " ".join(row[3] for row in rows)))
    yield from (
        f"no rule has a case in {path.stem}" for path in programs() if path.stem not in named
    )


def _short() -> list[str]:
    sized = [
        name
        for name in tracked()
        if name.endswith((".c", ".h")) or re.match("scripts/|lab/init", name)
    ]
    lines = {name: len(text_of(TOP / name).splitlines()) for name in sized}
    return [f"{name} has {count} lines" for name, count in lines.items() if count > _MOST_LINES]


def _list(check: Callable[[], Iterator[str]]) -> Callable[[], list[str]]:
    return lambda: list(check())


CHECKS: dict[str, Callable[[], list[str]]] = {
    "every file names its licence": _licences,
    "no test contains an expectation or sleeps": _no_expectations,
    "the contract is a pure function": _pure_contract,
    "no room of lib/ includes one above it": _list(_rooms),
    "no package of the scripts imports one after it": _list(_packages),
    "every rule has its sentence in its document, and a case": _list(_documented),
    "the table of rules is up to date": _list(_listed),
    "no file is too long": _short,
}
