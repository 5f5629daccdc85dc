# SPDX-License-Identifier: GPL-2.0-only
"""Does each commit say what it does, and why?"""

import argparse
import re
from collections.abc import Iterator

from ..base import process
from ..base.options import Parser, complete
from ..base.place import TOP
from ..base.say import Refused, complain

# The last commit before the rule.
_SINCE = "88c00cd13a79751275bf76475d1a9ab49bc4f2c7"


def parser() -> Parser:
    made = Parser(
        "scripts/commits",
        "[FIRST..LAST]",
        """Check the subject of each commit ("area: Imperative summary", at most 72 characters) and
that a body says why. By default those since the rule was made; a clone that does not go
back so far says that it was not checked.""",
        "Status: 0 all are so, 1 one is not, 2 bad input.",
    )
    made.add_argument("range", nargs="?", default="", help=argparse.SUPPRESS)
    return made


def _git(*words: str) -> bool:
    """Does git agree?"""
    return process.run(["git", "-C", TOP, *words], process.NOTHING) == 0


def _wrong(commit: str) -> Iterator[str]:
    message = process.output(["git", "-C", TOP, "log", "-1", "--format=%s%n%b", commit])
    subject, _, body = message.partition("\n")
    if len(subject) > 72:
        yield f"the subject has {len(subject)} characters, at most 72 are read"
    if not re.match(r"[A-Za-z0-9._/, -]+: [A-Z]", subject):
        yield f"the subject is not 'area: Imperative summary': {subject}"
    if not re.sub(r"(?m)^[A-Za-z-]*-by: .*$", "", body).strip():
        yield f"no body says why: {subject}"


def main(arguments: list[str]) -> int:
    complete(parser)
    try:
        values = parser().take(arguments)
    except Refused:
        raise Refused(
            f"{' '.join(arguments)} is no range of commits; see scripts/commits --help"
        ) from None
    if not _git("rev-parse", "-q", "--verify", "HEAD"):
        raise Refused(f"{TOP} is no checkout of git")
    asked = values.range
    if not asked:
        if not _git("cat-file", "-e", f"{_SINCE}^{{commit}}"):
            complain(f"not checked: this clone does not go back to {_SINCE}")
            return 0
        asked = f"{_SINCE}..HEAD"
    if not _git("rev-list", "--no-merges", asked, "--"):
        raise Refused(f"{asked} is no range of commits; see scripts/commits --help")
    status = 0
    for commit in process.output(
        ["git", "-C", TOP, "rev-list", "--no-merges", asked, "--"]
    ).split():
        for what in _wrong(commit):
            print(f"commits: {commit[:12]}: {what}")
            status = 1
    return status
