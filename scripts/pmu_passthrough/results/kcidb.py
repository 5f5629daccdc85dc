# SPDX-License-Identifier: GPL-2.0-only
"""KCIDB 5.3. Known defects are failures that an incident ties to an issue."""

import json
from dataclasses import dataclass
from typing import Any

from .model import CaseResult, Results
from .names import slug

_STATUS = {
    "conforms": "PASS",
    "known": "FAIL",
    "violates": "FAIL",
    "undecided": "ERROR",
    "broken": "ERROR",
    "skip": "SKIP",
}
# Of an excerpt of a log, the most that KCIDB takes.
_EXCERPT = 16384


@dataclass(frozen=True)
class Submission:
    """Who submits what: ORIGIN and CHECKOUT as KernelCI granted and numbered them, SUITE
    the suite's commit."""

    origin: str
    checkout: str
    suite: str

    def _id(self, what: str) -> str:
        return f"{self.origin}:pmu_passthrough-{what}"

    @property
    def _checkout_id(self) -> str:
        return f"{self.origin}:{self.checkout}"

    def _build(self, key: str, run: Results) -> dict[str, Any]:
        return {
            "id": self._id(f"build-{key}"),
            "origin": self.origin,
            "checkout_id": self._checkout_id,
            "architecture": "x86_64",
            "status": "PASS",
            "misc": {
                "kernel": run.context.get("kernel_image"),
                "release": run.facts.get("release", ""),
            },
        }

    def _test_id(self, key: str, case: CaseResult) -> str:
        return self._id(f"{key}-{slug(case.program)}.{slug(case.case)}")

    def _test(self, key: str, run: Results, case: CaseResult) -> dict[str, Any]:
        path = f"{slug(run.contract)}.{slug(case.program)}.{slug(case.case)}"
        about: dict[str, Any] = {"rules": case.rules, "outcome": case.outcome}
        about |= {"contract": run.contract, "suite": self.suite}
        if case.reason:
            about["reason"] = case.reason
        test = {
            "id": self._test_id(key, case),
            "origin": self.origin,
            "build_id": self._id(f"build-{key}"),
            "path": f"kselftest.pmu_passthrough.{path}",
            "status": _STATUS[case.outcome],
            "environment": {"comment": f"{run.machine}, {run.context['cpus']} CPUs"},
            "misc": about,
        }
        if case.outcome not in ("conforms", "skip"):
            test["log_excerpt"] = "\n".join(case.said)[:_EXCERPT]
        return test

    def _issue_id(self, case: CaseResult) -> str:
        return self._id(slug(case.defect))

    def _issue(self, case: CaseResult) -> dict[str, Any]:
        return {
            "id": self._issue_id(case),
            "version": 1,
            "origin": self.origin,
            "comment": case.headline(),
            "culprit": {"code": True},
        }

    def _incident(self, key: str, case: CaseResult) -> dict[str, Any]:
        return {
            "id": f"{self._test_id(key, case)}-known",
            "origin": self.origin,
            "issue_id": self._issue_id(case),
            "issue_version": 1,
            "test_id": self._test_id(key, case),
            "present": True,
        }

    def report(self, runs: list[Results], keys: list[str]) -> str:
        """KEYS: a word for each run that no other run has."""
        each = [(key, run, case) for key, run in zip(keys, runs) for case in run.cases]
        known = [(key, case) for key, _, case in each if case.outcome == "known"]
        issues: dict[str, dict[str, Any]] = {}
        for _, case in known:
            issues.setdefault(self._issue_id(case), self._issue(case))
        value = {
            "version": {"major": 5, "minor": 3},
            "checkouts": [{"id": self._checkout_id, "origin": self.origin}],
            "builds": [self._build(key, run) for key, run in zip(keys, runs)],
            "tests": [self._test(key, run, case) for key, run, case in each],
            "issues": [issues[name] for name in sorted(issues)],
            "incidents": [self._incident(key, case) for key, case in known],
        }
        return json.dumps(value, indent=2, ensure_ascii=False).replace("\x7f", "\\u007f") + "\n"
