# SPDX-License-Identifier: GPL-2.0-only
"""The command scripts/soak."""

import argparse
import os
from pathlib import Path

from ..base.options import Parser, complete, jobs, number, words_in
from ..base.place import build, write_whole
from ..base.say import Refused
from ..lab.folder import remove_run
from ..lab.machine import Machine, machine
from ..lab.run import prepare
from ..matrix.engine import Matrix, forget_environment, suite_state
from ..matrix.soak import Choices, Soak, compared
from ..suite import cases
from ..suite.renamed import refuse_contract

_CONTRACTS = ("mediated", "rfc", "rfc-as-posted", "emulated")


def _numbers(most: int = 10**9) -> "type[argparse.Action]":
    """A list of numbers, by commas."""

    class Numbers(argparse.Action):
        def __call__(
            self,
            _parser: object,
            namespace: argparse.Namespace,
            values: object,
            flag: str | None = None,
        ) -> None:
            try:
                taken = [number()(word) for word in str(values).split(",")]
            except argparse.ArgumentTypeError as error:
                raise argparse.ArgumentError(self, str(error)) from None
            if max(taken) > most:
                raise Refused(f"{flag}: {max(taken)} is more than {most} percent")
            setattr(namespace, self.dest, taken)

    return Numbers


def parser() -> Parser:
    made = Parser(
        "scripts/soak",
        "[OPTIONS]",
        """Run the suite again and again under changing conditions: do its verdicts hold?

Every run has its own order of programs and cases and its own delays where threads meet;
on the AMD machine about half of them share this one with a busy loop per CPU. A run that
is there already is not repeated, so an interrupted soak goes on where it stopped.""",
        "Environment: MACHINE, JOBS, SOAK_OPTIONS (of make).\n"
        "Status: 0 every case had one verdict, 1 not, 2 bad input.",
    )
    made.add_argument(
        "--runs", metavar="N", type=number(1, 100000), default=50, help="runs in all (default 50)"
    )
    made.add_argument(
        "--jobs", metavar="N", type=number(1, 256), help="at a time (default 1, or JOBS=)"
    )
    made.add_argument(
        "--seed", metavar="N", type=number(), default=1, help="what all is drawn from (default 1)"
    )
    made.add_argument(
        "--cpus",
        metavar="N,N",
        action=_numbers(),
        help="lab CPUs, in turn (default 2,4,8; Intel 2,4)",
    )
    rough = "on a rough machine, how rough, in percent, in turn (default 100)"
    made.add_argument("--strengths", metavar="N,N", action=_numbers(400), default=[100], help=rough)
    contracts = "mediated, rfc, rfc-as-posted, emulated, in turn (default mediated,rfc)"
    made.add_argument("--contracts", metavar="A,B", default="mediated,rfc", help=contracts)
    made.add_argument("--filter", metavar="GLOBS", default="", help="only these cases")
    made.add_argument("--out", metavar="DIR", help="where results go (default build/soak)")
    made.add_argument("--fresh", action="store_true", help="forget the runs that are there")
    made.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    return made


def _choices(values: argparse.Namespace, named: Machine) -> Choices:
    contracts = values.contracts.split(",")
    for contract in contracts:
        if contract not in _CONTRACTS:
            refuse_contract(contract, f"there is: {' '.join(_CONTRACTS)}")
    cpus = values.cpus or ([2, 4, 8] if named.is_qemu else [2, 4])
    return Choices(named, values.seed, cpus, values.strengths, contracts, values.filter)


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    if values.make:
        values = parser().take(words_in("SOAK_OPTIONS"))
    forget_environment()
    choices = _choices(values, machine(os.environ.get("MACHINE") or "amd-zen4"))
    cases.select(values.filter)
    requests = choices.kinds(values.runs)
    for request in requests:
        request.check()
    matrix = Matrix(Path(values.out) if values.out else build() / "soak", values.jobs or jobs(1))
    for variant in sorted({request.variant for request in requests}):
        prepare(next(request for request in requests if request.variant == variant))
    if values.fresh:
        for path in matrix.out.glob("run-*"):
            remove_run(path)
    # Another suite or kernel, or other choices, is another soak.
    matrix.state = f"{suite_state()} {choices.words()}"
    lines = list(compared(Soak(matrix, choices, values.runs).run()))
    write_whole(matrix.out / "table", "".join(f"{line}\n" for line in lines))
    print("\n".join(lines))
    return 0 if lines[-1].endswith(" 0 failed always, 0 incomplete, 0 flaky") else 1
