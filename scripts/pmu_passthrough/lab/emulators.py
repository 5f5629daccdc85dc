# SPDX-License-Identifier: GPL-2.0-only
"""The emulator that a machine's profile names."""

from .bochs import Bochs
from .emulator import Emulator
from .machine import Machine
from .qemu import Qemu


def emulator_of(machine: Machine) -> Emulator:
    return Qemu() if machine.is_qemu else Bochs()
