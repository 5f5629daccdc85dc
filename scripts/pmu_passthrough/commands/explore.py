# SPDX-License-Identifier: GPL-2.0-only
"""The command scripts/explore."""

import os
import time
from pathlib import Path

from ..base.options import MOST_SEED, Parser, complete, number, offer
from ..base.place import build, write_whole
from ..base.say import Refused
from ..lab import run as runs
from ..lab.machine import machine
from ..lab.request import passed_on
from ..matrix import explorer
from ..suite.faults import all_faults, fault
from ..suite.renamed import refuse_contract


def parser() -> Parser:
    made = Parser(
        "scripts/explore",
        "[OPTIONS]",
        """Let the explorer loose in the lab, and keep what it finds as a program that needs
nothing of the suite.

Random histories of opening, closing, enabling, forking, moving and running guests,
followed by a model of the contract. The first answer that the model excludes ends it; the
history is shrunk to the shortest that still shows it and left as history.c: build it
with "gcc -pthread", run it as root.""",
        "Environment: MACHINE.\nStatus: 0 everything conformed, 1 not, 2 bad input.",
    )
    made.add_argument(
        "--contract", metavar="NAME", default="mediated", help="mediated (default), rfc or emulated"
    )
    made.add_argument(
        "--seconds",
        metavar="N",
        type=number(),
        default=60,
        help="how long (default 60, at most 300)",
    )
    made.add_argument(
        "--seed",
        metavar="N",
        type=number(1, MOST_SEED),
        help="what histories are drawn from (default: the time)",
    )
    broken = made.add_argument(
        "--fault", metavar="NAME", default="", help="on a kernel that is broken so"
    )
    offer(broken, lambda: list(all_faults()))
    made.add_argument(
        "--timeout",
        metavar="S",
        type=number(),
        default=1500,
        help="deadline of the boot (default 1500)",
    )
    made.add_argument("--out", metavar="DIR", help="where results go (default build/explore)")
    return made


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    if values.contract not in ("mediated", "rfc", "emulated"):
        refuse_contract(values.contract, "to explore there is: mediated rfc emulated")
    if values.seconds > explorer.MOST_SECONDS:
        raise Refused(
            f"--seconds {values.seconds}: a case may take 600 s in all, shrinking included"
        )
    name = os.environ.get("MACHINE") or "amd-zen4"
    if name == "all":
        raise Refused("MACHINE=all is for scripts/lab run")
    if values.fault:
        fault(values.fault)
    machine(name)
    out = Path(values.out) if values.out else build() / "explore"
    seed = values.seed or int(time.time())
    request = explorer.request(
        name, values.contract, values.seconds, seed, values.fault, values.timeout, passed_on()
    )
    results = runs.run(request, out)
    for line in explorer.said(results):
        if not line.startswith("#c"):
            print(line)
    program = out.resolve() / "history.c"
    program.unlink(missing_ok=True)
    text = explorer.history(results)
    if text:
        write_whole(program, text)
        print(text[text.find("\nint main") + 1 :], end="")
        print(f"the whole program is in {program}")
        return 1
    return 0 if results.passes else 1
