# SPDX-License-Identifier: GPL-2.0-only
"""What a command says to people: one line each, on standard error."""

import contextlib
import sys
import threading
from collections.abc import Iterator

# The command's name, which every line begins with.
NAME = "pmu_passthrough"

_quiet = threading.local()


class Refused(Exception):
    """Bad input, or something this machine lacks: the command ends with status 2."""


def one_line(words: str) -> str:
    """The words as one line, whatever is in them."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in words)


def say(words: str) -> None:
    """Print a line about what goes on. Nobody may be listening."""
    listener = getattr(_quiet, "listener", None)
    if listener is not None:
        listener.append(words)
        return
    complain(words)


def complain(words: str) -> None:
    """Print a line that must be seen, if anything can be."""
    with contextlib.suppress(OSError, ValueError):
        print(f"{NAME}: {one_line(words)}", file=sys.stderr, flush=True)


def is_kept() -> bool:
    """Does what this thread says go somewhere else?"""
    return getattr(_quiet, "listener", None) is not None


@contextlib.contextmanager
def kept_for_later(lines: list[str]) -> Iterator[None]:
    """Put what this thread says meanwhile into lines: it is one of many runs."""
    _quiet.listener = lines
    try:
        yield
    finally:
        _quiet.listener = None
