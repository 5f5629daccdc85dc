# SPDX-License-Identifier: GPL-2.0-only
"""Where things are: the suite, its cache, what is built here, and the room for it."""

import contextlib
import fcntl
import os
import pwd
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from .say import Refused, say

TOP = Path(__file__).resolve().parents[3]


def home() -> Path:
    """The user's folder, of the environment or, without one, of the system's list."""
    named = os.environ.get("HOME", "")
    if not named:
        try:
            named = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise Refused("no home: set HOME or XDG_CACHE_HOME") from None
    return Path(named)


def cache() -> Path:
    """The folder for what is built once; a relative XDG_CACHE_HOME is none (XDG)."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else home() / ".cache"
    return base / "pmu_passthrough"


def build_of(top: Path) -> Path:
    """The folder for what is made of TOP: in a checkout, or, if a package installed
    it, in the user's cache. LAB_BUILD= overrides it."""
    named = os.environ.get("LAB_BUILD", "")
    if named:
        return Path(named).absolute()
    return cache() / "build" if top.is_relative_to("/usr") else top / "build"


def build() -> Path:
    return build_of(TOP)


def reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def folder(path: Path, what: str) -> Path:
    """The folder, made if it is not there; refused if nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise Refused(f"cannot write {what} {path}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise Refused(f"cannot write {what} {path}")
    return path


def cache_folder(name: str = "") -> Path:
    top = folder(cache(), "to the cache,")
    return folder(top / name, "to the cache,") if name else top


# A folder that can be made again (bford.info/cachedir).
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by pmu_passthrough.\n"


def is_ours(path: Path) -> bool:
    """Was the folder made to build in, and nothing else?"""
    return path == TOP / "build" or path.is_relative_to(cache()) or (path / _TAG).is_file()


def build_folder(name: str = "") -> Path:
    top = build()
    new = not top.exists()
    folder(top, "to")
    if new:
        write_whole(top / _TAG, _TAG_TEXT)
    return folder(top / name, "to")


def free_mib(path: Path) -> int:
    return shutil.disk_usage(path).free >> 20


def need_space(mib: int, what: str) -> None:
    """Refuse to begin what the cache has no room for, in MiB."""
    where = cache_folder()
    free = free_mib(where)
    if free < int(os.environ.get("LAB_FREE_MIB_TEST", "") or mib):
        raise Refused(f"no space for {what}: {where} has {free} MiB free, {mib} are needed")


def need_room(where: Path, mib: int) -> None:
    """What a run leaves in the folder of its results must fit, in MiB."""
    free = free_mib(where)
    if free < mib:
        raise Refused(f"no room for results in {where}: {free} MiB free, {mib} are needed")


def need_tool(tool: str, why: str) -> None:
    if shutil.which(tool) is None:
        raise Refused(f'{tool} is missing ({why}); "scripts/lab doctor" tells how to get it')


class Lock:
    """A lock that goes with the process; by file, so that other processes see it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def _open(self) -> IO[str]:
        try:
            # For reading, too: so nobody waits for a reader of what is no file.
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise Refused(f"cannot write to {self._path.parent}: {reason(error)}") from None
        return os.fdopen(handle, "w", encoding="utf-8")

    def try_take(self) -> bool:
        self._file = self._open()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            return False
        return True

    def take(self, waiting_for: str) -> "Lock":
        if not self.try_take():
            say(f"waiting for {waiting_for} to finish")
            self._file = self._open()
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def fileno(self) -> int:
        assert self._file is not None
        return self._file.fileno()

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file that is there whole or not at all; one that is there keeps its mode,
    and one that a link names its place."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    target = Path(os.path.realpath(path))
    try:
        handle, part = tempfile.mkstemp(prefix=".part.", dir=target.parent)
    except OSError as error:
        raise Refused(f"cannot write to {path}: {reason(error)}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(
                file.fileno(), target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~mask
            )
        os.replace(part, target)
    except OSError as error:
        raise Refused(f"cannot write to {path}: {reason(error)}") from None
    finally:
        if os.path.exists(part):
            os.unlink(part)


def text_of(path: Path) -> str:
    """A file's text, whatever bytes are in it; empty if it is not there."""
    try:
        return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    except OSError:
        return ""


def columns(name: str) -> list[list[str]]:
    """The rows of a list in configs/, "column | column", without its comments."""
    lines = (TOP / "configs" / name).read_text(encoding="utf-8").splitlines()
    return [line.split(" | ") for line in lines if line and not line.startswith("#")]


_PREFIX = "pmu_passthrough-tmp."
# One that is younger may not have its lock yet, in seconds.
_YOUNG = 60
_temporary: list[tuple[Path, int]] = []


def _locked(path: Path) -> int | None:
    """A lock on a folder itself, that goes with the process; None if another has it."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _remove_leftovers(where: Path, prefix: str) -> None:
    """Temporary folders of commands that were killed: nobody holds their lock."""
    for path in where.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < _YOUNG:
                continue
            handle = _locked(path)
            if handle is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(handle)


def temporary_folder(where: Path | None = None, prefix: str = _PREFIX) -> Path:
    """A folder that goes when the command ends, or, if it is killed, with a later one.

    where -- the folder that it is in, instead of the usual one
    """
    where = where or Path(tempfile.gettempdir())
    _remove_leftovers(where, prefix)
    try:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
    except OSError as error:
        raise Refused(f"cannot write to {where}: {reason(error)}") from None
    _temporary.append((path, _locked(path) or -1))
    return path


def remove_temporary() -> None:
    while _temporary:
        shutil.rmtree(_temporary.pop()[0], ignore_errors=True)
