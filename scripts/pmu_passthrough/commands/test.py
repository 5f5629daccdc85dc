# SPDX-License-Identifier: GPL-2.0-only
"""All tests of the suite itself, in stages, or just the stages named. Leaves the output
of each in build/test and ends with the sum of their results."""

import argparse
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..base import process
from ..base.options import Parser, complete
from ..base.place import TOP, folder, text_of
from ..base.say import Refused
from ..lab.run import at_a_time, side_by_side
from . import style

_LOGS = TOP / "build/test"
# Of a failed test's output, the first and last so many lines are shown: a few dozen lines
# of a CI's log may be all that is left of the machine.
_FIRST, _LAST = 20, 15
# What the tests of a file have in memory at the same time: two boots at most.
_MEMORY_MIB = 2048


@dataclass
class _Stage:
    """Takes TAP: shows progress and failures, keeps everything, and counts."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    _said: list[str] = field(default_factory=list)
    _of_failure: bool = False
    _latest: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST))

    def __post_init__(self) -> None:
        self.log = _LOGS / f"{self.name}.log"
        self._file = open(self.log, "w", 1, "utf-8", "replace")  # noqa: SIM115
        print(f"== {self.name}", flush=True)

    def take(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._latest.append(line)
        if re.match("(not )?ok", line):
            self._tell()
            self._count(line)
        elif re.match("#   lab: ([0-9]+ of |.*[: ][0-9]+ of |building |booting )", line):
            return
        elif line.startswith("lab: "):
            print(line, flush=True)
        elif self._of_failure:
            self._said.append(line)

    def _count(self, line: str) -> None:
        if line.startswith("not ok"):
            self.failed += 1
            self._of_failure = True
            print(line, flush=True)
        elif re.search("# (skip|SKIP)", line):
            self.skipped += 1
        else:
            self.passed += 1
            if self.passed % 20 == 0:
                print(f"   {self.passed} ok", flush=True)

    def _tell(self) -> None:
        said = self._said
        if len(said) > _FIRST + _LAST:
            said = [*said[:_FIRST], "...", *said[-_LAST:]]
        for line in said:
            print(f"   {line}", flush=True)
        self._said, self._of_failure = [], False

    def run(self, command: process.Words) -> int:
        """A command that prints TAP."""
        running = process.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP)
        assert running.stdout is not None
        for line in running.stdout:
            self.take(line.decode("utf-8", "replace").rstrip("\n"))
        return process.wait(running) or 0

    def run_beside(self, commands: list[process.Words], many: int) -> int:
        """Commands that print TAP, in their order, so many at the same time. What a test
        said stays together."""
        taking = threading.Lock()

        def give(said: list[str]) -> None:
            with taking:
                for line in said:
                    self.take(line)
                self._tell()

        def work(command: process.Words) -> int:
            running = process.start(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP
            )
            assert running.stdout is not None
            said: list[str] = []
            for raw in running.stdout:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                if re.match("(not )?ok", line):
                    give(said)
                    said = []
                said.append(line)
            give(said)
            return process.wait(running) or 0

        statuses = side_by_side([partial(work, command) for command in commands], many)
        return int(any(statuses))

    def result(self, name: str, wrong: list[str]) -> None:
        """One test that found these things wrong."""
        self.take(f"{'not ok' if wrong else 'ok'} - {name}")
        for line in wrong:
            self.take(f"# {line}")

    def check(self, name: str, *command: str | Path) -> None:
        """One test that is a whole command."""
        if shutil.which(str(command[0])) is None:
            self.take(f"ok - {name} # SKIP needs {command[0]}")
            return
        part = self.log.with_suffix(".part")
        status = process.run(command, part, cwd=TOP)
        said = text_of(part).splitlines() if status else []
        part.unlink()
        self.result(name, said or ([f"status {status}"] if status else []))

    def close(self, status: int) -> None:
        self._tell()
        self._file.close()
        if self.passed + self.failed + self.skipped == 0:
            print("   nothing ran")
            self.failed = 1
        elif status and not self.failed:
            print(f"   the stage ended with status {status}; the last it said:")
            for line in self._latest:
                print(f"   {line}")
            self.failed = 1
        if self.failed:
            print(f"   the whole output is in {self.log}; again: scripts/test {self.name}")
        print(f"   {self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)


def _style(stage: _Stage) -> int:
    stage.check(
        "shellcheck has nothing to say", "shellcheck", "-x", "-P", TOP, *style.shell_scripts()
    )
    stage.check(
        "shellcheck has nothing to say of the Bats files",
        "shellcheck",
        "-x",
        *sorted((TOP / "scripts/tests").glob("*.bats")),
    )
    stage.check(
        "the C is in kernel style", "clang-format-14", "--dry-run", "-Werror", *style.c_files()
    )
    python = style.python_files()
    stage.check(
        "mypy agrees with the types",
        "mypy",
        "--strict",
        "--no-error-summary",
        "scripts/pmu_passthrough",
        "scripts/tests/python",
    )
    stage.check("flake8 has nothing to say", "flake8", "--config", "scripts/flake8.ini", *python)
    if style.black_fits():
        stage.check(
            "the Python is in Black's style",
            "black",
            "-q",
            "--diff",
            "--check",
            "-l",
            "100",
            *python,
        )
    for name, check in style.CHECKS.items():
        stage.result(name, check())
    return 0


def _unit(stage: _Stage) -> int:
    status = 0
    for compiler in ("gcc", "clang"):
        where = f"OUTPUT={TOP}/build/unit-{compiler}"
        status |= stage.run(["make", "-s", "-C", "lib/tests", where, f"CC={compiler}", "run"])
    return status


def _python(stage: _Stage) -> int:
    """pytest, its results as TAP."""
    said = _LOGS / "pytest.log"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "scripts/tests/python",
    ]
    status = process.run(command, said, cwd=TOP)
    text = text_of(said)
    for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) (.*)$", text, re.MULTILINE):
        if outcome == "PASSED":
            stage.take(f"ok - {name}")
        elif outcome == "SKIPPED":
            stage.take(f"ok - {name} # SKIP")
        else:
            stage.take(f"not ok - {name}")
    if status:
        for line in text.splitlines():
            if not line.startswith(("PASSED", "FAILED")):
                stage.take(f"# {line}")
    return status


def _bats(stage: _Stage) -> int:
    files = sorted((TOP / "scripts/tests").glob("*.bats"))
    return stage.run(["bats", "--tap", "--print-output-on-failure", *files])


def _payload(stage: _Stage) -> int:
    where, said = _LOGS / "payload", _LOGS / "payload.said"
    (where / "results.ktap").unlink(missing_ok=True)
    status = process.run([TOP / "scripts/lab", "payload", "--out", where], said)
    for path in (said, where / "results.ktap"):
        for line in text_of(path).splitlines():
            stage.take(line)
    return status


# What takes longest begins first.
_LONG = ("code_mutants", "rfc", "ksft", "intel", "run", "proof", "emulated")


def _lab(stage: _Stage) -> int:
    """Each file has its own boots, most of which keep one core busy."""

    def key(path: Path) -> tuple[int, str]:
        return (_LONG.index(path.stem) if path.stem in _LONG else len(_LONG), path.stem)

    files = sorted((TOP / "scripts/tests/lab").glob("*.bats"), key=key)
    bats = ["bats", "--tap", "--timing", "--print-output-on-failure"]
    return stage.run_beside([[*bats, path] for path in files], at_a_time(_MEMORY_MIB))


def _kernels(stage: _Stage) -> int:
    files = sorted((TOP / "scripts/tests/kernels").glob("*.bats"))
    return stage.run(["bats", "--tap", "--timing", "--print-output-on-failure", *files])


STAGES: dict[str, Callable[[_Stage], int]] = {
    "style": _style,
    "unit": _unit,
    "python": _python,
    "bats": _bats,
    "payload": _payload,
    "lab": _lab,
}
# Only by name: kernels that nothing else needs take minutes to build.
_BY_NAME: dict[str, Callable[[_Stage], int]] = {"kernels": _kernels}


def parser() -> Parser:
    made = Parser(
        "scripts/test",
        "[STAGE...]",
        f"""Run all tests of the suite itself, or the stages named: {', '.join(STAGES)};
only by its name: {', '.join(_BY_NAME)}, which builds and runs older kernels.""",
        "Status: 0 all passed, 1 not, 2 bad input.",
    )
    made.add_argument("stages", nargs="*", help=argparse.SUPPRESS)
    return made


def main(arguments: list[str]) -> int:
    complete(parser)
    wanted = parser().take(arguments).stages or list(STAGES)
    stages = STAGES | _BY_NAME
    for name in wanted:
        if name not in stages:
            raise Refused(f"no stage called '{name}'; there is: {' '.join(stages)}")
    # Another stage may be at work beside, and writes to its log there.
    folder(_LOGS, "to")
    done = []
    for name in wanted:
        stage = _Stage(name)
        stage.close(stages[name](stage))
        done.append(stage)
    passed = sum(stage.passed for stage in done)
    failed = sum(stage.failed for stage in done)
    print(f"{passed} passed, {failed} failed, {sum(stage.skipped for stage in done)} skipped")
    return 0 if passed and not failed else 1
