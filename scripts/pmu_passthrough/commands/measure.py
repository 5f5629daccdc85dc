# SPDX-License-Identifier: GPL-2.0-only
"""The figures of docs/measurements.md, measured side by side. Asserts nothing but that
repeated verdicts agree."""

import argparse
import hashlib
import os
import re
import shlex
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..base import process
from ..base.options import number
from ..base.place import TOP, build_folder, text_of
from ..base.say import Refused
from ..base.verbs import Command, Verb
from ..builders import kernel, programs
from ..lab import run as runs
from ..lab.machine import machine
from ..lab.request import CONTRACTS, KERNELS, Request, speaks
from ..results.model import Results, load
from ..suite.renamed import refuse_contract

_LAB = TOP / "scripts/lab"
_BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"


def _out() -> Path:
    return build_folder("measure")


def _done(command: process.Words, log: Path, fine: tuple[int, ...] = (0,)) -> None:
    """Run it, its output in LOG; what did not run is not measured."""
    with open(log, "wb") as said, open(_out() / "progress", "wb") as progress:
        running = process.start(command, stdout=said, stderr=progress)
        status = process.wait(running)
    if status not in fine:
        raise Refused(
            f"{shlex.join(str(word) for word in command)} ended with {status}; see {_out() / 'progress'}"
        )


def _timed(command: process.Words, fine: tuple[int, ...] = (0,)) -> int:
    """How long it took, in milliseconds."""
    began = time.monotonic()
    _done(command, _out() / "last", fine)
    return round((time.monotonic() - began) * 1000)


def _ratios(first: list[int], second: list[int]) -> str:
    """Of the second to the first, pair by pair."""
    each = sorted(b / a for a, b in zip(first, second))
    return f"median {each[len(each) // 2]:.3f}, from {each[0]:.3f} to {each[-1]:.3f}"


def _count(values: argparse.Namespace) -> int:
    if len(values.words) > 1:
        raise Refused(f"measure does not take '{values.words[1]}'")
    try:
        return number()(values.words[0]) if values.words else 10
    except argparse.ArgumentTypeError as error:
        raise Refused(f"N {error}") from None


def _turns(count: int) -> Iterator[int]:
    for turn in range(1, count + 1):
        yield turn
        print(f"\r{turn} of {count}", end="" if turn < count else "\r", file=sys.stderr, flush=True)


def _in_turn(
    count: int, first: process.Words, second: process.Words, names: tuple[str, str]
) -> int:
    """Two commands in turn, so that whatever else the machine does hits both."""
    times: tuple[list[int], list[int]] = ([], [])
    for _ in _turns(count):
        for taken, command in zip(times, (first, second)):
            taken.append(_timed(command))
    for name, taken in zip(names, times):
        print(f"{name}: median {statistics.median(taken):.0f} ms")
    print(f"ratio of the second to the first, pair by pair: {_ratios(*times)}")
    return 0


def _boot(values: argparse.Namespace) -> int:
    """The same kernel, the same memory and an init that leaves at once."""
    plain, patched = [_LAB, "exec", "--plain", "--", "true"], [_LAB, "exec", "--", "true"]
    for command in (plain, patched):
        _done(command, _out() / "last")
    return _in_turn(
        _count(values), plain, patched, ("boot, unpatched", "boot, patched, no counter running")
    )


def _counting(values: argparse.Namespace) -> int:
    idle = [_LAB, "exec", "--", str(programs.busybox()), "sh", "-c", _BUSY]
    counted = [
        _LAB,
        "exec",
        "--",
        "perf",
        "stat",
        "-a",
        "-e",
        "instructions",
        str(programs.busybox()),
        "sh",
        "-c",
        _BUSY,
    ]
    return _in_turn(
        _count(values),
        idle,
        counted,
        ("boot and busy loop, no counter running", "the same under perf stat -a"),
    )


class _Peak:
    """The greatest resident memory of the emulator that runs meanwhile, in MiB."""

    def __init__(self) -> None:
        self.mib = 0
        self._over = threading.Event()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/status"):
                text = text_of(path)
                if text.startswith("Name:\tqemu-system-x86"):
                    found = re.search(r"VmHWM:\s*(\d+)", text)
                    self.mib = max(self.mib, int(found[1]) // 1024 if found else 0)

    def __enter__(self) -> "_Peak":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _run(values: argparse.Namespace) -> int:
    boots, wholes, peaks = [], [], []
    for _ in _turns(_count(values)):
        boots.append(_timed([_LAB, "run", "--filter", "param_test", "--out", _out() / "boot"]))
        with _Peak() as peak:
            wholes.append(_timed([_LAB, "run", "--out", _out() / "full"], (0, 1)))
        peaks.append(peak.mib)
    print(f"boot with one case: median {statistics.median(boots):.0f} ms")
    print(f"whole run, warm: median {statistics.median(wholes):.0f} ms")
    print(f"run to boot, pair by pair: {_ratios(boots, wholes)}")
    print(f"emulator, peak resident memory: median {statistics.median(peaks):.0f} MiB")
    return 0


def _verdict_word(results: Results) -> str:
    return hashlib.sha256(
        repr([(c.program, c.case, c.outcome) for c in results.cases]).encode()
    ).hexdigest()[:16]


def _verdicts(values: argparse.Namespace) -> int:
    contract = os.environ.get("CONTRACT") or "auto"
    if contract not in CONTRACTS:
        refuse_contract(contract, f"there is: {' '.join(CONTRACTS)}")
    variant = "reference" if contract.startswith("rfc") else "plain"
    request = Request(
        machine(os.environ.get("MACHINE") or "amd-zen4"), contract=contract, variant=variant
    )
    count = _count(values)
    words: set[str] = set()
    for turn in _turns(count):
        results = runs.run(request, _out() / "full")
        words.add(_verdict_word(results))
        if len(words) > 1:
            kept = _out() / f"differs-{turn}"
            shutil.copytree(_out() / "full", kept, dirs_exist_ok=True)
            print(f"run {turn} differs; it is kept in {kept}")
            return 1
    print(f"{count} runs, {len(results.cases)} cases each, one set of verdicts: {results.totals}")
    return 0


def _columns(rows: list[list[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _beside(names: Sequence[str], heads: list[str], first: int) -> list[list[str]]:
    """What several files say of the same operations, side by side; "-" where one says
    nothing."""
    said = [
        {
            words[0]: words[1 : first + 1]
            for words in map(str.split, text_of(_out() / name).splitlines())
        }
        for name in names
    ]
    operations = list(dict.fromkeys(operation for one in said for operation in one))
    nothing = ["-"] * first
    return [heads] + [
        [operation, *(cell for one in said for cell in one.get(operation, nothing))]
        for operation in operations
    ]


def _draw(name: str, rows: Sequence[Sequence[str]]) -> None:
    """docs/@name.svg, if the machine has what draws it."""
    data = _out() / f"{name}.data"
    data.write_text("".join(f"{' '.join(row)}\n" for row in rows), encoding="utf-8")
    if shutil.which("gnuplot"):
        words = f"data='{data}'; picture='{TOP}/docs/{name}.svg'"
        process.run(["gnuplot", "-e", words, TOP / f"scripts/{name}.gnuplot"])
        print(f"drawn in docs/{name}.svg")
    else:
        print("no picture: gnuplot (package gnuplot-nox) is missing")


def _cost(_values: argparse.Namespace) -> int:
    """With one nanosecond an instruction the TSC is a counter of instructions."""
    image = kernel.build("reference")
    program = _out() / "cost"
    sources = [
        TOP / "lib/tools/cost.c",
        TOP / "lib/perf/event.c",
        TOP / "lib/perf/encode.c",
        TOP / "lib/host/calls.c",
    ]
    sources += [TOP / f"lib/base/{name}.c" for name in ("clock", "cpu", "file", "timeline", "work")]
    if process.run(["gcc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-o", program, *sources, "-lpfm"]):
        raise Refused("cannot build lib/tools/cost.c")
    shutil.copy(image / "perf_guest_calls.ko", _out())
    for contract in ("rfc", "mediated"):
        _done(
            [
                _LAB,
                "exec",
                "--reference",
                "--contract",
                contract,
                "--icount",
                "--cpus",
                "1",
                "--",
                program,
            ],
            _out() / f"cost.{contract}",
        )
    rows = _beside(("cost.rfc", "cost.mediated"), ["events", "rfc", "most", "mediated", "most"], 2)
    _columns(rows)
    _draw("cost", rows[1:])
    return 0


def _vpmu(_values: argparse.Namespace) -> int:
    programs.target(_out() / "suite", "tools/vpmu")
    shutil.copy(_out() / "suite/tools/vpmu", _out() / "vpmu")
    asked = [(r, c) for r in KERNELS for c in ("mediated", "emulated") if speaks(r, c)]
    heads = ["operation"]
    for release, contract in asked:
        where = ["--contract", contract, *(["--kernel-version", release] if release else [])]
        command = [_LAB, "exec", "--icount", "--cpus", "1", *where, "--", _out() / "vpmu"]
        _done(command, _out() / f"vpmu.{release}{contract}")
        heads += [f"{release or 'newest'},{contract}:exits", "instructions"]
    rows = _beside([f"vpmu.{release}{contract}" for release, contract in asked], heads, 2)
    _columns(rows)
    beside = "beside-"
    _draw("vpmu", [[r[0][len(beside) :], *r[1:]] for r in rows if r[0].startswith(beside)])
    return 0


def _cpus(_values: argparse.Namespace) -> int:
    print("CPUs  ms  MiB  cases")
    for cpus in (2, 4, 8):
        with _Peak() as peak:
            taken = _timed([_LAB, "run", "--cpus", str(cpus), "--out", _out() / "full"])
        print(cpus, taken, peak.mib, load(_out() / "full/results.json").totals, sep="  ")
    return 0


def _report(values: argparse.Namespace) -> int:
    """Of a run with ten thousand cases, each form's time."""
    results = load(build_folder() / "run/results.json")
    results.cases = [results.cases[0]] * 10000
    results.write(_out() / "many.json")
    for form in ("junit", "lava", "html", "diff"):
        files = [_out() / "many.json"] * (2 if form == "diff" else 1)
        times = [_timed([TOP / "scripts/report", form, *files]) for _ in _turns(_count(values))]
        print(f"{form}: median {statistics.median(times):.0f} ms")
    return 0


MEASURE = Command(
    "scripts/measure",
    "WHAT [N]",
    "The figures of docs/measurements.md, measured side by side, N times (default 10).",
    (
        Verb(
            "boot",
            "boots of the unpatched and the patched emulator, in turn",
            _boot,
            "[N]",
            words=True,
        ),
        Verb(
            "counting",
            "a busy loop in the lab without and with a running counter, in turn",
            _counting,
            "[N]",
            words=True,
        ),
        Verb(
            "run",
            "warm runs, bare boots and their ratio; memory of the emulator",
            _run,
            "[N]",
            words=True,
        ),
        Verb(
            "verdicts",
            "runs of the whole suite: do their verdicts agree? CONTRACT= says which suite",
            _verdicts,
            "[N]",
            words=True,
        ),
        Verb(
            "cost",
            "retired instructions of one entry and exit of a guest, for some numbers of host events, under both contracts",
            _cost,
        ),
        Verb(
            "vpmu",
            "exits and instructions of a guest's own PMU accesses and overflows, and the error of its counts, mediated and emulated",
            _vpmu,
        ),
        Verb("cpus", "time of the whole suite and memory, on 2, 4 and 8 lab CPUs", _cpus),
        Verb(
            "reports",
            "the forms of scripts/report, of build/run made ten thousand cases long",
            _report,
            "[N]",
            words=True,
        ),
    ),
    kind="measurement",
)
main = MEASURE.main
