# SPDX-License-Identifier: GPL-2.0-only
"""Products in the cache: made once, by one process at a time, there whole or not."""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..base import process
from ..base.place import Lock, cache, cache_folder, need_space, text_of
from ..base.progress import Progress
from ..base.say import Refused, complain, say

# flock() does not tell threads apart.
_one_at_a_time = threading.RLock()


def key_of(*items: str | Path) -> str:
    """A name for everything that went into a product: files and folders by what is in
    them, words as they are."""
    total = hashlib.sha256()
    for item in items:
        if isinstance(item, str):
            total.update(f"{item}\n".encode())
        elif item.is_dir():
            for path in sorted(
                (p for p in item.rglob("*") if p.is_file() and not p.is_symlink()), key=os.fsencode
            ):
                total.update(f"{file_sum(path)}  ./{path.relative_to(item)}\n".encode())
        else:
            total.update(f"{file_sum(item)}  -\n".encode())
    return total.hexdigest()[:16]


def file_sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def compiler(name: str) -> str:
    """The first line of what a compiler says of its version."""
    return process.output([name, "--version"]).partition("\n")[0]


class CacheLock:
    """One build at a time in the cache, over processes and threads; a build that needs
    another has the lock already. What is started under it holds it, too: a make that
    outlives a kill of ours is still at work there."""

    _held: list[Lock] = []

    def __enter__(self) -> None:
        _one_at_a_time.acquire()
        try:
            lock = Lock(cache_folder() / "lock")
            self._held.append(self._held[-1] if self._held else lock.take("another build"))
        except BaseException:
            _one_at_a_time.release()
            raise

    def __exit__(self, *_: object) -> None:
        lock = self._held.pop()
        if not self._held:
            lock.__exit__()
        _one_at_a_time.release()

    @classmethod
    def handles(cls) -> tuple[int, ...]:
        """For the children of who holds it."""
        return tuple(lock.fileno() for lock in cls._held[:1])


def cached(
    out: Path, mib: int, what: str, make: Callable[[Path], None], fresh: bool = False
) -> Path:
    """The folder OUT, made by MAKE in a folder beside it and moved into place.

    mib -- the room that takes
    what -- "building QEMU"
    fresh -- make it again though it is there: what it is made of may have changed
    """
    if out.exists() and not fresh:
        return out
    with CacheLock():
        # Whoever held the lock may have made it.
        if out.exists() and not fresh:
            return out
        need_space(mib, what)
        part = out.with_name(f"{out.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    return out


# Takes the mark away when the command has ended, as one that is asked to end (SIGTERM)
# takes its halves of files away first. Neither is done by who is killed.
_MARKED = 'trap : TERM; mark=$1; shift; "$@"; got=$?; [ $got = 137 ] || rm "$mark"; exit $got'


def _mark(made: Path) -> Path:
    return made.with_name(f"{made.name}.unfinished")


def is_unfinished(made: Path) -> bool:
    """Was the build in the folder MADE killed, or is it at work?"""
    return _mark(made).exists()


def forget_halves(made: Path) -> None:
    """Remove what was built in the folder MADE if the build was killed: a file that is half
    written is newer than what it is made of, and make takes it for whole."""
    if is_unfinished(made):
        say(f"a build was killed in {made}: all of it is built anew")
        shutil.rmtree(made, ignore_errors=True)
        _mark(made).unlink()


def step(
    what: str, steps: int, log: Path, made: Path, command: process.Words, **options: object
) -> None:
    """Run a long command, its output in LOG, and show how far it is.

    steps -- the lines of output that it is taken to have, if it was never run
    made -- the folder it writes to, see forget_halves()
    """
    known = cache() / "steps" / re.sub(r"[^a-zA-Z0-9]", "_", what)
    steps = int(text_of(known) or steps)
    say(f"{what} ...")
    began = time.monotonic()
    progress = Progress(what, steps, 250)
    log.parent.mkdir(parents=True, exist_ok=True)
    mark = _mark(made)
    mark.touch()
    marked = ["sh", "-c", _MARKED, "sh", mark, *command]
    with open(log, "wb") as file:
        handles = CacheLock.handles()
        running = process.start(
            marked, stdout=file, stderr=subprocess.STDOUT, pass_fds=handles, **options
        )
    tail = process.Tail(log)

    def look() -> bool:
        for line in tail.lines():
            progress.step(line)
        return False

    try:
        status = process.wait(running, None, look)
    except BaseException:
        process.end(running, ask=True)
        raise
    look()
    progress.close()
    if status != 0:
        for line in text_of(log).splitlines()[-15:]:
            complain(line)
        raise Refused(f"{what} failed; the whole output is in {log}")
    # What was half done before has fewer.
    if progress.done > steps / 2:
        known.parent.mkdir(exist_ok=True)
        known.write_text(f"{progress.done}\n", encoding="utf-8")
    say(f"{what}: done in {time.monotonic() - began:.0f} s")


def quiet(command: process.Words, log: Path, wrong: str, tail: int = 0, **options: object) -> None:
    """Run a command whose output matters only if it fails: its end is shown then."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if process.run(command, log, **options) != 0:
        for line in text_of(log).splitlines()[-tail:] if tail else ():
            complain(line)
        raise Refused(f"{wrong}; see {log}")
