# SPDX-License-Identifier: GPL-2.0-only
"""Child processes: none outlives the command, however that ends."""

import contextlib
import functools
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any


# Of a command: text and paths, each as str() has it.
Words = Sequence[object]
# For output that nobody reads.
NOTHING = subprocess.DEVNULL
# What is asked to end may take so long, in seconds.
_GRACE = 1.0

_running: set["subprocess.Popen[bytes]"] = set()
_guard = threading.Lock()
_over = threading.Event()


@functools.cache
def _tie() -> tuple[str, ...]:
    """util-linux' setpriv(1), if there is one that can."""
    tie = (shutil.which("setpriv") or "setpriv", "--pdeathsig", "KILL", "--")
    try:
        return () if subprocess.call([*tie, "true"], stderr=NOTHING, stdout=NOTHING) else tie
    except OSError:
        return ()


def tied(command: Words) -> list[str]:
    """The command, killed by the kernel when the thread that started it is gone
    (PR_SET_PDEATHSIG in prctl(2)): also by a SIGKILL that nobody can catch."""
    return [*_tie(), *(str(word) for word in command)]


def start(command: Words, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own, so that all of it can be ended."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(tied(command), start_new_session=True, **options)
    with _guard:
        _running.add(process)
    return process


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ask(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Let them end by themselves: a make that is killed leaves halves of files."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline and any(one.poll() is None for one in processes):
        time.sleep(0.02)


def end(process: "subprocess.Popen[bytes]", ask: bool = False) -> None:
    """Kill it and all it started, and wait for it; ASK it first."""
    if ask:
        _ask([process])
    _signal(process, signal.SIGKILL)
    process.wait()
    _forget(process)


def _forget(process: "subprocess.Popen[bytes]") -> None:
    with _guard:
        _running.discard(process)


def end_all() -> None:
    """Kill all that runs, without waiting. The command is over: threads that see their
    child end so do not go on."""
    _over.set()
    with _guard:
        running = list(_running)
    _ask(running)
    for process in running:
        _signal(process, signal.SIGKILL)


def wait(
    process: "subprocess.Popen[bytes]",
    seconds: float | None = None,
    look: Callable[[], bool] | None = None,
    every: float = 0.1,
) -> int | None:
    """Wait for its end, at most so long; look at something meanwhile, and stop if that
    says so. Returns the status, or None if it goes on."""
    if process.returncode is not None:
        _forget(process)
        return process.returncode
    deadline = None if seconds is None else time.monotonic() + seconds
    handle = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            step = left if look is None else min(every, left if left is not None else every)
            if poll.poll(None if step is None else step * 1000):
                break
            if look is not None and look():
                return None
    finally:
        os.close(handle)
    _stop_if_over()
    status = process.wait()
    _forget(process)
    return status


def _stop_if_over() -> None:
    if _over.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()


def run(command: Words, log: Path | IO[bytes] | int | None = None, **options: Any) -> int:
    """Run a command to its end, its output in a file; returns its status."""
    if isinstance(log, Path):
        with open(log, "wb") as file:
            return run(command, file, **options)
    process = start(
        command, stdout=log, stderr=subprocess.STDOUT if log is not None else None, **options
    )
    try:
        status = wait(process)
        assert status is not None
        return status
    except BaseException:
        end(process, ask=True)
        raise


def output(command: Words) -> str:
    """What a command prints, or nothing if it fails."""
    status, text = _heard(command)
    return text if status == 0 else ""


def said(command: Words) -> str:
    """What a command prints, whatever its status."""
    return _heard(command)[1]


def _heard(command: Words) -> tuple[int, str]:
    process = start(command, stdout=subprocess.PIPE, stderr=NOTHING)
    try:
        text, _ = process.communicate()
    except BaseException:
        end(process)
        raise
    _forget(process)
    return process.returncode, text.decode("utf-8", "replace")


class Tail:
    """What is added to a file, by lines that are whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Where the next line begins, in bytes.
        self.at = 0

    def raw_lines(self) -> Iterator[bytes]:
        try:
            with open(self._path, "rb") as file:
                file.seek(self.at)
                new = file.read()
        except OSError:
            return
        for line in new.split(b"\n")[:-1]:
            self.at += len(line) + 1
            yield line

    def lines(self) -> Iterator[str]:
        """Meanwhile .at is where the line that was given ends."""
        for line in self.raw_lines():
            yield line.decode("utf-8", "replace").rstrip("\r")
