# SPDX-License-Identifier: GPL-2.0-only
"""A job as KernelCI writes it for a lab that fetches its jobs: kernelci-core's
config/runtime/base/pull_labs.jinja2."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..base import web
from ..base.say import Refused
from .maestro import part

_SUITE = "pmu_passthrough"
# Seconds, of a test that does not say.
_TIMEOUT = 600
_MOST = 24 * 3600


@dataclass(frozen=True)
class Job:
    """What is to be done.

    kernel -- the URL of a bzImage
    sha256 -- its sum, "" if that is not said
    timeout -- of all of it, in seconds
    filter -- globs of the cases to run, "" for all
    suite -- is the suite to run? If not, the kernel is to boot
    """

    kernel: str
    sha256: str
    timeout: int
    filter: str
    suite: bool

    @classmethod
    def read(cls, text: str) -> "Job":
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
        sum_ = str(part(part(value, "integrity"), "sha256").get("kernel"))
        return cls(
            kernel=kernel,
            sha256=sum_ if re.fullmatch("[0-9a-f]{64}", sum_) else "",
            timeout=min(_MOST, sum(_seconds(one) for one in ours or boots)),
            filter=",".join(word for one in ours for word in _globs(one.get("subset"))),
            suite=bool(ours),
        )


def _is_of_suite(test: dict[str, Any]) -> bool:
    """A kselftest whose collection is the suite: its id or its parameters say so."""
    said = f"{test.get('id')} {test.get('parameters')}"
    return test.get("type") == "kselftest" and bool(re.search(rf"\b{_SUITE}\b", said))


def _seconds(test: dict[str, Any]) -> int:
    value = test.get("timeout_s")
    return value if isinstance(value, int) and value > 0 else _TIMEOUT


def _globs(subset: Any) -> Iterator[str]:
    for one in subset if isinstance(subset, list) else []:
        if isinstance(one, str) and re.fullmatch(r"[\w.:*?\[\]!-]+", one):
            yield one
