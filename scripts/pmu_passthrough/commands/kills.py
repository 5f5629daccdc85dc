# SPDX-License-Identifier: GPL-2.0-only
"""Who kills what: the suite's cases (scripts/mutants), the kernel's own tests
(scripts/peers) and the explorer, of the same faults, in one table."""

import argparse

from ..base.options import Parser, complete, jobs, number
from ..base.place import build, text_of, write_whole
from ..base.say import Refused, say
from ..lab.machine import machine
from ..lab.request import Request
from ..lab.run import prepare
from ..matrix import explorer
from ..matrix.engine import Matrix, forget_environment, suite_state
from ..suite.faults import Fault, fault, faults_of_amd
from . import peers


def parser() -> Parser:
    made = Parser(
        "scripts/kills",
        "[--seconds N] [FAULT...]",
        """Print a table as Markdown: fault, rule, the case of the suite that kills it, the tests of
the kernel itself that do, and the rule by which the explorer does.

Lets the explorer loose on the reference kernel with each fault (default: all of "scripts/lab
show faults") from the seed 1. What scripts/mutants and scripts/peers left behind is taken
from there, else "not run". Results stay in build/kills; one that is there is not made
again, unless suite or kernel changed.""",
        "Status: 0, 2 bad input.",
    )
    made.add_argument("faults", nargs="*", help=argparse.SUPPRESS)
    made.add_argument(
        "--seconds", metavar="N", type=number(), default=10, help="for each fault (default 10)"
    )
    return made


class _Kills:
    def __init__(self, matrix: Matrix, seconds: int) -> None:
        self._matrix, self._seconds = matrix, seconds
        self.found: dict[str, str] = {}

    def _explore(self, name: str, contract: str, broken: str) -> str:
        # The deadline leaves the time for shrinking to a program's share of it.
        timeout = (self._seconds * 3 // 2 + 60) * 5 // 2
        request = explorer.request("amd-zen4", contract, self._seconds, 1, broken, timeout)
        found = explorer.found(self._matrix.run(self._matrix.out / name, request))
        if found is None:
            raise Refused(f"the explorer came to no answer; see {self._matrix.out / name}")
        return found

    def baseline(self, contract: str) -> None:
        if self._explore(f"none-{contract}", contract, ""):
            where = self._matrix.out / f"none-{contract}"
            raise Refused(f"the explorer finds something without a fault; see {where}")

    def judge(self, one: Fault) -> None:
        self.found[one.name] = self._explore(one.name, one.contract, one.name)
        say(f"{one.name:<20} {self.found[one.name]}")

    def by_a_case(self, one: Fault) -> str:
        where = build() / "mutants" / one.name
        if text_of(where / "state").split(" ")[0].strip() != self._matrix.state:
            return "not run"
        row = text_of(where / "row").rstrip("\n").split("\t")
        if len(row) < 5:
            return "not run"
        verdict, case = row[2], row[3]
        return f"`{case}`" if verdict in ("killed", "elsewhere") else verdict

    def by_peers(self, one: Fault) -> str:
        row = peers.row_file(self._matrix.state, one.name)
        return " ".join(text_of(row).split()[2:]) if row.exists() else "not run"


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    forget_environment()
    wanted = [fault(name) for name in dict.fromkeys(values.faults)] or faults_of_amd()
    prepare(Request(machine("amd-zen4"), variant="reference"))
    state = suite_state()
    matrix = Matrix(build() / "kills" / f"{state}-{values.seconds}", jobs(2), state)
    kills = _Kills(matrix, values.seconds)
    matrix.each(kills.baseline, ["mediated", "rfc"])
    matrix.each(kills.judge, wanted)
    rows = [
        (one, kills.by_a_case(one), kills.by_peers(one), kills.found[one.name]) for one in wanted
    ]
    lines = [
        "| fault | rule | case | tests of the kernel | explorer |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.name} | {one.rule} | {case} | {tests} | {found} |"
        for one, case, tests, found in rows
    ]
    write_whole(matrix.out / "table.md", "".join(f"{line}\n" for line in lines))
    print("\n".join(lines))
    by_case = sum("`" in case for _, case, _, _ in rows)
    by_tests = sum(tests not in ("", "not run") for _, _, tests, _ in rows)
    by_explorer = sum(bool(found) for *_, found in rows)
    print(
        f"{len(rows)} faults: the cases kill {by_case}, the tests of the kernel itself {by_tests}, the explorer {by_explorer}"
    )
    return 0
