# SPDX-License-Identifier: GPL-2.0-only
"""Debian's packages: what is installed, and sources of a newer suite without touching
the machine's own apt configuration."""

import contextlib
import functools
import os
import pwd
import re
import subprocess
import time
from pathlib import Path

from ..base import process
from ..base.place import cache, cache_folder, columns, need_tool, text_of
from ..base.say import Refused, say
from .cache import CacheLock, file_sum

SUITE = "trixie"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


@functools.cache
def release() -> dict[str, str]:
    """This machine's /etc/os-release."""
    lines = text_of(Path("/etc/os-release")).splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def is_debian() -> bool:
    return release().get("ID") == "debian"


# Of configs/packages-elsewhere.list, by what /etc/os-release has in ID or ID_LIKE.
_COLUMNS = {"debian": 0, "ubuntu": 0, "fedora": 1, "rhel": 1, "arch": 2, "suse": 3, "opensuse": 3}


def names_elsewhere(wanted: list[str], there: dict[str, str]) -> list[str] | None:
    """What a distribution calls Debian's packages WANTED, those that it has; None if it is not
    known here. THERE: its /etc/os-release."""
    ids = f"{there.get('ID', '')} {there.get('ID_LIKE', '')}".split()
    column = next((_COLUMNS[name] for name in ids if name in _COLUMNS), None)
    if column is None:
        return None
    names = {row[0]: row[column] for row in columns("packages-elsewhere.list")}
    return sorted({names[package] for package in wanted} - {"-"})


def packages(*lists: str, of: str = "") -> list[str]:
    """The packages of lists in configs/, without those of other releases of Debian (name@N)
    than this machine's, or than OF."""
    here = of or release().get("VERSION_ID")
    found = []
    for name in lists:
        for package, _, only in (row[0].partition("@") for row in columns(name)):
            if only in ("", here):
                found.append(package)
    return found


def missing(wanted: list[str]) -> list[str]:
    """Those that are not installed."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted]
    # It fails if one is not known, and tells of the others.
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    there = {line.split()[0] for line in said.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in there]


def _mirror() -> str:
    """The one this machine uses for its own release."""
    fields = "$(CREATED_BY) $(CODENAME) $(RELEASE) $(REPO_URI)"
    for line in process.output(["apt-get", "indextargets", "--format", fields]).splitlines():
        words = line.split()
        if words[0] == "Packages" and release().get("VERSION_CODENAME") in words[1:3]:
            return words[-1]
    raise Refused("no Debian mirror in this machine's apt sources")


def _apt(*command: str) -> list[str]:
    """An apt command that knows the newer suite only."""
    where = cache() / "apt"
    options: dict[str, str | Path] = {
        "Dir::Etc::SourceList": where / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": where / "lists",
        "Dir::Cache": where / "cache",
    }
    # Where the user has no name there is no other to become.
    with contextlib.suppress(KeyError):
        options["APT::Sandbox::User"] = pwd.getpwuid(os.getuid()).pw_name
    return [
        *command,
        *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
    ]


def apt_ready() -> None:
    """Read the lists of the newer suite, unless that was done just now."""
    ready = cache() / "apt/ready"
    if ready.exists() and time.time() - ready.stat().st_mtime < 3600:
        return
    with CacheLock():
        if not is_debian():
            raise Refused(
                "this is not Debian: give the sources with KSRC=, QEMU_SRC= and BOCHS_SRC="
            )
        need_tool("apt-get", "fetching sources")
        mirror = _mirror()
        where = cache_folder("apt")
        for name in ("lists/partial", "cache/archives/partial"):
            cache_folder(f"apt/{name}")
        lines = [
            f"deb [signed-by={_KEYS}] {mirror} {suite} main"
            for suite in (SUITE, f"{SUITE}-backports")
        ]
        lines.append(f"deb-src [signed-by={_KEYS}] {mirror} {SUITE} main")
        (where / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        say(f"reading the package lists of {SUITE}")
        if process.run(_apt("apt-get", "-q", "update"), where / "log"):
            raise Refused(
                f"cannot read the package lists of {SUITE} (no network?); see {where / 'log'}"
            )
        ready.touch()


def search(pattern: str) -> list[str]:
    """The packages of the newer suite whose name matches."""
    apt_ready()
    said = process.output(_apt("apt-cache", "search", "--names-only", pattern))
    return [line.split(" ")[0] for line in said.splitlines()]


def _fetch(where: Path, what: str, *command: str) -> None:
    apt_ready()
    where.mkdir(parents=True, exist_ok=True)
    say(f"downloading {what}")
    log = cache() / "apt/log"
    if process.run(_apt("apt-get", "-q", *command), log, cwd=where):
        raise Refused(f"cannot download {what}; see {log}")


def download(where: Path, package: str) -> Path:
    """The package's file, in the folder WHERE."""
    _fetch(where, package, "download", package)
    return next(where.glob(f"{package}_*.deb"))


def download_source(where: Path, package: str) -> Path:
    """The source package's description, with the archives beside it."""
    _fetch(where, f"the source of {package}", "source", "--download-only", package)
    return next(where.glob(f"{package}_*.dsc"))


def download_archives(where: Path, package: str) -> list[Path]:
    """The source package's archives, checked against the index: a mirror may lack its
    description."""
    apt_ready()
    index = process.output(_apt("apt-cache", "showsrc", package))
    part = re.search(r"^Checksums-Sha256:\n((?: .*\n)*)", index, re.MULTILINE)
    sums = re.findall(r"^ ([0-9a-f]{64}) \d+ (\S*\.tar\S*)$", part[1] if part else "", re.MULTILINE)
    if not sums:
        raise Refused(f"{SUITE} has no source package of {package}")
    where.mkdir(parents=True, exist_ok=True)
    say(f"downloading the source of {package}")
    log = cache() / "apt/log"
    process.run(_apt("apt-get", "-q", "source", "--download-only", package), log, cwd=where)
    for wanted, name in sums:
        if not (where / name).exists() or file_sum(where / name) != wanted:
            raise Refused(f"cannot download the source of {package}; see {log}")
    return [where / name for _, name in sums]


def unpack(package: Path, where: Path) -> None:
    """Lay out what a package installs."""
    if process.run(["dpkg-deb", "-x", package, where], cache() / "apt/log"):
        raise Refused(f"cannot unpack {package}; see {cache() / 'apt/log'}")
