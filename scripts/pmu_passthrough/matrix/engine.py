# SPDX-License-Identifier: GPL-2.0-only
"""Many runs, some at a time, that go on where they were interrupted.

What was done for an item lies in a folder; the file "state" there, written last, says of
what: suite, kernel, emulator, and what was asked. A result of another state is no result.
"""

import functools
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from ..base import process, say
from ..base.place import TOP, folder, text_of, write_whole
from ..base.progress import time_left
from ..base.say import Refused
from ..builders import kernel, source
from ..builders.cache import file_sum
from ..lab import run as runs
from ..lab.request import Request
from ..results import table
from ..results.model import Results, load
from ..suite import rules

T = TypeVar("T")

# Whose files decide about verdicts; what is asked first does not.
_PARTS = (
    "lab",
    "lib",
    "selftests",
    "guest_code",
    "scripts/lab",
    "scripts/pmu_passthrough",
    "configs",
)
_NOT = "configs/killing-cases.list"
# What a matrix does not take from the environment: its runs are told.
OWN = (
    "KERNEL",
    "CONTRACT",
    "ROUGH_GIVEN",
    "PMU_SEED",
    "PMU_ORDER",
    "PMU_DELAY_US",
    "PMU_RACE_MS",
    "PMU_EXPLORE_MS",
    "PMU_PATIENCE",
)


def forget_environment() -> None:
    for name in OWN:
        os.environ.pop(name, None)


def _files() -> list[str]:
    if TOP.is_relative_to("/usr"):
        found = (
            path
            for part in _PARTS
            for path in [TOP / part, *(TOP / part).rglob("*")]
            if path.is_file()
        )
        return sorted(str(p.relative_to(TOP)) for p in found if "__pycache__" not in p.parts)
    listed = process.output(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard", *_PARTS])
    if not listed:
        raise Refused(f"{TOP} is neither a checkout of git nor installed")
    return sorted(set(listed.splitlines()))


def suite_state(variants: Sequence[str] = ("reference", "plain")) -> str:
    """Everything that a verdict depends on, as one word: the checkout, the kernels of these
    variants and the emulators."""
    total = hashlib.sha256()
    for name in _files():
        if name != _NOT and (TOP / name).is_file():
            total.update(f"{name} ".encode() + hashlib.sha256((TOP / name).read_bytes()).digest())
    for variant in variants:
        made = kernel.build(variant)
        total.update(str(made).encode())
        if source.given():
            total.update(file_sum(made / "bzImage").encode())
    for name in ("KSRC", "QEMU_SRC", "BOCHS_SRC", "LAB_MEMORY_MIB"):
        total.update(f"{os.environ.get(name, '')}\n".encode())
    return total.hexdigest()[:16]


class Matrix:
    """Items, so many at a time.

    out -- the folder of all results
    jobs -- how many at a time
    state -- of suite and kernel
    """

    def __init__(self, out: Path, jobs: int, state: str = "") -> None:
        self.out = folder(out, "results to").resolve()
        self.jobs = jobs
        self.state = state
        self.began = time.monotonic()
        self._locks: dict[Path, threading.Lock] = {}
        self._guard = threading.Lock()

    @property
    def seconds(self) -> int:
        return round(time.monotonic() - self.began)

    def each(self, work: Callable[[T], None], items: Sequence[T]) -> None:
        """Do the work of each item. The first that fails ends it; what was begun is
        waited for."""
        if items:
            runs.side_by_side([functools.partial(work, item) for item in items], self.jobs)

    def progress(self, at: int, of: int, what: str = "", done: int | None = None) -> None:
        """Say how far it is: AT an item, with so many DONE (default: as many)."""
        left = time_left(at if done is None else done, of, self.seconds)
        say.say(f"{what}{at} of {of}, after {self.seconds // 60} min{left}")

    def has(self, where: Path, asked: str) -> bool:
        return text_of(where / "state").strip() == f"{self.state} {asked}".strip()

    def mark(self, where: Path, asked: str) -> None:
        write_whole(where / "state", f"{self.state} {asked}".strip() + "\n")

    def once(self, where: Path) -> threading.Lock:
        """A lock for what several items want to have been done."""
        with self._guard:
            return self._locks.setdefault(where, threading.Lock())

    def run(
        self, where: Path, request: Request, check: Callable[[Results], None] = lambda _: None
    ) -> Results:
        """A run in the folder WHERE, unless this very run left its result there. What it
        says of itself goes into the file "progress", what became of it into "table".
        CHECK refuses what is no result."""
        asked = request.again() + f" --filter {request.filter} {request.stop_at} {request.timeout}"
        if self.has(where, asked):
            return load(where / "results.json")
        lines: list[str] = []
        try:
            with say.kept_for_later(lines):
                results = runs.run(request, where)
        except Refused as refusal:
            raise Refused(f"no result in {where}: {refusal}") from None
        finally:
            if where.is_dir():
                (where / "progress").write_text(
                    "".join(f"{line}\n" for line in lines), encoding="utf-8"
                )
        write_table(where, [results])
        for name in ("initrd", "disk.iso"):
            (where / name).unlink(missing_ok=True)
        check(results)
        self.mark(where, asked)
        return results


def write_table(where: Path, results: list[Results]) -> None:
    text = "".join(f"{line}\n" for line in table.lines(results, rules.sentences()))
    (where / "table").write_text(text, encoding="utf-8", errors="surrogateescape")


class BusyLoops:
    """One for each core of this machine, if wanted, gone when this process is."""

    def __init__(self, wanted: bool) -> None:
        self._count = len(os.sched_getaffinity(0)) if wanted else 0

    def __enter__(self) -> "BusyLoops":
        loop = ["sh", "-c", "while :; do :; done"]
        self._running = [process.start(loop) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for running in self._running:
            process.end(running)


def drawn(items: Iterable[str], seed: int) -> list[str]:
    """All of them, in an order that follows from the seed."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{seed} {item}\n".encode()).hexdigest())
