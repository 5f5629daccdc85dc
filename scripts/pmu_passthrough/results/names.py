# SPDX-License-Identifier: GPL-2.0-only
"""What runs and cases are called elsewhere."""

import re

from collections.abc import Sequence

from .model import Results


def slug(word: str) -> str:
    """A word that KCIDB and LAVA take: letters, digits, "_", "." and "-"."""
    return re.sub(r"[^a-zA-Z0-9_.-]", "_", word)


def _version(run: Results) -> str:
    return ".".join(run.release.split(".")[:2])


def places_of(runs: Sequence[Results], *others: Sequence[Results]) -> list[str]:
    """Where each run was made, as far as there is more than one place among them, or among
    OTHERS: its machine, and the two numbers of its kernel."""
    sides = (runs, *others)
    machines = any(len({run.machine for run in side}) > 1 for side in sides)
    versions = any(len({_version(run) for run in side}) > 1 for side in sides)
    return [" ".join([run.machine] * machines + [_version(run)] * versions) for run in runs]


def names_of(runs: list[Results]) -> list[str]:
    """A name for each run among several: its place, its contract, and what its kernel is
    broken by."""
    return [
        (place.replace(" ", "-") + "-" if place else "")
        + run.contract
        + (f"-{run.fault}" if run.fault else "")
        for place, run in zip(places_of(runs), runs)
    ]
