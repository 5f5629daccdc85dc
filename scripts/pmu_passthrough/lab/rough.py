# SPDX-License-Identifier: GPL-2.0-only
"""What a rough machine does that hardware does and no manual promises: a word
NAME=NUMBER each, in LAB_ROUGH for its emulator. docs/lab.md says what they are."""

import os
import re
from dataclasses import dataclass

from ..base.options import number_in
from ..base.say import Refused
from .machine import Machine

# The greatest number of each; those that grow with the strength.
_BOTH = {"late": 1000000, "cycles": 1000, "garbage": 1, "ipi": 20000, "nmi": 1000, "smi": 1000}
_BOCHS = {"interrupt": 4, "fault": 4, "entry": 4, "exit": 4, "iret": 4, "far": 4, "branches": 1}
MOST_STRENGTH = 400
_GROW = {"late", "cycles", "ipi", "nmi", "smi"}


def _most(machine: Machine) -> dict[str, int]:
    return _BOTH if machine.is_qemu else _BOTH | _BOCHS


@dataclass(frozen=True)
class Rough:
    """How rough a machine is asked to be.

    words -- "name=number,..." in place of its profile's; None: as that says
    strength -- how much of it, in percent
    seed -- what is drawn for it
    """

    words: str | None = None
    strength: int = 100
    seed: int = 0

    @classmethod
    def of_environment(cls) -> "Rough":
        """As ROUGH_GIVEN, ROUGH_STRENGTH and ROUGH_SEED say."""
        return cls(
            os.environ.get("ROUGH_GIVEN"),
            number_in("ROUGH_STRENGTH", 100, 0, MOST_STRENGTH),
            number_in("ROUGH_SEED", 0, 0),
        )

    def _word(self, machine: Machine, word: str) -> str:
        name, equals, number = word.partition("=")
        most = _most(machine).get(name)
        if most is None:
            there = " ".join(_most(machine))
            raise Refused(f"no roughness called '{name}' on {machine.name}; there is: {there}")
        if not equals or not re.fullmatch("0|[1-9][0-9]{0,6}", number) or int(number) > most:
            raise Refused(f"roughness '{word}': wants {name}=N, at most {most}")
        value = min(int(number) * self.strength // 100, most) if name in _GROW else int(number)
        return f"{name}={value}"

    def setting(self, machine: Machine) -> str:
        """What the emulator takes, nothing on a machine that is not rough."""
        words = [f"{name}={number}" for name, number in machine.rough.items()]
        if self.words is not None:
            words = self.words.split(",") if self.words else []
        if not words:
            return ""
        return f"{' '.join(self._word(machine, word) for word in words)} seed={self.seed}"

    def options(self) -> str:
        """The options that ask for it again."""
        given = "" if self.words is None else f" --rough '{self.words}'"
        given += "" if self.strength == 100 else f" --rough-strength {self.strength}"
        return given + ("" if self.seed == 0 else f" --rough-seed {self.seed}")
