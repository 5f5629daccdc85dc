# SPDX-License-Identifier: GPL-2.0-only
"""Machine profiles (configs/machines): the hosts that the lab can emulate."""

import dataclasses
import functools
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.place import TOP
from ..base.say import Refused

# Those that "all" stands for: an AMD one and an Intel one.
ALL = ("amd-zen4", "intel-v5")


@dataclass(frozen=True)
class Machine:
    """One emulated host.

    emulator -- qemu or bochs
    vendor -- amd or intel
    cpu_model, machine_type -- in the emulator's words
    memory_mib -- the host's memory, in MiB
    max_cpus -- as many as the emulator can do
    kvm_parameter -- what makes its KVM mediate the PMU
    kernel_arguments -- what else its kernel must be told
    console -- the kernel's console, with the port's speed where that matters
    pmu_version, pmu_general, pmu_fixed -- of Bochs' PMU, CPUID leaf 0xA
    pmu_fixed_mask -- which fixed counters there are, if they have gaps (leaf 0x23)
    linux_guest -- can a whole Linux run in a guest of it?
    rough -- what it does that no manual promises (docs/lab.md), by name
    """

    name: str
    emulator: str
    vendor: str
    cpu_model: str
    memory_mib: int
    max_cpus: int
    kvm_parameter: str
    kernel_arguments: str = ""
    console: str = "ttyS0"
    machine_type: str = ""
    pmu_version: int = 0
    pmu_general: int = 0
    pmu_fixed: int = 0
    pmu_fixed_mask: int = 0
    linux_guest: bool = True
    rough: dict[str, int] = field(default_factory=dict)

    @property
    def is_qemu(self) -> bool:
        return self.emulator == "qemu"

    @property
    def slowness(self) -> int:
        """How much longer than on the AMD machine something may take."""
        return 1 if self.is_qemu else 3


def _file(name: str) -> Path:
    return TOP / "configs/machines" / f"{name}.toml"


def names() -> list[str]:
    return sorted(path.stem for path in _file("x").parent.glob("*.toml"))


def _fields(name: str) -> dict[str, Any]:
    """What a profile says, over that of the one it is like."""
    with open(_file(name), "rb") as file:
        own = tomllib.load(file)
    return (_fields(own.pop("like")) if "like" in own else {}) | own


@functools.cache
def machine(name: str) -> Machine:
    if name not in names():
        raise Refused(f"no machine called '{name}'; there is: {' '.join(names())}")
    try:
        values = _fields(name)
        known = {one.name for one in dataclasses.fields(Machine)}
        wrong = sorted(values.keys() - known)
        if wrong:
            raise Refused(f"{_file(name)}: no field called '{wrong[0]}'")
        return Machine(name=name, **values)
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise Refused(f"{_file(name)}: {error}") from None
