# SPDX-License-Identifier: GPL-2.0-only
"""How long programs take, as far as earlier runs on this machine say: what they are dealt
out to boots by."""

import contextlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from ..base.place import cache_folder, text_of, write_whole
from ..base.say import Refused
from ..results.model import Results
from ..suite import cases
from .request import Request

# Of a program that never ran here: seconds a case of the source, and its start.
_A_CASE = 0.25
_A_START = 0.2
_guard = threading.Lock()


def _file(request: Request) -> Path:
    contract = "mediated" if request.contract == "auto" else request.contract
    kernel = "given" if request.image else request.variant + request.release
    return cache_folder("durations") / f"{request.machine.name}-{contract}-{kernel}.json"


def _kept(request: Request) -> dict[str, float]:
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        value = json.loads(text_of(_file(request)))
        return {str(name): float(seconds) for name, seconds in value.items()}
    return {}


def expected(request: Request, entries: Sequence[cases.Entry]) -> dict[str, float]:
    """Seconds that each program takes, measured or estimated by its cases."""
    kept = _kept(request)
    count: dict[str, int] = {}
    for case in cases.all_cases():
        count[case.program] = count.get(case.program, 0) + 1

    def seconds(entry: cases.Entry) -> float:
        whole = kept.get(entry.program, _A_START + _A_CASE * count.get(entry.program, 1))
        if not entry.cases:
            return whole
        return whole * min(1.0, len(entry.cases) / max(1, count.get(entry.program, 1)))

    return {entry.program: seconds(entry) for entry in entries}


def keep(request: Request, entries: Sequence[cases.Entry], results: Results) -> None:
    """Remember those of programs that ran whole, in a run that came to its end."""
    took = results.context.get("durations", {}).get("programs", {})
    whole = {entry.program for entry in entries if not entry.cases}
    new = {name: seconds for name, seconds in took.items() if name in whole}
    usual = not request.fault and not request.environment and request.cpus == 2
    if results.complete and new and usual:
        with _guard, contextlib.suppress(OSError, Refused):
            text = json.dumps(_kept(request) | new, indent=2, sort_keys=True)
            write_whole(_file(request), text + "\n")
