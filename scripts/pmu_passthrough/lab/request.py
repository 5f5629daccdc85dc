# SPDX-License-Identifier: GPL-2.0-only
"""What is asked of a boot, whatever for, and the words that ask for it again."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..base.options import MOST, MOST_SEED, jobs, number_in
from ..base.say import Refused
from ..builders import source
from .machine import Machine
from .rough import Rough

CONTRACTS = ("auto", "mediated", "rfc", "rfc-as-posted", "emulated")
# What "all" stands for.
_ALL = ("mediated", "rfc")
# The newest kernel the distribution has is called by no number.
NEWEST = ""
KERNELS = (NEWEST, "7.2", "6.12")
# What test programs take from the environment.
PASSED_ON = (
    "PMU_SEED",
    "PMU_RACE_MS",
    "PMU_EXPLORE_MS",
    "PMU_ORDER",
    "PMU_DELAY_US",
    "PMU_PATIENCE",
)


def passed_on() -> dict[str, str]:
    """What of it is set; each is a number from 1."""
    for name in PASSED_ON:
        number_in(name, 1, most=MOST_SEED if name in ("PMU_SEED", "PMU_ORDER") else MOST)
    return {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}


def contracts_in(named: str) -> tuple[str, ...]:
    """Those that a word for one, a list with commas, or "all" names."""
    return _ALL if named == "all" else tuple(named.split(","))


def kernels_in(named: str) -> tuple[str, ...]:
    """Those that two numbers, a list with commas, or "all" names."""
    return KERNELS if named == "all" else tuple(named.split(","))


def _version(release: str) -> str:
    """Of a kernel of the distribution, or of the tree that is given; "" of the newest."""
    return source.version(source.tree()) if not release and source.given() else release


def only_emulated(release: str) -> bool:
    """Is that kernel older than handing the PMU over?"""
    version = _version(release)
    return bool(version) and source.is_older(version, source.MEDIATED)


def speaks(release: str, contract: str) -> bool:
    """Can that kernel of the distribution speak it, or the tree that is given? The RFC's
    interface is added to the newest."""
    if only_emulated(release):
        return contract in ("auto", "emulated")
    return release == NEWEST or not contract.startswith("rfc")


def as_prefix(values: Mapping[str, str]) -> str:
    """The beginning of a command that sets them."""
    return "".join(f"{name}={value} " for name, value in values.items())


@dataclass(frozen=True)
class Request:
    """A boot.

    machine, cpus -- the emulated host
    contract -- auto: as the kernel says
    variant -- of the kernel: plain, reference or debug; not looked at with an image
    release -- two numbers of a kernel the distribution has, "" for the newest
    image -- the user's bzImage
    built -- a folder of the cache with another kernel that was built here, not looked at
        with an image
    fault -- the way in which the reference kernel is broken, "" for none
    filter -- globs of the cases to run, "" for all
    append -- more arguments for the kernel
    timeout -- of the boot, in seconds; 0: as long as machine and kernel take
    strict -- known defects are violations
    stop_at -- end at the first case that fails ("any") or violates this rule
    icount -- one nanosecond an instruction
    plain -- the emulator without its PMU model
    environment -- what programs take from the environment
    """

    machine: Machine
    cpus: int = 2
    contract: str = "auto"
    variant: str = "plain"
    release: str = ""
    image: str = ""
    built: Path | None = None
    fault: str = ""
    filter: str = ""
    append: str = ""
    timeout: int = 0
    strict: bool = False
    stop_at: str = ""
    icount: bool = False
    plain: bool = False
    rough: Rough = field(default_factory=Rough)
    environment: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be."""
        if not self.machine.is_qemu and (self.icount or self.plain):
            raise Refused(
                f"--icount and --plain are for amd-zen4: machine {self.machine.name} is no QEMU"
            )
        if self.cpus > self.machine.max_cpus:
            raise Refused(
                f"--cpus {self.cpus}: machine {self.machine.name} has at most {self.machine.max_cpus}"
            )
        alone = len(kernels_in(self.release)) == len(contracts_in(self.contract)) == 1
        if alone and not speaks(self.release, self.contract):
            first = ".".join(str(number) for number in source.MEDIATED)
            why = f"Linux {_version(self.release)} speaks the emulated contract only; the others begin with {first}"
            if not only_emulated(self.release):
                why = "--contract rfc is for the newest kernel: no --kernel-version"
            raise Refused(why)
        if self.release and (self.image or self.variant != "plain"):
            raise Refused(
                "--kernel-version is for a kernel as it is: no KERNEL=, no reference kernel"
            )
        self.rough.setting(self.machine)
        # Of the environment: refused here, and not when something is made by them.
        _ = self.memory_mib, jobs()

    @property
    def memory_mib(self) -> int:
        return number_in("LAB_MEMORY_MIB", self.machine.memory_mib, least=128, most=1 << 20)

    @property
    def threads(self) -> int:
        """How many of the emulator's are at work: one that all CPUs take turns in, or, in
        an unpatched QEMU, one for each."""
        return self.cpus if self.plain else 1

    @property
    def deadline(self) -> int:
        """Of the boot, in seconds. Everything takes longer where everything is checked."""
        if self.timeout:
            return self.timeout
        return 1500 if self.variant == "debug" and not self.image else 300 * self.machine.slowness

    @property
    def patience(self) -> int:
        """How many times longer than usual a case waits. Its checks make the debug kernel
        several times slower."""
        return int(self.environment.get("PMU_PATIENCE", "4" if self.variant == "debug" else "1"))

    @property
    def can_be_replayed(self) -> bool:
        """Does its emulator know no clock but the number of instructions?"""
        return self.icount or not self.machine.is_qemu

    def guest_image(self, image: Path) -> Path | None:
        """What a Linux guest boots: the machine's kernel, but for the debug kernel, whose
        sanitizers take minutes inside two emulations."""
        sanitized = self.variant == "debug" and not self.image
        return image if self.machine.linux_guest and not sanitized else None

    def kernel_arguments(self) -> str:
        own = ""
        # What makes a kernel with the RFC's interface speak it.
        if self.contract.startswith("rfc"):
            own += f" perf_guest.contract={self.contract}"
        if self.fault:
            own += f" perf_guest.fault={self.fault}"
        if self.variant == "debug":
            # With five levels of page tables KASAN takes an interrupt in the middle of
            # identify_cpu() for a wild access.
            own += " no5lvl"
        machine = self.machine
        mediated = 0 if self.contract == "emulated" else 1
        more = f" {machine.kernel_arguments}" if machine.kernel_arguments else ""
        # loglevel=6 lets every line of a kernel report reach the console, which is all
        # that is left of a kernel that dies.
        return (
            f"console={machine.console} loglevel=6 panic=-1 nmi_watchdog=0 "
            f"{machine.kvm_parameter}={mediated}"
            f"{more} tsc=reliable no_timer_check {own} {self.append}"
        )

    def again(self) -> str:
        """The command that asks for the same, but for the cases."""
        words = as_prefix(self.environment) + "scripts/lab run"
        words += " --strict" if self.strict else ""
        words += " --icount" if self.icount else ""
        words += f" --machine {self.machine.name}" if self.machine.name != "amd-zen4" else ""
        words += self.rough.options()
        words += f" --cpus {self.cpus}" if self.cpus != 2 else ""
        words += f" --contract {self.contract}" if self.contract != "auto" else ""
        words += f" --fault {self.fault}" if self.fault else ""
        if self.image:
            return f"{words} --kernel {shlex.quote(self.image)}{self._appended()}"
        words += f" --kernel-version {self.release}" if self.release else ""
        words += " --debug" if self.variant == "debug" else ""
        if self.variant == "reference" and not self.contract.startswith("rfc"):
            words += " --reference"
        return words + self._appended()

    def _appended(self) -> str:
        return f" --append {shlex.quote(self.append)}" if self.append else ""
