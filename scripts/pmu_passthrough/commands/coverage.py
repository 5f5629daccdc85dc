# SPDX-License-Identifier: GPL-2.0-only
"""The command scripts/coverage."""

import argparse
import json
from pathlib import Path

from ..base.options import Parser, complete
from ..base.place import build, folder, write_whole
from ..base.say import Refused, say
from ..builders import covered, source
from ..lab.covered import executed
from ..lab.request import Request
from ..lab.run import run
from ..mutation import coverage
from ..mutation.table import chosen, default
from .code_options import where_asked


def parser() -> Parser:
    made = Parser(
        "scripts/coverage",
        "[OPTIONS] [FILE[:FUNCTION]...]",
        """Which lines of the kernel's code does the suite execute?

Runs the suite on a kernel that counts it (gcov), and shows lines and branches by file:
of the functions of configs/mutation.list, or of those that are named, with globs. Those
that no case executes are in "unexecuted", all of them with their source, coloured, in
"coverage.html", for programs in "coverage.json". Of several machines and contracts, what
any of them executes counts.""",
        "Environment: MACHINE, KSRC.\nStatus: 0 it is shown, 1 a run failed, 2 bad input.",
    )
    made.add_argument("functions", nargs="*", help=argparse.SUPPRESS)
    made.add_argument(
        "--machine", metavar="NAME", help="where (default amd-zen4, or MACHINE=), or all"
    )
    made.add_argument("--contract", metavar="LIST", help="under which (default mediated)")
    made.add_argument("--by-function", action="store_true", help="a row a function")
    made.add_argument("--filter", metavar="GLOBS", default="", help="of these cases only")
    made.add_argument("--out", metavar="DIR", help="where results go (default build/coverage)")
    return made


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    asked = where_asked(values.machine, values.contract)
    wanted = chosen(values.functions) or default()
    out = folder(Path(values.out) if values.out else build() / "coverage", "results to")
    for host, contract in asked:
        Request(host, contract=contract).check()
    built = covered.build(sorted({row.unit or row.file for row in [*default(), *wanted]}))
    runs, failed = [], 0
    for host, contract in asked:
        where = out / host.name / contract
        where.parent.mkdir(parents=True, exist_ok=True)
        request = Request(host, contract=contract, built=built, filter=values.filter)
        results = run(request, where)
        failed += results.failures
        runs.append(coverage.lines_of(executed(built, where), wanted))
    lines = coverage.together(runs)
    if not lines:
        raise Refused("no line of these functions has code")
    sources = source.tree()
    places = ", ".join(f"{host.name} {contract}" for host, contract in asked)
    title = f"what the suite executes; Linux {source.version(sources)}, {places}"
    rows = "".join(f"{line}\n" for line in coverage.table(lines, values.by_function))
    write_whole(out / "table", rows)
    write_whole(
        out / "unexecuted", "".join(f"{line}\n" for line in coverage.unexecuted(lines, sources))
    )
    write_whole(out / "coverage.html", coverage.html(lines, title, sources))
    write_whole(out / "coverage.json", json.dumps(coverage.document(lines, title)) + "\n")
    print(rows, end="")
    say(f"lines that no case executes: {out}/unexecuted; with the source: {out}/coverage.html")
    if failed:
        say(f"{failed} cases failed; see {out}")
    return 1 if failed else 0
