# SPDX-License-Identifier: GPL-2.0-only
"""What the commands in scripts/ are made of.

Each package imports only those before it: base, suite, results, builders, lab, matrix,
commands.
"""

import os
import signal
import sys

# To git bisect anything less than this is a verdict.
_BAD = 128 if sys.argv[0].endswith("bisect") else 2


def _interrupted_early(_number: int, _frame: object) -> None:
    os.write(2, f"{os.path.basename(sys.argv[0])}: interrupted\n".encode())
    os._exit(_BAD)


# Until the command itself takes care of them (base/command.py).
if os.path.dirname(os.path.realpath(sys.argv[0])) == os.path.dirname(os.path.dirname(__file__)):
    for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if _number != signal.SIGHUP or signal.getsignal(_number) != signal.SIG_IGN:
            signal.signal(_number, _interrupted_early)

if sys.version_info < (3, 11):
    sys.stderr.write("pmu_passthrough: Python 3.11 or newer is needed\n")
    sys.exit(_BAD)
