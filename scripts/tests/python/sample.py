# SPDX-License-Identifier: GPL-2.0-only
"""A run with a case of each outcome, and a mutant of the kernel's code."""

import copy
from typing import Any

from pmu_passthrough.mutation.mutant import Mutant

_CASES: tuple[tuple[str, str, str, list[str]], ...] = (
    ("M9_first", "conforms", "", ["# conforms M9: words"]),
    ("M9_known", "known", "known D28", ["# known D28 M9: old <news>"]),
    (
        "M9_violates",
        "violates",
        "",
        ["# violates M9: the claim & it", "#   again     scripts/lab run"],
    ),
    ("M9_broken", "broken", "", ["# broken claim_test.c:1: open: <x>"]),
    ("M9_undecided", "undecided", "", ["# undecided M9: words"]),
    ("M9_skip", "skip", "needs KVM", []),
)


def run() -> dict[str, Any]:
    cases = [
        {
            "program": "claim_test",
            "case": f"claim.{name}",
            "rules": ["M9"],
            "outcome": outcome,
            "reason": reason,
            "said": said,
        }
        for name, outcome, reason, said in _CASES
    ]
    return copy.deepcopy(
        {
            "schema": 1,
            "machine": "amd-zen4",
            "contract": "mediated",
            "kernel": "plain",
            "kernel_image": "/k/bzImage",
            "fault": "",
            "cpus": 2,
            "emulator": "QEMU 10.0.13",
            "boot_seconds": 9,
            "command": "qemu",
            "complete": True,
            "facts": {"release": "7.3.4"},
            "totals": {name: 1 for name in ("conforms", "known", "violates")}
            | {name: 1 for name in ("broken", "undecided", "skip")},
            "stale": [],
            "verdict": "violates",
            "cases": cases,
        }
    )


def mutant(
    number: int, line: int = 10, function: str = "kvm_pmu_set_msr", place: int = 0
) -> Mutant:
    return Mutant(
        number,
        place or number,
        "a.c",
        function,
        line,
        line,
        "delete",
        f"x{number}()",
        "",
        f"f{number}",
    )
