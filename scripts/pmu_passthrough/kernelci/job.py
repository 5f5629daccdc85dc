# SPDX-License-Identifier: GPL-2.0-only
"""What a job wants, as KernelCI writes it for a lab that fetches its jobs: kernelci-core's
config/runtime/base/pull_labs.jinja2."""

import json
import re
from dataclasses import dataclass
from typing import Any

from ..base import web
from ..base.say import Refused
from ..suite import cases
from .maestro import part

_SUITE = "pmu_passthrough"
# Seconds, of a test that does not say: the template's own default.
_TIMEOUT = 600
# And of all: a lab that waits longer has hung.
_MOST = 24 * 3600


@dataclass(frozen=True)
class Definition:
    """What is to be done.

    kernel -- the URL of a bzImage
    sha256 -- its checksum, "" if that is not said
    timeout -- of all of it, in seconds
    filter -- globs of the cases to run, "" for all
    suite -- is the suite to run? If not, the kernel is to boot
    boot -- is the boot a test of its own?
    others -- the ids of tests that this lab has not got
    """

    kernel: str
    sha256: str
    timeout: int
    filter: str
    suite: bool
    boot: bool
    others: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "Definition":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Refused("the job's definition is no JSON object")
        kernel = part(value, "artifacts").get("kernel")
        if not isinstance(kernel, str) or not web.is_address(kernel):
            raise Refused("the job names no kernel that can be fetched")
        arch = part(value, "environment").get("arch")
        if arch != "x86_64":
            raise Refused(f"the job is for {arch}, the lab is x86_64")
        tests = value.get("tests")
        asked = [one for one in tests if isinstance(one, dict)] if isinstance(tests, list) else []
        ours = [one for one in asked if _is_of_suite(one)]
        boots = [one for one in asked if one.get("type") == "boot"]
        if not ours and not boots:
            raise Refused(f"the job has no boot test and none of {_SUITE}")
        return cls(
            kernel=kernel,
            sha256=_checksum(part(part(value, "integrity"), "sha256").get("kernel")),
            timeout=min(_MOST, sum(_seconds(one) for one in ours + boots)),
            filter=_filter(ours),
            suite=bool(ours),
            boot=bool(boots),
            others=tuple(str(one.get("id")) for one in asked if one not in ours + boots),
        )


def _checksum(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise Refused("the kernel's SHA-256 checksum is none")
    return value.lower()


def _is_of_suite(test: dict[str, Any]) -> bool:
    """A kselftest whose collection is the suite: its id or its parameters say so."""
    said = f"{test.get('id')} {test.get('parameters')}"
    return test.get("type") == "kselftest" and bool(re.search(rf"\b{_SUITE}\b", said))


def _seconds(test: dict[str, Any]) -> int:
    value = test.get("timeout_s")
    return value if isinstance(value, int) and value > 0 else _TIMEOUT


def _filter(tests: list[dict[str, Any]]) -> str:
    """All that any of them asks for; one without a subset asks for everything."""
    globs: list[str] = []
    for test in tests:
        subset = test.get("subset")
        if not subset:
            return ""
        if not isinstance(subset, list) or not all(
            isinstance(one, str) and re.fullmatch(r"[\w.:*?\[\]!-]+", one) for one in subset
        ):
            raise Refused("the job's subset is no list of cases")
        globs += subset
    chosen = ",".join(globs)
    # Refuses what no case matches.
    cases.entries(chosen)
    return chosen
