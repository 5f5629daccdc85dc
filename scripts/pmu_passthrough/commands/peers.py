# SPDX-License-Identifier: GPL-2.0-only
"""The measure of scripts/mutants: which of the same faults do the tests notice that come
with the kernel, KVM's for its PMU and perf's own, and that of upstream/kvm-selftests?"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.options import Parser, complete, jobs
from ..base.place import TOP, build, text_of, write_whole
from ..base.say import Refused
from ..builders import mutated, programs
from ..lab.machine import machine
from ..lab.request import Request
from ..lab.run import prepare
from ..matrix.engine import Matrix, forget_environment, suite_state
from ..mutation.mutant import Mutant, load
from ..mutation.table import default
from ..mutation.verdict import NOTICED
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
        "[FAULT... | --code MUTANTS.JSON]",
        """Run KVM's PMU selftests and perf's selftests of the kernel under test, and the test of
upstream/kvm-selftests, on the reference kernel with each fault (default: all of
"scripts/lab show faults").

With --code it asks the mutants of the kernel's own code that "scripts/mutants --code" found
to make a difference in some case, on the kernel with all of them; MUTANTS.JSON is what that left.

A fault is killed if one of them, three times, ends otherwise than without a fault, or if
the kernel stops. Results stay in build/peers; one that is there is not made again, unless
suite or kernel changed.""",
        "Status: 0, 2 bad input.",
    )
    made.add_argument("faults", nargs="*", help=argparse.SUPPRESS)
    made.add_argument("--code", metavar="MUTANTS.JSON", help="mutants of the kernel's own code")
    made.add_argument("--contract", metavar="NAME", default="", help="of those (default mediated)")
    return made


@dataclass(frozen=True)
class _Broken:
    """A kernel that is broken in one way, and the same one that is not.

    words -- what a row says of it
    options -- by which "lab exec" boots it
    sound -- by which it boots the other
    """

    name: str
    words: str
    contract: str
    options: tuple[str, ...]
    sound: tuple[str, ...]

    @classmethod
    def of_fault(cls, one: Fault) -> "_Broken":
        sound = ("--reference", "--contract", one.contract)
        words = f"{one.name:<20} {one.rule:<5}"
        return cls(one.name, words, one.contract, (*sound, "--fault", one.name), sound)

    @classmethod
    def of_mutant(cls, one: Mutant, contract: str, image: Path) -> "_Broken":
        sound = ("--kernel", str(image), "--contract", contract)
        append = ("--append", f"mutant={one.id}")
        words = f"{one.fingerprint} {one.function:<32}"
        name = f"{one.fingerprint}-{contract}"
        return cls(name, words, contract, (*sound, *append), sound)


def _mutants(name: str, contract: str) -> list[_Broken]:
    """Those of the report that make a difference."""
    try:
        each = json.loads(Path(name).read_text(encoding="utf-8"))["each"]
        wanted = {
            one["fingerprint"]
            for one in each
            if one["outcome"] in (*NOTICED, "survived", "equivalent") and one["cases_asked"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(f"{name} is no mutants.json of scripts/mutants --code") from None
    built = mutated.build(default())
    found = [one for one in load(built / "mutants.json") if one.fingerprint in wanted]
    if not found:
        raise Refused(f"{name} has no mutant of the default table that makes a difference")
    return [_Broken.of_mutant(one, contract, built / "bzImage") for one in found]


def _folder(state: str) -> Path:
    return build() / "peers" / f"{state}-5"


def row_file(state: str, name: str) -> Path:
    """Of a fault or mutant: what it is, then the tests that noticed it."""
    return _folder(state) / f"{name}.row"


class _Peers:
    def __init__(self, matrix: Matrix, suite: Path) -> None:
        self._out = matrix.out
        self._tests = [suite / name for name in _TESTS]
        self._state = matrix.state

    def _statuses(self, name: str, options: Sequence[str], sound: str = "") -> dict[str, str]:
        """What each test ended with. A kernel that dies ends with less.

        options -- by which "lab exec" boots the kernel
        sound -- the name of what was asked of the one that is not broken, if this one is
        """
        file = self._out / name
        if not file.exists():
            before = self._kept(sound) if sound else {}
            words = [f"{before.get(test.name, '')}:{test}" for test in self._tests]
            command = [TOP / "scripts/lab", "exec", "--timeout", "900", *options]
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
        return self._kept(name)

    def _kept(self, name: str) -> dict[str, str]:
        lines = text_of(self._out / name).splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def _sound(self, one: _Broken) -> str:
        """What was asked of the kernel that is not broken is called so."""
        options = hashlib.sha256(" ".join(one.sound).encode())
        return f"none-{one.contract}-{options.hexdigest()[:8]}"

    def baseline(self, one: _Broken) -> None:
        name = self._sound(one)
        if len(self._statuses(name, one.sound)) < len(self._tests):
            raise Refused(f"the tests did not run without a fault; see {self._out}/{name}.progress")

    def judge(self, one: _Broken) -> None:
        before = self._kept(self._sound(one))
        after = self._statuses(one.name, one.options, self._sound(one))
        noticed = sorted(test for test, status in before.items() if after.get(test) != status)
        row = f"{one.words} {' '.join(noticed)}\n"
        write_whole(row_file(self._state, one.name), row)
        print(row, end="", flush=True)


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    forget_environment()
    if values.code and values.faults:
        raise Refused("--code goes with no fault")
    if values.contract not in ("", "mediated", "emulated"):
        raise Refused(f"--contract wants mediated or emulated, not '{values.contract}'")
    if values.contract and not values.code:
        raise Refused("--contract goes with --code: a fault has its own")
    if values.code:
        wanted = _mutants(values.code, values.contract or "mediated")
    else:
        named = [fault(name) for name in dict.fromkeys(values.faults)] or faults_of_amd()
        wanted = [_Broken.of_fault(one) for one in named]
    many = jobs(2)
    made = prepare(Request(machine("amd-zen4"), variant="reference"))
    state = suite_state()
    matrix = Matrix(_folder(state), many, state)
    programs.target(made.suite, *_TESTS)
    peers = _Peers(matrix, made.suite)
    matrix.each(peers.baseline, list({one.sound: one for one in wanted}.values()))
    matrix.each(peers.judge, wanted)
    killed = sum(len(text_of(row_file(state, one.name)).split()) > 2 for one in wanted)
    print(f"{killed} of {len(wanted)} killed by the tests of the kernel itself")
    return 0
