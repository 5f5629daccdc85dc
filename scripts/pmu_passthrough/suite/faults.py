# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the reference kernel, as its header lists them."""

import functools
import os
import re
from dataclasses import dataclass

from ..base.place import TOP
from .renamed import refuse_fault

HEADER = TOP / "lab/kernel/files/include/linux/perf_guest.h"
_FAULT = re.compile(
    r'^\tX\(([a-z_]+), ([A-Z0-9a-z.]+), ([A-Z]+), ([A-Z]+), ([A-Z]+), "(.*)"\) *\\?$', re.MULTILINE
)


@dataclass(frozen=True)
class Fault:
    """One way in which the kernel can be broken.

    contract -- under which it shows
    vendor -- whose code it is in: any, amd or intel
    how -- it is switched on: late (also at run time), alone (at run time, and nothing
           after it), boot, debug (on the debug kernel)
    """

    name: str
    rule: str
    contract: str
    vendor: str
    how: str
    words: str

    @property
    def machine(self) -> str:
        """The machine on which it can show: MACHINE= if that has its vendor."""
        named = os.environ.get("MACHINE", "")
        if self.vendor == "any":
            return named or "amd-zen4"
        if named.startswith(f"{self.vendor}-"):
            return named
        return "intel-v5" if self.vendor == "intel" else "amd-zen4"

    def row(self) -> str:
        return "\t".join((self.name, self.rule, self.contract, self.vendor, self.how, self.words))


@functools.cache
def all_faults() -> dict[str, Fault]:
    text = HEADER.read_text(encoding="utf-8")
    return {
        name: Fault(name, rule, contract.lower(), vendor.lower(), how.lower(), words)
        for name, rule, contract, vendor, how, words in _FAULT.findall(text)
    }


def fault(name: str) -> Fault:
    return all_faults().get(name) or refuse_fault(name)


def faults_of_amd() -> list[Fault]:
    """Those for the AMD machine: what is compared with other tests runs there."""
    return [one for one in all_faults().values() if one.vendor != "intel"]
