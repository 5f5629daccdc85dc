# SPDX-License-Identifier: GPL-2.0-only
"""A line for LAVA's dispatcher a case, as lava-test-case prints it. LAVA knows four
results; "unknown" is the one for a known defect: it is no pass and no news."""

from collections.abc import Iterator

from .model import Results
from .names import places_of, slug

_RESULTS = {
    "conforms": "pass",
    "known": "unknown",
    "violates": "fail",
    "undecided": "fail",
    "broken": "fail",
    "skip": "skip",
}


def _signal(name: str, result: str) -> str:
    return f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={name} RESULT={result}>\n"


def lines(runs: list[Results]) -> Iterator[str]:
    for place, run in zip(places_of(runs), runs):
        contract = ".".join(slug(word) for word in (*place.split(), run.contract))
        for case in run.cases:
            yield _signal(
                f"{contract}.{slug(case.program)}.{slug(case.case)}", _RESULTS[case.outcome]
            )
        if run.fails_without_a_case:
            yield _signal(f"{contract}.run.verdict", "fail")


def report(runs: list[Results]) -> str:
    return "".join(lines(runs))
