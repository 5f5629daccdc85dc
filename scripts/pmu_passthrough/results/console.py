# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel in trouble prints (configs/kernel/complaints.list)."""

import functools
import re

from ..base.place import TOP

# lib/host/klog.c writes these around what a case provokes on purpose.
_BEGINS = "pmu_passthrough: an expected complaint begins"
_ENDS = "pmu_passthrough: an expected complaint ends"


@functools.cache
def _complaints() -> tuple[str, ...]:
    lines = (TOP / "configs/kernel/complaints.list").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def complaint(console: str) -> str:
    """The first line on the console that shows a kernel in trouble, or "". What was
    expected and did not end counts: the kernel may have died of it."""
    kept: list[str] = []
    held: list[str] | None = None
    for line in console.split("\n"):
        if _BEGINS in line:
            held = []
        elif _ENDS in line:
            held = None
        else:
            (kept if held is None else held).append(line)
    for line in kept + (held or []):
        if any(words in line for words in _complaints()):
            return re.sub(r"^\[[^]]*\] *", "", line).replace("\r", "")
    return ""
