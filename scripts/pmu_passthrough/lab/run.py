# SPDX-License-Identifier: GPL-2.0-only
"""A run: one boot that runs the suite, or a part of it, and leaves its results in a
folder; and several of them side by side."""

import os
import re
import shlex
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from ..base.place import text_of
from ..base.say import Refused, say
from ..builders import kernel, programs, source
from ..results import ktap
from ..results.model import CaseResult, Results, joined, moment
from ..suite import cases
from . import durations, state
from .boot import Ending, FirstFailure, Watch, boot, needs_progress
from .emulator import kernel_sum
from .emulators import emulator_of
from .folder import RunFolder, mark_boot, remove_run
from .machine import Machine
from .request import Request, speaks

T = TypeVar("T")


@dataclass(frozen=True)
class Products:
    """What a boot is made of."""

    emulator: Path
    image: Path
    modules: tuple[Path, ...]
    config: Path | None
    suite: Path
    initramfs: Path


def prepare(request: Request) -> Products:
    """All that the request needs, built if it is missing. What is given is looked at
    before anything is built."""
    builds = emulator_of(request.machine)
    builds.check_given()
    source.check_given()
    source.check_named(request.release)
    if request.image:
        kernel.check_image(request.image)
    emulator = builds.build(request.plain)
    if request.image:
        kernel.check_image_options(request.image, source.tree())
        image = Path(request.image).resolve()
        modules, config = kernel.modules_beside(image), None
    else:
        made = request.built or kernel.build(request.variant, request.release)
        image, config = made / "bzImage", made / "config"
        modules = tuple(sorted(made.glob("*.ko")))
    suite = programs.suite()
    return Products(emulator, image, modules, config, suite, programs.initramfs(suite))


def job_words(**values: str | int) -> str:
    """Settings for lab/init/init."""
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())


def exported(values: dict[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def environment_of(request: Request) -> dict[str, str]:
    """What the programs take from the environment."""
    values = dict(request.environment)
    if request.variant == "debug" and not request.image:
        values.setdefault("PMU_PATIENCE", str(request.patience))
    return values


def _job(request: Request, entries: Sequence[cases.Entry]) -> str:
    values = environment_of(request)
    if request.strict:
        values["PMU_STRICT"] = "1"
    if request.image and request.contract != "auto":
        values["PMU_CONTRACT"] = request.contract
    return exported(values) + job_words(
        JOB="run",
        TESTS=" ".join(str(entry) for entry in entries),
        AGAIN=request.again(),
        WANT_CONFIG="1" if request.image else "",
        EXECUTED="1" if request.built and (request.built / "notes").is_dir() else "",
        # A program's share of the boot's deadline, as much as 120 of 300 seconds.
        LAB_TIMEOUT=max(request.deadline * 2 // 5, 120),
    )


def context(request: Request, products: Products, out: Path, seconds: int) -> dict[str, Any]:
    """What results.json says of the boot."""
    return {
        "machine": request.machine.name,
        "contract": "mediated" if request.contract == "auto" else request.contract,
        "kernel_image": str(products.image),
        "kernel": "given" if request.image else request.variant,
        "fault": request.fault,
        "cpus": request.cpus,
        "emulator": emulator_of(request.machine).title(products.emulator),
        "rough": request.rough.setting(request.machine),
        "started": moment(seconds),
        "boot_seconds": seconds,
        "command": text_of(out / "command").rstrip("\n"),
    }


def boot_job(
    request: Request,
    products: Products,
    out: Path,
    job: str,
    watch: Watch | None,
    count: int = 0,
    name: str = "",
) -> Ending:
    """Boot with a job; count and name are of the programs, for who watches."""
    progress = needs_progress(count, name)
    if folder := _state(request, products, job):
        command = state.go_on(folder, out, job, _machine(request, products, out), request)
        if command:
            ending = boot(command, out, request.deadline, watch, progress)
            if state.went_on(folder, out) or ending.how != "yes":
                return ending
            for log in ("report.log", "console.log"):
                (out / log).write_bytes(b"")
    ending = boot(_booted(request, products, out, job), out, request.deadline, watch, progress)
    ending.check(out)
    return ending


def _machine(request: Request, products: Products, out: Path) -> list[str]:
    """The command of a machine that will not look at what it would boot."""
    return emulator_of(request.machine).command(
        products.emulator, request, out, products.image, products.initramfs
    )


def _state(request: Request, products: Products, job: str) -> Path | None:
    """The saved state that the boot can go on from, if there can be one."""
    if not state.can_resume(request, job):
        return None
    made_of = (products.emulator, products.image, products.modules, products.initramfs)
    return state.state(request, *made_of)


def _booted(request: Request, products: Products, out: Path, job: str) -> list[str]:
    """The command of a boot from the beginning, the job in its initial file system."""
    emulator = emulator_of(request.machine)
    packed = programs.job_cpio(out, job, products.modules, request.guest_image(products.image))
    with open(out / "initrd", "wb") as initrd:
        for part in (products.initramfs, packed):
            initrd.write(part.read_bytes())
    packed.unlink()
    command = emulator.command(products.emulator, request, out, products.image, out / "initrd")
    if request.can_be_replayed:
        (out / "timeout").write_text(f"{request.deadline}\n", encoding="utf-8")
        (out / "kernel.sum").write_text(
            kernel_sum(out, emulator.boots(out, products.image)), encoding="utf-8"
        )
    return emulator.ports(command, out)


def left_out(chosen: Sequence[cases.Entry], results: Results) -> list[CaseResult]:
    """What was asked for and did not begin, as cases that are broken."""
    ran = set(results.programs())
    return [
        CaseResult(entry.program, "plan", [], "broken", "it was not run")
        for entry in chosen
        if entry.program not in ran
    ]


def run(
    request: Request,
    out: Path,
    name: str = "",
    entries: list[cases.Entry] | None = None,
    products: Products | None = None,
) -> Results:
    """Boot, run, and leave the results in the folder OUT.

    name -- of the run among others, for its progress
    entries -- the programs and cases, in place of the request's filter
    products -- what prepare() made
    """
    chosen = cases.entries(request.filter) if entries is None else entries
    chosen = cases.ordered(chosen, request.environment)
    with RunFolder(out) as folder:
        products = products or prepare(request)
        folder.clear()
        out = folder.path
        say(f"booting {products.emulator.parent.name}/{request.machine.name}, results in {out}")
        if products.config:
            shutil.copy(products.config, out / "config")
        watch = FirstFailure(request, out) if request.stop_at else None
        ending = boot_job(request, products, out, _job(request, chosen), watch, len(chosen), name)
        results = ktap.make(out, ending.how, context(request, products, out, ending.seconds))
        if results.complete and (left := left_out(chosen, results)):
            results.cases += left
            results.write(out / "results.json")
        durations.keep(request, chosen, results)
        return results


def at_a_time(memory_mib: int, threads: int = 1) -> int:
    """How many boots of so much memory and so many threads this machine carries at once.
    Emulated CPUs that wait for each other take twice the time where they share a core."""
    cores = max(1, len(os.sched_getaffinity(0)) // threads)
    free = re.search(r"^MemAvailable: *([0-9]+) kB", text_of(Path("/proc/meminfo")), re.MULTILINE)
    # What the emulator takes beside the host's memory is less than this, in MiB.
    each = memory_mib + 256
    return max(1, min(cores, (int(free[1]) >> 10) // each if free else cores))


def side_by_side(tasks: Sequence[Callable[[], T]], many: int) -> list[T]:
    """Do the tasks, so many at a time, in their order; the results in that order. The
    first that fails ends it: what was begun is waited for."""
    pool = futures.ThreadPoolExecutor(many)
    doing = [pool.submit(task) for task in tasks]
    try:
        futures.wait(doing, return_when=futures.FIRST_EXCEPTION)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown(wait=True, cancel_futures=True)
    return [one.result() for one in doing]


def dealt(
    entries: list[cases.Entry], seconds: Mapping[str, float], boots: int
) -> list[list[cases.Entry]]:
    """Programs dealt out to boots, in their order: the longest first, to the boot with
    least to do."""
    hands: list[list[cases.Entry]] = [[] for _ in range(boots)]
    loads = [0.0] * boots
    for entry in sorted(entries, key=lambda e: -seconds[e.program]):
        least = loads.index(min(loads))
        hands[least].append(entry)
        loads[least] += seconds[entry.program]
    return [sorted(hand, key=entries.index) for hand in hands if hand]


# A boot costs some seconds: work for less than this is not worth another.
_WORTH_A_BOOT = 5.0


def boots_for(request: Request, others: int = 0) -> int:
    """How many boots a run is best made in, beside so many others: as many as there is
    room for, if each has something to do. Where a boot costs next to nothing, the others
    are no reason to make fewer: the boots of all are dealt out."""
    if request.stop_at or request.icount:
        return 1
    room = at_a_time(request.memory_mib, request.threads)
    if not state.can_resume(request, ""):
        room -= others
    expected = durations.expected(request, cases.entries(request.filter))
    worth = int(sum(expected.values()) / _WORTH_A_BOOT)
    return max(1, min(room, len(expected), worth))


@dataclass(frozen=True)
class Part:
    """One of the runs that are asked for at once, and how many boots it is made in: with
    several, a boot in OUT/1, OUT/2, ..., and in OUT what a run leaves, joined."""

    request: Request
    out: Path
    name: str = ""
    boots: int = 1


@dataclass(frozen=True)
class _Boot:
    """One of a part's, and what it is expected to take."""

    part: Part
    out: Path
    entries: list[cases.Entry]
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.part.name} boot {self.out.name}".lstrip() if self.split else self.part.name

    @property
    def split(self) -> bool:
        return self.out != self.part.out


def _boots_of(part: Part) -> list[_Boot]:
    entries = cases.entries(part.request.filter)
    seconds = durations.expected(part.request, entries)
    if part.boots == 1:
        return [_Boot(part, part.out, entries, sum(seconds.values()))]
    return [
        _Boot(part, part.out / str(index), hand, sum(seconds[entry.program] for entry in hand))
        for index, hand in enumerate(dealt(entries, seconds, part.boots), 1)
    ]


def _join(part: Part, folders: list[Path], made: list[Results]) -> Results:
    """The results of a part from those of its boots."""
    if folders == [part.out]:
        return made[0]
    for name in ("report.log", "results.ktap", "kernel.log", "console.log", "command"):
        (part.out / name).write_bytes(b"".join((one / name).read_bytes() for one in folders))
    if (folders[0] / "config").exists():
        shutil.copy(folders[0] / "config", part.out)
    results = joined(made)
    order = [entry.program for entry in cases.entries(part.request.filter)]
    results.cases.sort(
        key=lambda case: order.index(case.program) if case.program in order else len(order)
    )
    results.write(part.out / "results.json")
    return results


def run_all(parts: Sequence[Part], out: Path) -> list[Results]:
    """One run or several, as many boots at a time as this machine carries; the slower
    machines' and the longest first, so that nobody waits for them at the end. What ended
    before something fails has left its results."""
    whole: dict[Path, Results] = {}
    with RunFolder(out) as folder, ExitStack() as claimed:
        # What each needs, before two at once look for it, and before anything goes.
        made_of = {part.out: prepare(part.request) for part in parts}
        folder.clear()
        for part in parts:
            # A machine's folder as a whole: it may be that of a run.
            for name in part.out.relative_to(out).parts[:1]:
                remove_run(folder.path / name)
        boots = {part.out: _boots_of(part) for part in parts}
        for part in parts:
            if part.boots > 1 and part.out != out:
                claimed.enter_context(RunFolder(part.out)).clear()
            for one in boots[part.out]:
                if one.split:
                    mark_boot(one.out)
        # One run in as many as were asked for; several, as many as there is room for.
        threads = min(part.request.threads for part in parts)
        many = at_a_time(parts[0].request.memory_mib, threads)
        many = many if len(parts) > 1 else parts[0].boots
        by_out: dict[Path, Results] = {}
        guard = threading.Lock()

        def do(one: _Boot) -> None:
            part = one.part
            made = run(part.request, one.out, one.name, one.entries, made_of[part.out])
            with guard:
                by_out[one.out] = made
                folders = [boot.out for boot in boots[part.out]]
                if all(where in by_out for where in folders):
                    whole[part.out] = _join(part, folders, [by_out[where] for where in folders])

        order = sorted(
            (one for part in parts for one in boots[part.out]),
            key=lambda one: (-one.part.request.machine.slowness, -one.seconds),
        )
        side_by_side([partial(do, one) for one in order], many)
    return [whole[part.out] for part in parts]


def parts_of(
    request: Request,
    machines: Sequence[Machine],
    contracts: Sequence[str],
    releases: Sequence[str],
    out: Path,
    boots: int | None = None,
) -> list[Part]:
    """A run of each contract, on each kernel that speaks it, on each machine; in folders
    below OUT.

    boots -- of each, if that is not for this machine to say
    """
    parts = []
    for machine, release, contract in product(machines, releases, contracts):
        if not speaks(release, contract):
            say(f"Linux {release or 'of KSRC='} is not asked for the {contract} contract")
            continue
        where = out / machine.name if len(machines) > 1 else out
        where = where / (release or "newest") if len(releases) > 1 else where
        where = where / contract if len(contracts) > 1 else where
        variant = request.variant
        if len(contracts) > 1:
            variant = "reference" if contract.startswith("rfc") else "plain"
        one = replace(request, machine=machine, contract=contract, variant=variant, release=release)
        parts.append(Part(one, where, " ".join(filter(None, (machine.name, release, contract)))))
    if not parts:
        raise Refused(f"no kernel named speaks {' or '.join(contracts)}")
    others = len(parts) - 1
    return [replace(part, boots=boots or boots_for(part.request, others)) for part in parts]
