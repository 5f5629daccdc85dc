# SPDX-License-Identifier: GPL-2.0-only
"""The results of a run as tmt takes them from a test with "result: custom"
(TMT_TEST_DATA/results.yaml; JSON is YAML)."""

import json
from collections.abc import Iterator
from typing import Any

from .model import CaseResult, Results
from .names import names_of, slug

# A known defect is no news, and tmt takes "warn" for a failure (its specification, "Results
# Format"). A note is a list of lines.
_RESULTS = {
    "conforms": "pass",
    "known": "info",
    "violates": "fail",
    "undecided": "error",
    "broken": "error",
    "skip": "skip",
}


def _said(case: CaseResult) -> list[str]:
    return [line.removeprefix("# ") for line in case.said] or [case.reason] * bool(case.reason)


def _of(name: str, run: Results) -> Iterator[dict[str, Any]]:
    for case in run.cases:
        path = f"/{slug(name)}/{slug(case.program)}/{slug(case.case)}"
        note = _said(case)
        yield {"name": path, "result": _RESULTS[case.outcome]} | ({"note": note} if note else {})
    if run.fails_without_a_case:
        yield {"name": f"/{slug(name)}/run", "result": "error"}


def report(runs: list[Results]) -> str:
    found = [one for name, run in zip(names_of(runs), runs) for one in _of(name, run)]
    return json.dumps(found, indent=2) + "\n"
