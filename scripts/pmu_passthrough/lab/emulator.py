# SPDX-License-Identifier: GPL-2.0-only
"""The emulators behind one interface."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..base.place import text_of
from ..base.say import Refused
from .request import Request


def kernel_sum(out: Path, kernel: Path) -> str:
    """A line of sha256sum for what a boot boots, by its name seen from OUT."""
    name = kernel.name if kernel.parent == out else str(kernel)
    return f"{hashlib.sha256(kernel.read_bytes()).hexdigest()}  {name}\n"


def still_there(out: Path, names: list[str]) -> None:
    """Is all of that there which the run in OUT was made with?"""
    for name in names:
        if name.startswith("/") and not Path(name).exists():
            raise Refused(f"{name} is gone, with which {out} was made")


def same_kernel(out: Path) -> None:
    """Is what the run in OUT booted what it was?"""
    line = text_of(out / "kernel.sum")
    kernel = out / line.rstrip("\n")[66:]
    if not kernel.is_file() or kernel_sum(out, kernel) != line:
        raise Refused(f"the kernel is another one than {out} was made with")


class Emulator(ABC):
    """An emulator that is built, or can be."""

    # What a run leaves that a replay of it boots.
    boot_files: tuple[str, ...]

    @abstractmethod
    def check_given(self) -> None:
        """Is the user's source tree one, if there is one?"""

    @abstractmethod
    def build(self, plain: bool = False) -> Path:
        """The emulator's path, built if it is not there. PLAIN is the same without the
        PMU, for comparison."""

    @abstractmethod
    def source(self) -> Path:
        """The source that it is built from, without what the lab adds."""

    @abstractmethod
    def title(self, path: Path) -> str:
        """Its name and version."""

    @abstractmethod
    def command(
        self, path: Path, request: Request, out: Path, kernel: Path, initrd: Path
    ) -> list[str]:
        """The command that boots, without its ports; what has to be made for it is made
        in OUT."""

    @abstractmethod
    def ports(self, command: list[str], out: Path) -> list[str]:
        """The command with the console in OUT/console.log and the report, the second
        serial port, in OUT/report.log."""

    def ordered(self, command: list[str]) -> list[str]:
        """A command without ports, changed so that it takes orders from its input."""
        raise NotImplementedError

    def save(
        self,
        command: list[str],
        state: Path,
        log: IO[bytes],
        when: Callable[[], bool],
        seconds: float,
    ) -> int | None:
        """Start such a command and save the machine in a file, which ends it.

        log -- for what the emulator says
        when -- told to look often: is the machine where it is to be saved?
        seconds -- how long it may take to get there, and to be saved
        Returns 0 if it was saved, or the status of an emulator that ended, or None.
        """
        raise NotImplementedError

    def resumed(self, command: list[str], state: Path, out: Path, job: Path) -> list[str]:
        """The command that goes on from a saved state, with ports that add to the files
        in OUT, and a job that the machine is sent."""
        raise NotImplementedError

    @abstractmethod
    def recorded(self, out: Path, words: list[str]) -> list[str]:
        """The command that the run in OUT was made with, to be given other ports."""

    def copy_setup(self, source: Path, out: Path) -> None:
        """For a replay in OUT, what the run in SOURCE has in files of its own."""

    def boots(self, out: Path, kernel: Path) -> Path:
        """The file that holds the kernel, for who wants to know whether it is the same."""
        return kernel
