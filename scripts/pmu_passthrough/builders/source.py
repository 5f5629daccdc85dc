# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's source: the newest 7.x the distribution offers, or a named one of those
it has, unmodified, or the user's tree (KSRC=); and its user-space headers."""

import functools
import os
import re
import shutil
from pathlib import Path

from ..base.options import jobs
from ..base.place import cache, cache_folder, need_tool, text_of, write_whole
from ..base.say import Refused, say
from . import debian
from .cache import CacheLock, cached, key_of, quiet

# The first that can hand the PMU over, and the oldest that was run (docs/lab.md).
MEDIATED = (7, 0)
OLDEST = (6, 12)


def _version_of(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", name)]


def given() -> bool:
    """A user's tree may change at any time, a distribution's does not."""
    return bool(os.environ.get("KSRC"))


def package(update: bool = False) -> str:
    """The newest linux-source-7.x of the newer suite, asked for once and remembered, so
    that a filled cache needs no network; UPDATE asks again."""
    known = cache() / "kernel/default-source"
    if update or not text_of(known).strip():
        names = debian.search(r"^linux-source-7\.[0-9]+$")
        if not names:
            raise Refused(f"{debian.SUITE} offers no linux-source-7.x: give a tree with KSRC=")
        cache_folder("kernel")
        write_whole(known, max(names, key=_version_of) + "\n")
    return text_of(known).strip()


def named_package(version: str) -> str:
    """The linux-source package of a version, two numbers as 6.12."""
    name = f"linux-source-{version}"
    if not (cache() / "src" / name).exists():
        there = sorted(debian.search(r"^linux-source-[0-9]+\.[0-9]+$"), key=_version_of)
        if name not in there:
            offered = " ".join(one.removeprefix("linux-source-") for one in there)
            raise Refused(f"{debian.SUITE} has no Linux {version}; there is: {offered}")
    return name


def _unpack(name: str, part: Path) -> None:
    deb = debian.download(part / "deb", name)
    say(f"unpacking {name}")
    debian.unpack(deb, part / "deb")
    archive = part / f"deb/usr/src/{name}.tar.xz"
    quiet(
        ["tar", "-xf", archive, "-C", part, "--strip-components", "1"],
        cache() / "apt/log",
        f"cannot unpack {name}",
    )
    shutil.rmtree(part / "deb")


def check_given() -> None:
    """Is what KSRC= names a kernel's tree?"""
    needed = ("Kbuild", "Makefile", "tools/testing/selftests/kvm")
    named = os.environ.get("KSRC", "")
    if named and not all((Path(named) / name).exists() for name in needed):
        raise Refused(f"KSRC={named} is no kernel source tree")


def check_named(named: str) -> None:
    """Is there such a kernel, and no tree given beside it?"""
    if named and given():
        raise Refused("KSRC= is a tree already: no --kernel-version")
    if named:
        named_package(named)


def tree(named: str = "") -> Path:
    """The folder of the source tree, unpacked if it is not there; NAMED as 6.12."""
    check_named(named)
    if given():
        check_given()
        return Path(os.environ["KSRC"]).resolve()
    name = named_package(named) if named else package()
    return cached(
        cache() / "src" / name, 4000, "the kernel's source", lambda part: _unpack(name, part)
    )


@functools.cache
def version(path: Path) -> str:
    """As "make kernelversion" says it: the first lines of the tree's Makefile."""
    text = text_of(path / "Makefile")[:2000]
    found = [
        re.search(rf"^{name} =[ \t]*(.*)$", text, re.MULTILINE)
        for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION")
    ]
    if found[0] is None or found[1] is None:
        raise Refused(f"{path} does not say which version of Linux it is")
    parts = [match[1].strip() if match else "" for match in found]
    return ".".join(part for part in parts[:3] if part) + parts[3]


def is_older(name: str, than: tuple[int, int]) -> bool:
    return tuple(_version_of(name)[:2]) < than


def check_version(name: str, what: str) -> None:
    if is_older(name, OLDEST):
        oldest = ".".join(str(n) for n in OLDEST)
        raise Refused(f"{what} is Linux {name}, too old: the oldest is {oldest}")


def name_of(path: Path) -> list[str]:
    """What tells a distribution's tree from others, for keys."""
    return [f"name {path}", version(path)]


def _make_headers(path: Path, part: Path, log: Path) -> None:
    made = part / "made"
    made.mkdir()
    command = ["make", "-s", "-C", path, f"O={made}", "-j", str(jobs()), "headers"]
    quiet(command, log, f"making the headers of {path} failed")
    (made / "usr").rename(part / "usr")
    shutil.rmtree(made)


@functools.cache
def headers() -> Path:
    """The folder that has usr/include of the kernel source."""
    need_tool("gcc", "building everything")
    need_tool("rsync", "the kernel's user-space headers")
    path = tree()
    out = cache_folder("headers") / key_of(*name_of(path))
    log = out.with_name(f"{out.name}.log")
    if not given():
        return cached(out, 100, "the kernel's headers", lambda part: _make_headers(path, part, log))
    # Files that are the same keep their times, so that nothing is built again for them.
    with CacheLock():
        made = out.with_name(f"{out.name}.part")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        try:
            _make_headers(path, made, log)
            out.mkdir(exist_ok=True)
            command = ["rsync", "-rc", "--delete", f"{made}/usr/", f"{out}/usr/"]
            quiet(command, log, f"cannot write to {out}")
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return out
