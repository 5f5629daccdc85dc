# SPDX-License-Identifier: GPL-2.0-only
"""One step of "git bisect run", in a kernel tree: builds that commit for the lab, runs
the suite on it, and says good, bad or neither as git wants it."""

import os
import sys
from pathlib import Path

from ..base import process
from ..base.options import Parser, complete
from ..base.place import TOP, build, folder
from ..base.say import Refused, complain
from ..lab.folder import remove_run
from ..results.model import Results, load

GOOD, BAD, SKIP_THIS = 0, 1, 125
# Ends the bisection: what is wrong is not the commit. Whatever fails here and is not
# asked for is that.
GIVE_UP = 128
# Of "scripts/lab run": each asks something else than this commit.
_NOT_TAKEN = (
    "--check",
    "--make",
    "--out",
    "--kernel",
    "--machine=all",
    "--contract=all",
    "--boots",
)


def parser() -> Parser:
    made = Parser(
        "scripts/bisect",
        "[--since FILE] [OPTIONS]",
        """One step of a bisection. In a kernel tree, after "git bisect start BAD GOOD":

  git bisect run .../scripts/bisect --filter 'M23*'

OPTIONS are those of "scripts/lab run".""",
        "Status: 0 good, 1 bad (a case violates its rule), 125 neither (the commit does not build\n"
        "or boot, or nothing was decided), 128 bad input, which ends the bisection.",
    )
    since = "bad is only what fails and did not in this results.json, instead of every violation"
    made.add_argument("--since", metavar="FILE", help=since)
    return made


def _violations(results: Results) -> set[str]:
    return {case.name for case in results.cases if case.outcome == "violates"}


def _taken(arguments: list[str]) -> tuple[str, list[str]]:
    """The file of --since, and the lab's options."""
    since, rest = "", []
    words = iter(arguments)
    for word in words:
        if word == "--since" or word.startswith("--since="):
            since = word.partition("=")[2] or ("" if "=" in word else next(words, ""))
            if not since:
                raise Refused("--since wants a results.json")
        else:
            rest.append(word)
    said = [*rest, *(f"{a}={b}" for a, b in zip(rest, rest[1:]))]
    said += [f"--machine={os.environ['MACHINE']}"] if os.environ.get("MACHINE") else []
    for option in _NOT_TAKEN:
        if any(word.startswith(option) for word in said):
            raise Refused(
                f"{option.replace('=', ' ')}: a bisection asks each commit, and its results are in {build() / 'bisect'}"
            )
    return since, rest


def _head() -> str:
    return process.output(["git", "rev-parse", "--short", "--verify", "-q", "HEAD"]).strip()


def _check_tree() -> None:
    here = Path.cwd()
    if not (here / "Kbuild").exists() or not (here / "tools/testing/selftests/kvm").is_dir():
        raise Refused(f"{here} is no kernel tree")
    if not _head():
        raise Refused(f"{here} is no checkout of git")


def _verdict(results: Results, before: set[str]) -> int:
    bad = sorted(_violations(results) - before)
    if bad:
        complain(f"{_head()}: bad: {' '.join(bad)}")
        return BAD
    # A case that fails for want of something says nothing of the commit.
    asked = any(case.outcome != "skip" for case in results.cases)
    if not results.complete or results.totals["broken"] or results.totals["undecided"] or not asked:
        return _neither("no violation, but not everything could be asked")
    complain(f"{_head()}: good")
    return GOOD


def _neither(why: str) -> int:
    complain(f"{_head()}: neither good nor bad: {why}")
    return SKIP_THIS


def main(arguments: list[str]) -> int:
    complete(parser)
    if {"-h", "--help"} & set(arguments):
        parser().print_help()
        return 0
    since, options = _taken(arguments)
    before = _violations(load(Path(since))) if since else set()
    _check_tree()
    # Tests put something quicker in its place.
    lab = os.environ.get("PMU_BISECT_LAB") or str(TOP / "scripts/lab")
    for name in ("KERNEL", "CONTRACT"):
        os.environ.pop(name, None)
    # What is wrong with the options, or with this machine, is so with every commit.
    if process.run([lab, "run", "--check", *options]) != 0:
        return GIVE_UP
    out = build() / "bisect"
    if out.exists():
        remove_run(out)
    folder(out, "to")
    sys.stdout.flush()
    environment = os.environ | {"KSRC": str(Path.cwd())}
    status = process.run([lab, "run", *options, "--out", out], env=environment)
    if status == 2:
        return _neither("it was not run; see above")
    if not (out / "results.json").exists():
        return _neither("it left no results")
    return _verdict(load(out / "results.json"), before)
