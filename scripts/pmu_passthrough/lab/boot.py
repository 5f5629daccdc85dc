# SPDX-License-Identifier: GPL-2.0-only
"""One boot of the emulated host: its deadline, and who watches what it says."""

import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.place import text_of
from ..base.progress import Progress
from ..base.say import Refused, complain
from ..results.arrivals import Arrivals
from ..results.console import complaint
from .request import Request

# How long an emulator may take to write down what it has, in seconds.
_LAST_WORDS = 2.0
# How often somebody looks at the report, in seconds.
_LOOK = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


def _computing(pid: int) -> float:
    """The CPU seconds that a process has taken, 0 if it is gone."""
    # The second field, in brackets, may have anything in it (proc(5)).
    fields = text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


@dataclass(frozen=True)
class Ending:
    """How a boot ended: "yes", by itself with this status; "no", at its deadline;
    "stopped", by who watched it."""

    how: str
    status: int = 0
    seconds: int = 0

    def check(self, out: Path) -> None:
        """One that ended by itself, with nothing said, could not begin."""
        if self.how == "yes" and self.status != 0 and not text_of(out / "report.log"):
            for line in text_of(out / "emulator.log").splitlines()[-5:]:
                complain(line)
            raise Refused(
                f"the emulator ended with status {self.status}; see {out / 'emulator.log'}"
            )


class Watch:
    """Looks at what a boot says, and may end it."""

    def heard(self, line: str) -> bool:
        """A line of the report: is it over?"""
        raise NotImplementedError

    def silent(self, seconds: float) -> bool:
        """Nothing was said for so long: is it over?"""
        raise NotImplementedError


class FirstFailure(Watch):
    """Ends at a case that failed, having named the rule that is waited for, or any; or
    at one in which the kernel complained and then nothing was said for longer than a
    case waits for anything: the kernel stopped in it."""

    def __init__(self, request: Request, out: Path) -> None:
        self._rule = "" if request.stop_at == "any" else request.stop_at
        self._most = 25 * request.patience * request.machine.slowness
        self._console = out / "console.log"
        self._before = 0
        self._named = not self._rule

    def heard(self, line: str) -> bool:
        if line.startswith("#  RUN "):
            self._before = self._console.stat().st_size
        for word in ("violates", "undecided"):
            if line.startswith((f"# {word} {self._rule}:", f"# {word} {self._rule}.")):
                self._named = True
        return line.startswith("not ok") and self._named

    def silent(self, seconds: float) -> bool:
        if seconds < self._most:
            return False
        return bool(
            complaint(self._console.read_bytes()[self._before :].decode("utf-8", "replace"))
        )


class Silence(Watch):
    """Ends when nothing was said for so long."""

    def __init__(self, seconds: int) -> None:
        self._most = seconds

    def heard(self, line: str) -> bool:
        return False

    def silent(self, seconds: float) -> bool:
        return seconds >= self._most


def _end(running: "subprocess.Popen[bytes]") -> None:
    running.send_signal(signal.SIGTERM)
    process.wait(running, _LAST_WORDS)
    process.end(running)


def boot(
    command: list[str],
    out: Path,
    deadline: int,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> Ending:
    """Run an emulator's command whose ports go to OUT/console.log and OUT/report.log.

    deadline -- in seconds
    watch -- who may end it before
    progress -- takes a step a program
    """
    (out / "command").write_bytes(os.fsencode(shlex.join(command)) + b"\n")
    (out / "command.words").write_bytes(b"".join(os.fsencode(word) + b"\0" for word in command))
    tail = process.Tail(out / "report.log")
    began = last = time.monotonic()
    cut = lines = 0
    arrivals = Arrivals()

    def note() -> None:
        arrivals.add(lines, time.monotonic() - began, _computing(running.pid))

    def look() -> bool:
        nonlocal last, cut, lines
        for line in tail.lines():
            last = time.monotonic()
            lines += 1
            if progress and line.startswith("@@lab program "):
                progress.step(line.removeprefix("@@lab program "))
            if watch and watch.heard(line):
                cut = tail.at
                return True
        if not arrivals.lines or arrivals.lines[-1] != lines:
            note()
        return bool(watch and watch.silent(time.monotonic() - last))

    with open(out / "emulator.log", "wb") as log:
        running = process.start(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        status = process.wait(running, deadline, look, every=_LOOK)
    except BaseException:
        process.end(running)
        raise
    seconds = time.monotonic() - began
    lines += sum(1 for _ in tail.raw_lines())
    arrivals.add(lines, seconds, arrivals.computing)
    arrivals.write(out)
    if progress:
        progress.close()
    if status is not None:
        return Ending("yes", status, round(seconds))
    _end(running)
    if cut:
        # What was said while it was ended came after the end.
        os.truncate(out / "report.log", cut)
    return Ending("no" if seconds >= deadline else "stopped", 0, round(seconds))


def needs_progress(programs: int, name: str = "") -> Progress | None:
    """How far a boot of so many programs is; a single one needs none."""
    return Progress(name, programs, 8) if programs > 1 else None
