# SPDX-License-Identifier: GPL-2.0-only
"""Where the kernel's own code is asked about: the options of mutants and coverage."""

import os
from collections.abc import Sequence

from ..base.say import Refused
from ..lab.machine import ALL, Machine, machine

CONTRACTS = ("mediated", "emulated")
# Of the reference kernel.
OF_REFERENCE = ("rfc", *CONTRACTS)


def where_asked(
    machines: str | None, contracts: str | None, known: Sequence[str] = CONTRACTS
) -> list[tuple[Machine, str]]:
    """Each machine of a list with commas, or all, under each contract of another, the first
    of those KNOWN if none is named."""
    named = machines or os.environ.get("MACHINE") or "amd-zen4"
    hosts = [machine(name) for name in (ALL if named == "all" else named.split(","))]
    chosen = (contracts or known[0]).split(",")
    for one in chosen:
        if one not in known:
            raise Refused(f"the kernel's own code speaks {' and '.join(known)}, not '{one}'")
    return [(host, one) for host in hosts for one in chosen]
