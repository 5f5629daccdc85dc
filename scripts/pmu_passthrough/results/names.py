# SPDX-License-Identifier: GPL-2.0-only
"""What runs and cases are called elsewhere."""

import re

from .model import Results


def slug(word: str) -> str:
    """A word that KCIDB and LAVA take: letters, digits, "_", "." and "-"."""
    return re.sub(r"[^a-zA-Z0-9_.-]", "_", word)


def names_of(runs: list[Results]) -> list[str]:
    """A name for each run among several: its contract, what its kernel is broken by, and
    the machine, if there is more than one."""
    several = len({run.machine for run in runs}) > 1
    return [
        (f"{run.machine}-" if several else "")
        + run.contract
        + (f"-{run.fault}" if run.fault else "")
        for run in runs
    ]
