# SPDX-License-Identifier: GPL-2.0-only
"""The known defects of a run as openQA's list of known issues: by collection and subtest.
What this suite knows it passes by itself; openQA is asked where PMU_STRICT=1 makes
failures of them."""

import json

from .model import Results

_COLLECTION = "pmu_passthrough"


def report(runs: list[Results]) -> str:
    """Each case that is known in any of RUNS, with the defects that it is known for."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for case in run.cases:
            if case.outcome != "known":
                continue
            messages = found.setdefault(case.case, [])
            if case.headline() not in messages:
                messages.append(case.headline())
    issues = {name: [{"message": text} for text in found[name]] for name in sorted(found)}
    return json.dumps({_COLLECTION: issues}, indent=2) + "\n"
