# SPDX-License-Identifier: GPL-2.0-only
"""A command from its start to its exit status."""

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from . import process, say
from .place import reason, remove_temporary


_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
# Of this machine, not of ours.
_LACKS = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


class Interrupted(BaseException):
    """SIGHUP, SIGINT or SIGTERM came."""


_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: object) -> None:
    _ignore_signals()
    raise Interrupted


def _outcome(main: Callable[[list[str]], int], interrupted: str, bad: int) -> int:
    try:
        try:
            status = main(sys.argv[1:])
        except SystemExit as end:
            # Of argparse, after help.
            status = end.code if isinstance(end.code, int) else 0
        sys.stdout.flush()
        return status
    except say.Refused as refusal:
        say.complain(str(refusal))
        return bad
    except Interrupted:
        process.end_all()
        say.complain(interrupted)
        return bad
    except BrokenPipeError:
        # Whoever reads has enough; what was not read is no verdict.
        return bad
    except OSError as error:
        if error.filename:
            say.complain(f"{error.filename}: {reason(error)}")
        elif error.errno in _CANNOT_WRITE:
            say.complain(f"cannot write the output: {reason(error)}")
        elif error.errno in _LACKS:
            say.complain(reason(error))
        else:
            traceback.print_exc()
        return bad
    except MemoryError:
        say.complain("out of memory")
        return bad
    except Exception:
        # A mistake of ours is no verdict.
        traceback.print_exc()
        return bad


def command(
    name: str, main: Callable[[list[str]], int], interrupted: str = "interrupted", bad: int = 2
) -> NoReturn:
    """Run main with the arguments and exit with its status.

    name -- what its lines on standard error begin with
    main -- takes the arguments, returns the exit status
    interrupted -- the line for a signal
    bad -- the status of bad input, of output that cannot be written and of a signal
    """
    say.NAME = name
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        say.complain("standard output is closed")
        os._exit(bad)
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(errors="surrogateescape")
    for number in _SIGNALS:
        # With nohup(1) a terminal that goes is no reason.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        status = _outcome(main, interrupted, bad)
        _ignore_signals()
    except Interrupted:
        status = bad
        say.complain(interrupted)
    process.end_all()
    remove_temporary()
    # Threads that wait for something, and a buffer that cannot be written, do not
    # decide about the end.
    os._exit(status if status >= 0 else 128 - status)
