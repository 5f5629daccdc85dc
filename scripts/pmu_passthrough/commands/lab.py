# SPDX-License-Identifier: GPL-2.0-only
"""The lab: an emulated host with a PMU, on any machine."""

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path

from ..base.options import Parser, words_in
from ..base.place import build, build_folder, cache, cache_folder, is_ours
from ..base.say import Refused, say
from ..base.verbs import Command, Option, Verb
from ..builders import kernel, programs, source
from ..lab import inside, run as runs
from ..lab.doctor import doctor
from ..lab.machine import ALL, machine, names
from ..lab.payload import payload
from ..lab.replay import replay
from ..lab.request import Request, contracts_in, kernels_in, only_emulated
from ..lab.trials import Trial, try_faults
from ..results import ranking, table
from ..results.model import Results, files_in, load
from ..suite import cases, faults, rules
from .lab_pull import PULL
from .lab_options import (
    APPEND,
    BOOT,
    BOOTS,
    CONTRACT,
    CONTRACTS_OR_ALL,
    CPUS,
    FAULT,
    FILTER,
    FROM_MAKE,
    ICOUNT,
    KERNEL,
    KERNEL_VERSIONS,
    KERNELS,
    MACHINE,
    MACHINES,
    OUT,
    PLAIN,
    REFERENCE,
    ROUGH,
    STOP,
    STOP_AT,
    STRICT,
    TIMEOUT,
    fault_names,
    machine_named,
    one_contract,
    request_of,
)


def _with_make(values: argparse.Namespace, parser: Parser) -> argparse.Namespace:
    """What make passes on: LAB_OPTIONS, and everything if nothing was asked for."""
    if not values.make:
        return values
    more = words_in("LAB_OPTIONS")
    if not more and not os.environ.get("KERNEL"):
        more += [] if os.environ.get("MACHINE") else ["--machine", "all"]
        old = only_emulated(os.environ.get("KERNEL_VERSION", ""))
        more += [] if os.environ.get("CONTRACT") else ["--contract", "emulated" if old else "all"]
    return parser.take(more)


def _run(values: argparse.Namespace) -> int:
    only_check = values.check
    values = _with_make(values, LAB.parser(_verb("run")))
    machines = [machine(name) for name in ALL] if machine_named(values) == "all" else None
    requests = [request_of(values, one) for one in machines or [machine(machine_named(values))]]
    request = requests[0]
    contracts = contracts_in(request.contract)
    releases = kernels_in(request.release)
    many = machines is not None or len(contracts) > 1 or len(releases) > 1
    if (values.boots or 1) > 1 and (many or request.stop_at):
        raise Refused("--boots is for a run of one contract on one machine, to its end")
    out = Path(values.out) if values.out else build() / "run"
    if only_check:
        build_folder()
        cache_folder()
        return 0
    if many:
        named = [one.machine for one in requests]
        parts = runs.parts_of(request, named, contracts, releases, out, values.boots)
        results = runs.run_all(parts, out)
    else:
        boots = values.boots or runs.boots_for(request)
        parts = [runs.Part(request, out, boots=boots)]
        results = runs.run_all(parts, out) if boots > 1 else [runs.run(request, out)]
    for part, one in zip(parts, results):
        if not one.passes:
            _say_replay(part.request, part.out)
    table.show(results, rules.sentences())
    return 0 if all(one.passes for one in results) else 1


def _say_replay(request: Request, out: Path) -> None:
    if request.can_be_replayed:
        say(f"the same again, instruction for instruction: scripts/lab replay {out.resolve()}")
    else:
        say("a run with --icount can be repeated instruction for instruction")


def _build(values: argparse.Namespace) -> int:
    named = ALL if machine_named(values) == "all" else (machine_named(values),)
    for one in named:
        request = one_contract(request_of(values, machine(one)))
        if values.update and not source.given():
            source.package(update=True)
        made = runs.prepare(request)
        say(f"emulator {made.emulator}")
        say(f"kernel   {made.image}")
        say(f"suite    {made.suite}")
    programs.payload()
    return 0


def _try(values: argparse.Namespace) -> int:
    if not values.words:
        raise Refused("try wants FAULT=PROGRAM:CASE")
    request = one_contract(request_of(values))
    if request.image:
        raise Refused("try is for the reference kernel: no KERNEL=")
    trials = [Trial.of(word) for word in values.words]
    names_ = [trial.fault.name for trial in trials]
    twice = sorted({name for name in names_ if names_.count(name) > 1})
    if twice:
        raise Refused(f"one case for each fault: {twice[0]} is there twice")
    request = replace(request, variant="reference")
    request.check()
    out = Path(values.out) if values.out else build() / "run"
    tried = try_faults(
        request, trials, out, values.pretend, lambda one: print(one.row(), flush=True)
    )
    return 0 if all(one.asked for one in tried) else 1


def _payload(values: argparse.Namespace) -> int:
    request = request_of(values)
    if not request.machine.is_qemu:
        raise Refused(f"payload is for amd-zen4: machine {request.machine.name} is no QEMU")
    return payload(request, Path(values.out) if values.out else build() / "payload-run")


def _exec(values: argparse.Namespace) -> int:
    inside.check_command(values.command)
    return inside.execute(one_contract(request_of(values)), values.command)


def _shell(values: argparse.Namespace) -> int:
    request = one_contract(request_of(values))
    if not request.machine.is_qemu:
        raise Refused(f"shell is for amd-zen4: machine {request.machine.name} is no QEMU")
    return inside.shell(request)


def _replay(values: argparse.Namespace) -> int:
    if len(values.words) > 1:
        raise Refused(f"replay takes one folder, not '{values.words[1]}' as well")
    return replay(Path(values.words[0]) if values.words else build() / "run")


def _table(values: argparse.Namespace) -> int:
    if not values.words:
        raise Refused("table wants a results.json")
    results: list[Results] = [load(Path(name)) for name in values.words]
    table.show(results, rules.sentences())
    return 0


def _doctor(values: argparse.Namespace) -> int:
    name = (
        machine_named(_with_make(values, LAB.parser(_verb("run"))))
        if values.make
        else machine_named(values)
    )
    emulators = {machine(one).emulator for one in (ALL if name == "all" else (name,))}
    doctor(emulators, values.install, values.test)
    return 0


def _clean(values: argparse.Namespace) -> int:
    if build().exists() and not is_ours(build()):
        raise Refused(f"LAB_BUILD={build()} holds other things than builds")
    for path in (build(), *([cache()] if values.cache else [])):
        shutil.rmtree(path, ignore_errors=True)
        if os.path.lexists(path):
            raise Refused(f"cannot remove all of {path}")
    return 0


def _show_image(values: argparse.Namespace) -> str:
    request = one_contract(request_of(values))
    return request.image or str(kernel.build(request.variant, request.release) / "bzImage")


def _show_durations(values: argparse.Namespace) -> str:
    """Of the runs in a folder, or in those below it that a run of several made."""
    out = Path(values.out) if values.out else build() / "run"
    return "\n".join(ranking.lines([load(path) for path in files_in(out)])).rstrip("\n")


_WHAT = {
    "cases": lambda values: "\n".join(str(case) for case in cases.select(values.filter)),
    "faults": lambda values: "\n".join(fault.row() for fault in faults.all_faults().values()),
    "words": lambda values: rules.as_json(),
    "machines": lambda values: "\n".join(names()),
    "source": lambda values: str(source.tree()),
    "headers": lambda values: f"{source.headers()}/usr",
    "image": _show_image,
    "durations": _show_durations,
}
# The options that only some of them take.
_SHOW_OPTIONS = {
    "cases": ("filter",),
    "image": ("contract", "reference", "debug", "kernel_version"),
    "durations": ("out",),
}


def _show(values: argparse.Namespace) -> int:
    what = values.words[0] if values.words else ""
    if what not in _WHAT or len(values.words) > 1:
        raise Refused(f"show wants one of: {' '.join(_WHAT)}")
    for name in ("filter", "contract", "reference", "debug", "kernel_version", "out"):
        if getattr(values, name) and name not in _SHOW_OPTIONS.get(what, ()):
            raise Refused(f"show {what} does not take --{name.replace('_', '-')}")
    print(_WHAT[what](values))
    return 0


_ENVIRONMENT = """Environment: KSRC (kernel tree), KERNEL, KERNEL_VERSION, CONTRACT, MACHINE, QEMU_SRC and BOCHS_SRC (trees
of QEMU and Bochs), XDG_CACHE_HOME, JOBS, LAB_MEMORY_MIB; PMU_SEED, PMU_RACE_MS and
PMU_EXPLORE_MS (what races and the explorer draw from, and how long they go on), PMU_ORDER
(a number that the order of programs and cases is drawn from), PMU_DELAY_US (up to so long
where threads meet), PMU_PATIENCE (times 15 s is how long a case waits for what takes a
moment; default 1, with --debug 4)."""

LAB = Command(
    "scripts/lab",
    "VERB [OPTIONS]",
    """The suite in an emulated host with a PMU, on any machine. What is missing is built first.

  scripts/lab run                         an unmodified kernel, the mediated contract
  scripts/lab run --filter 'M6*'          some cases; "show cases" lists them
  scripts/lab run --contract emulated     the mode that is the default everywhere
  scripts/lab run --kernel bzImage        your kernel
  scripts/lab exec -- perf stat true      a command of this machine inside""",
    (
        Verb(
            "run",
            "boot the kernel under test and run the suite in it",
            _run,
            options=(
                *(
                    MACHINES,
                    KERNEL,
                    CONTRACTS_OR_ALL,
                    *KERNELS[:-1],
                    KERNEL_VERSIONS,
                    FAULT,
                    FILTER,
                    CPUS,
                    BOOTS,
                    STOP,
                    STOP_AT,
                    STRICT,
                ),
                *(
                    OUT,
                    TIMEOUT,
                    APPEND,
                    ICOUNT,
                    *ROUGH,
                    FROM_MAKE,
                    Option("--check", argparse.SUPPRESS),
                ),
            ),
            ends="Status: 0 conforms, 1 a case failed, 2 bad input or something missing.",
        ),
        Verb(
            "exec",
            "run a command of this machine inside the emulated host",
            _exec,
            "-- COMMAND [ARGUMENT...]",
            (*BOOT, PLAIN),
            runs=True,
            details="""This machine's files are there, read-only; on an Intel machine copies of those that the
command names, with their libraries.""",
            ends="Status: the command's; 2 if it could not be run.",
        ),
        Verb("shell", "a shell there", _shell, options=BOOT),
        PULL,
        Verb(
            "try",
            "boot once; run each case without its fault, then with it",
            _try,
            "FAULT=PROGRAM:CASE...",
            (
                *(MACHINE, CONTRACT, REFERENCE, CPUS, APPEND, OUT, ICOUNT, *ROUGH),
                Option("--pretend", "leave the fault out the second time; nobody may notice"),
            ),
            words=True,
            ends="Status: 0, 1 if one was not tried, 2 bad input.",
            complete=fault_names,
        ),
        Verb(
            "replay",
            "boot once more what a run with --icount or on an Intel machine booted, and compare",
            _replay,
            "[FOLDER]",
            words=True,
            details="FOLDER is that run's (default build/run).",
            ends="Status: 0 the same, 1 not, 2 bad input.",
        ),
        Verb(
            "payload",
            "run the tests of the PMU model itself",
            _payload,
            options=(MACHINE, OUT, TIMEOUT, CPUS, PLAIN, *ROUGH),
            ends="Status: 0 all passed, 1 not, 2 bad input.",
        ),
        Verb("table", "print one or more results.json as a table", _table, "FILE...", words=True),
        Verb(
            "build",
            "build emulator, kernel and suite, as far as they are missing",
            _build,
            options=(
                *(MACHINES, KERNEL, CONTRACT, *KERNELS, PLAIN),
                Option("--update", "ask the distribution for newer sources"),
            ),
        ),
        Verb(
            "doctor",
            "say what this machine lacks, and how to get it",
            _doctor,
            options=(
                Option("--install", "install what is missing, if root"),
                Option("--test", 'also what only "make test" needs'),
                *(MACHINES, FROM_MAKE),
            ),
        ),
        Verb(
            "show",
            f"print {', '.join(_WHAT)}",
            _show,
            "WHAT",
            (FILTER, CONTRACT, *KERNELS, OUT),
            words=True,
            details="""WHAT is one of

  cases     those that --filter chooses from, or with it chooses
  faults    the ways in which the reference kernel can be broken: name, rule,
            contract, vendor, how it is switched on, words
  words     the sentence of each rule, as JSON
  machines  the profiles in configs/machines
  source    the folder of the kernel source in use
  headers   that of its user-space headers
  image     the path of the kernel image, built if it is missing
  durations where the time of the last run went, programs and cases, the longest first
            (--out: of the run in that folder)""",
            complete=lambda: list(_WHAT),
        ),
        Verb(
            "clean",
            "remove the build folder",
            _clean,
            options=(Option("--cache", "and the cache: emulators, kernels, sources"),),
        ),
    ),
    f'{_ENVIRONMENT}\n\n"scripts/lab VERB --help" has the options of a verb.\n'
    "Status: 0 conforms, 1 a case failed, 2 bad input or something missing.",
    old={
        name: ["show", name] for name in ("cases", "faults", "words", "source", "headers", "image")
    },
)


def _verb(name: str) -> Verb:
    return next(verb for verb in LAB.verbs if verb.name == name)


main = LAB.main
