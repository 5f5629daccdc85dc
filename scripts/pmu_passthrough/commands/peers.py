# SPDX-License-Identifier: GPL-2.0-only
"""The measure of scripts/mutants: which of the same faults do the tests notice that come
with the kernel, KVM's for its PMU and perf's own, and that of upstream/kvm-selftests?"""

import argparse
from pathlib import Path

from ..base import process
from ..base.options import Parser, complete, jobs
from ..base.place import TOP, build, text_of, write_whole
from ..base.say import Refused
from ..builders import programs
from ..lab.machine import machine
from ..lab.request import Request
from ..lab.run import prepare
from ..matrix.engine import Matrix, forget_environment, suite_state
from ..suite.faults import Fault, fault, faults_of_amd

_TESTS = (
    "posted/mediated_pmu_test",
    "kvm/pmu_event_filter_test",
    "kvm/svm_pmu_host_guest_test",
) + tuple(
    f"perf_events/{name}"
    for name in ("mmap", "remove_on_exec", "sigtrap_threads", "watermark_signal")
)
# As without the fault is enough once: what depends on luck proves nothing.
_SCRIPT = """for test; do
    expected=${test%%:*} test=${test#*:}
    for try in 1 2 3; do
        timeout -s KILL 40 "$test" >/dev/null 2>&1
        status=$?
        [ $status != "$expected" ] || break
    done
    echo "${test##*/} $status"
done"""


def parser() -> Parser:
    made = Parser(
        "scripts/peers",
        "[FAULT...]",
        """Run KVM's PMU selftests and perf's selftests of the kernel under test, and the test of
upstream/kvm-selftests, on the reference kernel with each fault (default: all of
"scripts/lab show faults").

A fault is killed if one of them, three times, ends otherwise than without a fault, or if
the kernel stops. Results stay in build/peers; one that is there is not made again, unless
suite or kernel changed.""",
        "Status: 0, 2 bad input.",
    )
    made.add_argument("faults", nargs="*", help=argparse.SUPPRESS)
    return made


def _folder(state: str) -> Path:
    return build() / "peers" / f"{state}-4"


def row_file(state: str, one: Fault) -> Path:
    return _folder(state) / f"{one.name}.row"


class _Peers:
    def __init__(self, matrix: Matrix, suite: Path) -> None:
        self._out = matrix.out
        self._tests = [suite / name for name in _TESTS]
        self._state = matrix.state

    def _statuses(self, name: str, contract: str, broken: str = "") -> dict[str, str]:
        """What each test ended with. A kernel that dies ends with less."""
        file = self._out / name
        if not file.exists():
            before = self._statuses(f"none-{contract}", contract) if broken else {}
            words = [f"{before.get(test.name, '')}:{test}" for test in self._tests]
            command: list[str | Path] = [
                TOP / "scripts/lab",
                "exec",
                "--reference",
                "--timeout",
                "900",
                "--contract",
                contract,
            ]
            command += ["--fault", broken] if broken else []
            with open(f"{file}.part", "wb") as said, open(f"{file}.progress", "wb") as progress:
                process.wait(
                    process.start(
                        [*command, "--", "sh", "-c", _SCRIPT, "sh", *words],
                        stdout=said,
                        stderr=progress,
                    )
                )
            # Less than all means that the kernel stopped, or else is no answer.
            count = len(text_of(Path(f"{file}.part")).splitlines())
            if count < len(self._tests) and "did not end within" not in text_of(
                Path(f"{file}.progress")
            ):
                raise Refused(f"the tests did not run; see {file}.progress")
            Path(f"{file}.part").rename(file)
        return {line.split()[0]: line.split()[1] for line in text_of(file).splitlines()}

    def baseline(self, contract: str) -> None:
        if len(self._statuses(f"none-{contract}", contract)) < len(self._tests):
            raise Refused(
                f"the tests did not run without a fault; see {self._out}/none-{contract}.progress"
            )

    def judge(self, one: Fault) -> None:
        before = self._statuses(f"none-{one.contract}", one.contract)
        after = self._statuses(one.name, one.contract, one.name)
        noticed = sorted(test for test, status in before.items() if after.get(test) != status)
        row = f"{one.name:<20} {one.rule:<5} {' '.join(noticed)}\n"
        write_whole(row_file(self._state, one), row)
        print(row, end="", flush=True)


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    forget_environment()
    wanted = [fault(name) for name in dict.fromkeys(values.faults)] or faults_of_amd()
    many = jobs(2)
    made = prepare(Request(machine("amd-zen4"), variant="reference"))
    state = suite_state()
    matrix = Matrix(_folder(state), many, state)
    programs.target(made.suite, *_TESTS)
    peers = _Peers(matrix, made.suite)
    matrix.each(peers.baseline, sorted({one.contract for one in wanted}))
    matrix.each(peers.judge, wanted)
    killed = sum(len(text_of(row_file(state, one)).split()) > 2 for one in wanted)
    print(f"{killed} of {len(wanted)} faults killed by the tests of the kernel itself")
    return 0
