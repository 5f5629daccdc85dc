# SPDX-License-Identifier: GPL-2.0-only
"""The suite on this machine itself, bare metal: what it offers, a run with the results of
a run in the lab, and everything left as it was found. Needs no more than Python."""

import argparse
import contextlib
import gzip
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from ..base import process
from ..base.options import number, words_in
from ..base.place import TOP, build, reason, text_of, write_whole
from ..base.progress import time_left
from ..base.say import Refused, say
from ..base.verbs import Command, Option, Verb
from ..builders import programs
from ..lab.folder import RunFolder
from ..lab.request import as_prefix, passed_on
from ..results import ktap, table
from ..results.model import moment
from ..suite import cases, rules

_KILLED = -signal.SIGKILL
_FIXED = "PMU_HOST_FIXED"


@dataclass(frozen=True)
class _Suite:
    """The test programs, made now or given; with the rules' words beside."""

    path: Path
    given: bool

    def words(self) -> dict[str, str]:
        return rules.read_sentences(self.path / "words.json")

    def ask(self, program: str, *arguments: str) -> int:
        """A program of the suite that speaks for itself."""
        sys.stdout.flush()
        try:
            status = subprocess.call([self.path / program, *arguments])
        except OSError as error:
            raise Refused(f"{self.path / program} does not run: {reason(error)}") from None
        if status < 0:
            raise Refused(f"{self.path / program} was ended by signal {-status}")
        return status


def _suite(values: argparse.Namespace) -> _Suite:
    if values.suite:
        path = Path(values.suite)
        if not all(os.access(path / name, os.X_OK) for name in ("probe", "calibrate")):
            raise Refused(f'--suite {path}: no folder that "scripts/host build" made')
        given = _Suite(path.resolve(), True)
        given.words()
        return given
    path = programs.suite()
    write_whole(path / "words.json", rules.as_json() + "\n")
    return _Suite(path, False)


def _check(values: argparse.Namespace) -> None:
    if platform.machine() != "x86_64":
        raise Refused(f"this is a {platform.machine()}; the suite is for x86-64")
    passed_on()
    cases.select(getattr(values, "filter", ""))


def _build(values: argparse.Namespace) -> int:
    _check(values)
    with _given_back():
        print(_suite(values).path)
    return 0


def _limited(suite: _Suite, seconds: int, *arguments: str, **options: object) -> int | None:
    """Calibrate, in a session of its own; None if it did not end within so many seconds."""
    running = process.start([suite.path / "calibrate", *arguments], **options)
    status = process.wait(running, seconds)
    if status is None:
        process.end(running)
    return status


def _probe(values: argparse.Namespace) -> int:
    """Changes nothing, and takes a moment."""
    _check(values)
    with _given_back():
        suite = _suite(values)
    fit = suite.ask("probe")
    if fit:
        return fit
    print("\nWhat its processor counts:", flush=True)
    status = _limited(suite, values.timeout)
    if status is None:
        raise Refused(f"the calibration did not end within {values.timeout} s")
    return status


def _restore(values: argparse.Namespace) -> int:
    _check(values)
    with _given_back():
        suite = _suite(values)
    return suite.ask("probe", "--restore")


class _KernelLog:
    """The kernel's log since now; all of it would blame the run for what was before."""

    def __init__(self) -> None:
        self._mark = f"pmu_passthrough: a run on this host begins, {os.getpid()}-{time.time():.6f}"
        try:
            with open("/dev/kmsg", "w", encoding="utf-8") as log:
                log.write(f"{self._mark}\n")
        except OSError:
            self._mark = ""

    def lines(self) -> list[str]:
        if not self._mark:
            return []
        lines = process.output(["dmesg"]).splitlines()
        at = [index for index, line in enumerate(lines) if self._mark in line]
        return lines[at[-1] + 1 :] if at else []


def _kernel_config() -> str:
    text = ""
    with contextlib.suppress(OSError):
        text = gzip.decompress(Path("/proc/config.gz").read_bytes()).decode("utf-8", "replace")
    text = text or text_of(Path(f"/boot/config-{platform.release()}"))
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("CONFIG_"))


def _case_options(names: tuple[str, ...]) -> list[str]:
    """Cases as the options of one program: with a dot, one variant of the case."""
    return [word for name in names for word in ("-r" if "." in name else "-t", name)]


def _sweep() -> None:
    """What a program that was killed leaves in the tree of cgroups."""
    for path in Path("/sys/fs/cgroup").glob("pmu-*"):
        with contextlib.suppress(OSError):
            path.rmdir()


class _Report:
    """Writes what lab/init/init writes in the lab."""

    def __init__(self, suite: _Suite, file: IO[bytes], again: str, timeout: int) -> None:
        self._suite, self._file, self._again, self._timeout = suite, file, again, timeout
        self._environment = dict(os.environ)

    def _line(self, words: str) -> None:
        self._file.write(f"@@lab {words}\n".encode("utf-8", "replace"))
        self._file.flush()

    def facts(self) -> None:
        for line in process.output([self._suite.path / "probe", "--facts"]).splitlines():
            self._line(f"fact {line}")
        # Once, and not by each program anew.
        said = self._measured().splitlines()
        for line in said:
            self._line(f"fact {line}")
            if line.startswith("calibration "):
                self._environment["PMU_CALIBRATION"] = line.removeprefix("calibration ")

    def _measured(self) -> str:
        running = process.start(
            [self._suite.path / "calibrate", "--facts"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            said, _ = running.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            said = b""
        finally:
            process.end(running)
        return said.decode("utf-8", "replace")

    def programs(self, entries: list[cases.Entry]) -> None:
        began = time.monotonic()
        for done, entry in enumerate(entries):
            left = time_left(done, len(entries), time.monotonic() - began)
            say(f"{done + 1} of {len(entries)}{left}: {entry.program}")
            self._program(entry)
        self._line("end")

    def _program(self, entry: cases.Entry) -> None:
        self._line(f"program {entry.program}")
        environment = self._environment | {"PMU_AGAIN": f"{self._again} --filter {entry.program}:"}
        command = [self._suite.path / entry.program, *_case_options(entry.cases)]
        running = process.start(
            command,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=self._suite.path,
            env=environment,
        )
        status = process.wait(running, self._timeout)
        if status is None:
            process.end(running)
            status = _KILLED
        if status == _KILLED:
            _sweep()
        self._line(f"status {status if status >= 0 else 128 - status}")

    def log(self, lines: list[str]) -> None:
        for line in lines:
            self._line(f"dmesg {line}")


def _again(values: argparse.Namespace, suite: _Suite) -> str:
    words = as_prefix(passed_on()) + "scripts/host run"
    words = f"sudo {words}" if os.geteuid() == 0 else words
    words += f" --suite {shlex.quote(str(suite.path))}" if suite.given else ""
    words += f" --timeout {values.timeout}" if values.timeout != 300 else ""
    return words + (" --strict" if values.strict else "") + (" --fix" if values.fix else "")


def _what_remains(suite: _Suite, globs: str) -> str:
    """On a machine, or for a user, that can run no guest: what asks for none."""
    said = process.said([suite.path / "param_test"])
    asked = any(case.program == "param_test" for case in cases.select(globs))
    return "param_test" if "\nok " in said and asked else ""


@contextlib.contextmanager
def _given_back(out: Path | None = None) -> Iterator[None]:
    """With sudo what was built and the folder OUT are the user's again, as the files
    around them."""
    try:
        yield
    finally:
        user = os.environ.get("SUDO_UID", "")
        if re.fullmatch("[0-9]+", user, re.ASCII) and TOP.stat().st_uid == int(user):
            group = os.environ.get("SUDO_GID") or user
            for path in (build(), out):
                if path and path.is_dir():
                    process.run(["chown", "-R", f"{user}:{group}", path], subprocess.DEVNULL)


def _fix(suite: _Suite, arguments: list[str]) -> NoReturn:
    """Change what must change, and run under who puts it back."""
    os.environ[_FIXED] = "1"
    sys.stdout.flush()
    probe = str(suite.path / "probe")
    os.execv(probe, [probe, "--fix", "--", str(TOP / "scripts/host"), "run", *arguments])


def _run(values: argparse.Namespace) -> int:
    arguments = sys.argv[2:]
    if values.make:
        arguments = words_in("CHECK_OPTIONS")
        values = HOST.parser(HOST.verbs[1]).take(arguments)
    _check(values)
    out = Path(values.out) if values.out else build() / "host"
    with RunFolder(out, 16) as folder, _given_back(folder.path):
        suite = _suite(values)
        if values.fix and not os.environ.get(_FIXED):
            # Its lock goes with the exec.
            _fix(suite, arguments)
        fit = suite.ask("probe")
        globs = values.filter if not fit else _what_remains(suite, values.filter)
        if fit and not globs:
            return fit
        folder.clear()
        return _run_in(values, suite, folder.path, globs) or fit


def _run_in(values: argparse.Namespace, suite: _Suite, out: Path, globs: str) -> int:
    again = _again(values, suite)
    write_whole(out / "config", _kernel_config())
    if values.strict:
        os.environ["PMU_STRICT"] = "1"
    log = _KernelLog()
    began = time.monotonic()
    with open(out / "report.log", "wb") as file:
        report = _Report(suite, file, again, values.timeout)
        report.facts()
        report.programs(cases.ordered(cases.entries(globs), passed_on()))
        heard = log.lines()
        report.log(heard)
    write_whole(out / "console.log", "".join(f"{line}\n" for line in heard))
    facts = dict(
        line.split(" ", 1)
        for line in process.output([suite.path / "probe", "--facts"]).splitlines()
        if " " in line
    )
    seconds = round(time.monotonic() - began)
    context = {
        "machine": "bare-metal",
        "contract": facts.get("pmu_contract", "") or "mediated",
        "kernel_image": f"/boot/vmlinuz-{platform.release()}",
        "kernel": "running",
        "fault": "",
        "cpus": len(os.sched_getaffinity(0)),
        "emulator": "",
        "started": moment(seconds),
        "boot_seconds": seconds,
        "command": again,
    }
    results = ktap.make(out, "yes", context)
    table.show([results], suite.words())
    # That a file reads as it should does not make this machine fit.
    return 0 if results.passes else 1


_SUITE = Option("--suite", 'programs that "build" made, here or on another machine', "DIR")
_TIMEOUT = Option(
    "--timeout", "deadline of each program in seconds (default 300)", "S", number(), 300
)

HOST = Command(
    "scripts/host",
    "VERB [OPTIONS]",
    """The suite on this machine itself, bare metal.

  scripts/host probe             can it run here? changes nothing
  sudo scripts/host run --fix    run it; what must change for that is put back""",
    (
        Verb(
            "probe",
            "say what this machine offers, and what must change; changes nothing",
            _probe,
            options=(_SUITE, _TIMEOUT),
            ends="Status: 0 it can run, 2 bad input or something missing, 4 nothing can run here.",
        ),
        Verb(
            "run",
            "run the suite on this machine",
            _run,
            options=(
                Option(
                    "--fix",
                    "change what must change (nmi_watchdog, perf_cpu_time_max_percent,"
                    " enable_mediated_pmu), say so, and put it back at the end, however that comes",
                ),
                Option(
                    "--filter",
                    "only matching cases (scripts/lab show cases)",
                    "GLOBS",
                    default="",
                    complete=lambda: [str(case) for case in cases.all_cases()],
                ),
                Option("--strict", "known defects count as violations"),
                Option("--out", "where results go (default build/host)", "DIR"),
                *(_SUITE, _TIMEOUT, Option("--make", argparse.SUPPRESS)),
            ),
            ends="Status: 0 conforms, 1 a case failed, 2 bad input or something missing, 4 nothing can run\non this machine.",
        ),
        Verb(
            "restore",
            "put back what a run with --fix left that was killed together with its guardian",
            _restore,
            options=(_SUITE,),
        ),
        Verb(
            "build",
            "build the test programs only, and print their folder",
            _build,
            options=(_SUITE,),
        ),
    ),
    """Environment: KSRC (a kernel tree with the KVM selftests library; default the newest 7.x
source of the distribution), PMU_SEED, PMU_RACE_MS, PMU_EXPLORE_MS, PMU_ORDER,
PMU_DELAY_US, PMU_PATIENCE as for scripts/lab.

Status: 0 conforms, 1 a case failed, 2 bad input or something missing, 4 nothing can run
on this machine.""",
)
main = HOST.main
