# SPDX-License-Identifier: GPL-2.0-only
"""The explorer of explore_test, let loose for longer than a run of the suite does."""

from collections.abc import Mapping

from ..lab.machine import machine
from ..lab.request import Request
from ..lab.rough import Rough
from ..results.model import Results

# A case may take 600 s in all, shrinking included.
MOST_SECONDS = 300


def request(
    name: str,
    contract: str,
    seconds: int,
    seed: int,
    fault: str = "",
    timeout: int = 1500,
    environment: Mapping[str, str] | None = None,
) -> Request:
    """A boot that explores, on the machine NAME, for so many seconds from this seed."""
    drawn = {"PMU_SEED": str(seed), "PMU_EXPLORE_MS": f"{seconds}000"}
    return Request(
        machine(name),
        contract=contract,
        variant="reference" if fault or contract.startswith("rfc") else "plain",
        fault=fault,
        filter="explore_test",
        timeout=timeout,
        rough=Rough.of_environment(),
        environment=dict(environment or {}) | drawn,
    )


def said(results: Results) -> list[str]:
    return [line for case in results.cases for line in case.said]


def history(results: Results) -> str:
    """The program that shows what was found, or nothing."""
    return "".join(
        line.removeprefix("#c ") + "\n" for line in said(results) if line.startswith("#c ")
    )


def found(results: Results) -> str | None:
    """A rule, "the kernel stopped" or complained, or nothing; None if it came to no
    answer."""
    if not results.complete:
        return "the kernel stopped" if results.totals["violates"] else None
    for case in results.cases:
        for rule in case.named_rules():
            if rule.startswith("M"):
                return rule
    if results.totals["violates"]:
        return "the kernel complained"
    return "" if all(case.outcome == "conforms" for case in results.cases) else None
