# SPDX-License-Identifier: GPL-2.0-only
"""The command scripts/mutants."""

import argparse
from pathlib import Path

from ..base.options import Parser, complete, jobs, not_empty, number, offer, words_in
from ..base.place import build, columns, write_whole
from ..base.say import Refused, complain, say
from ..lab.machine import machine
from ..lab.request import Request
from ..lab.run import prepare
from ..matrix.engine import Matrix, drawn, forget_environment, suite_state
from ..matrix.mutants import Mutants, Row
from ..suite.faults import Fault, all_faults, fault


def parser() -> Parser:
    made = Parser(
        "scripts/mutants",
        "[OPTIONS] [FAULT...] | --code [FILE[:FUNCTION]...] | --patch FILE | --range A..B | --reference",
        """Break the reference kernel in every known way, or in those named: does the suite notice?

Asks of each fault of "scripts/lab show faults" the case that killed it last time
(configs/killing-cases.list), many faults in one boot: the case runs without the fault,
then with it. If it survives, the kernel is booted with the fault and the case asked
again, then the cases of the fault's rule, then the whole suite (not of faults that are
argued). Prints a row a fault as it is done, at the end the score. A result that is there
is not made again, unless suite or kernel changed, so an interrupted matrix goes on where
it stopped. Faults that nothing can kill are argued in configs/equivalent-mutants.list,
cases that kill none in configs/justified.list.

With --code, --patch, --range or --reference it is the kernel's own code that is broken, by
the usual operators of mutation: a statement left out, a condition always true, another constant.
All mutants are in one kernel, one is on at a time. Each is asked the cases for which it
makes a difference, those of rules that name the function first. Those that nothing can
notice are argued in configs/equivalent-code.list, code that no host comes to in
configs/unreached-code.list.""",
        "Environment: MACHINE, JOBS, MUTANTS_OPTIONS (of make).\n"
        "Status: 0 every fault is killed by a case of its rule or argued, 1 not, 2 bad input.",
    )
    faults = made.add_argument("faults", nargs="*", help=argparse.SUPPRESS)
    offer(faults, lambda: list(all_faults()))
    every = "every case of the fault's rule, to the end: which of them kill it, and which cases of rules with faults kill nothing"
    made.add_argument("--own", action="store_true", help=every)
    made.add_argument("--all", action="store_true", help="the same with the whole suite")
    made.add_argument(
        "--sample",
        metavar="N",
        type=number(),
        help="only N of the faults, drawn from --seed (default 1)",
    )
    made.add_argument("--seed", metavar="N", type=number(), default=1, help=argparse.SUPPRESS)
    made.add_argument(
        "--jobs", metavar="N", type=number(1, 256), help="at a time (default 2, or JOBS=)"
    )
    made.add_argument("--out", metavar="DIR", help="where results go (default build/mutants)")
    code = "mutants of the kernel's own code: of the functions of configs/mutation.list, or of FILE[:FUNCTION] of them"
    made.add_argument("--code", action="store_true", help=code)
    made.add_argument(
        "--patch", metavar="FILE", type=not_empty, help="of the lines that a patch touches"
    )
    made.add_argument(
        "--range", metavar="A..B", type=not_empty, help="the same of commits of the tree KSRC="
    )
    made.add_argument(
        "--reference",
        action="store_true",
        help="of what the last commit changed of the reference kernel; with --code, of its code",
    )
    made.add_argument("--mutant", metavar="NAME", type=not_empty, help="only this one of them")
    made.add_argument(
        "--machine",
        metavar="NAME",
        type=not_empty,
        help="where those are asked (default amd-zen4, or MACHINE=)",
    )
    made.add_argument(
        "--contract",
        metavar="NAME",
        type=not_empty,
        help="under which (default mediated; with --reference, rfc)",
    )
    made.add_argument("--fresh", action="store_true", help="forget the results that are there")
    made.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    return made


def _tell_idle(mutants: Mutants, out: Path) -> None:
    idle = mutants.idle_cases()
    write_whole(out / "idle-cases", "".join(f"{case}\n" for case in idle))
    argued = len(set(idle) & {row[0] for row in columns("justified.list")})
    print(
        f"\n{len(idle)} of the cases asked kill none of these faults, {argued} of them argued in "
        f"configs/justified.list: {out}/idle-cases"
    )


def _score(rows: list[Row]) -> int:
    """Prints it. Beside it, too: what shows the end of a long output shows one of them."""
    holes = [row for row in rows if row.verdict in ("elsewhere", "survived")]
    for row in holes:
        complain(f"no case of {row.fault.rule} kills {row.fault.name} ({row.case or '-'})")
    for row in rows:
        if row in holes:
            print(row.fault.name, "of", row.fault.rule, row.verdict)
        elif row.verdict == "equivalent":
            print(row.fault.name, "is equivalent")
    own = sum(row.verdict == "killed" for row in rows)
    killed = own + sum(row.verdict == "elsewhere" for row in rows)
    even = sum(row.verdict == "equivalent" for row in rows)
    print(
        f"{killed} of {len(rows)} faults killed, {own} by a case of their own rule, {even} equivalent"
    )
    return 0 if own + even == len(rows) else 1


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    if values.make:
        values = parser().take(words_in("MUTANTS_OPTIONS"))
    if values.code or values.patch or values.range or values.reference:
        # What reads C and patches is asked for only by who needs it.
        from . import code_mutants

        return code_mutants.run(values)
    for option in ("mutant", "machine", "contract"):
        if getattr(values, option):
            raise Refused(f"--{option} is for --code, --patch, --range and --reference")
    forget_environment()
    wanted: list[Fault] = [fault(name) for name in dict.fromkeys(values.faults)] or list(
        all_faults().values()
    )
    if values.sample:
        wanted = [
            fault(name)
            for name in drawn([one.name for one in wanted], values.seed)[: values.sample]
        ]
    machines = {one.machine: machine(one.machine) for one in wanted}
    matrix = Matrix(Path(values.out) if values.out else build() / "mutants", values.jobs or jobs(2))
    for one in machines.values():
        prepare(Request(one, variant="reference"))
    for name in {one.machine for one in wanted if one.how == "debug"}:
        prepare(Request(machines[name], variant="debug"))
    matrix.state = suite_state()
    mutants = Mutants(matrix, wanted, "all" if values.all else "own" if values.own else "")
    if values.fresh:
        mutants.forget()
    mutants.judge_all()
    rows = [mutants.rows[one.name] for one in wanted]
    write_whole(matrix.out / "rows", "".join(row.columns() for row in rows))
    mutants.write_killing_cases()
    if values.own or values.all:
        _tell_idle(mutants, matrix.out)
    say(f"{matrix.seconds} s")
    return _score(rows)
