# SPDX-License-Identifier: GPL-2.0-only
"""A run whose emulator knows no clock but the number of instructions, once more: Bochs
always, QEMU with --icount. The same files give the same instructions, interrupts and
times. That it was so is compared, not believed."""

import os
from pathlib import Path

from ..base.options import number
from ..base.place import text_of
from ..base.say import Refused, say
from .bochs import Bochs
from .boot import Ending, boot
from .emulator import Emulator
from .folder import RunFolder, boots_in
from .qemu import Qemu

_ALWAYS = ("report.log", "console.log")


def _same_so_far(then: Path, now: Path, cut: bool) -> bool:
    """Is all that was written then written now? The run may have been ended before its
    end, and if the replay was CUT so was that."""
    old, new = then.read_bytes(), now.read_bytes()
    size = min(len(old), len(new)) if cut else len(old)
    if old[:size] == new[:size]:
        return True
    pairs = zip(old.split(b"\n"), new.split(b"\n"))
    at = next((index for index, (a, b) in enumerate(pairs, 1) if a != b), old.count(b"\n") + 1)
    say(f"{then.name} differs from line {at} on; see {now.parent}")
    return False


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _check(source: Path, ending: Ending, out: Path) -> None:
    # Bochs has no other end than a panic.
    if ending.how == "yes" and ending.status != 0 and not text_of(out / "report.log"):
        first = text_of(out / "emulator.log").partition("\n")[0]
        raise Refused(f"the emulator ended with status {ending.status}: {first}")
    if ending.how == "no" and not text_of(out / "report.log"):
        raise Refused(f"the replay reported nothing within {text_of(source / 'timeout').strip()} s")


def replay(source: Path) -> int:
    """Boot once more what the run in SOURCE booted, each of its boots if there were
    several; returns the exit status."""
    parts = boots_in(source) if source.is_dir() and not (source / "command.words").exists() else []
    return max(_replay(part) for part in parts) if parts else _replay(source)


def _replay(source: Path) -> int:
    emulator: Emulator = Bochs() if text_of(source / "bochsrc") else Qemu()
    for name in ("command.words", *emulator.boot_files, "timeout", *_ALWAYS):
        if not (source / name).is_file() or not (source / name).stat().st_size:
            raise Refused(f"{source} is no folder of a run: it has no {name}")
    source = source.resolve()
    words = [
        os.fsdecode(word) for word in (source / "command.words").read_bytes().split(b"\0")[:-1]
    ]
    if len(words) <= 8:
        raise Refused(f"{source}/command.words is no command of the emulator")
    try:
        deadline = number()(text_of(source / "timeout").strip())
    except Exception as error:
        raise Refused(f"{source}/timeout {error}") from None
    command = emulator.recorded(source, words)
    with RunFolder(source / "replay") as folder:
        folder.clear()
        out = folder.path
        say(f"booting once more what {source} was made with")
        emulator.copy_setup(source, out)
        ending = boot(emulator.ports(command, out), out, deadline)
        _check(source, ending, out)
        cut = ending.how == "no"
        if not all([_same_so_far(source / name, out / name, cut) for name in _ALWAYS]):
            return 1
        # What was not reached was not compared.
        if cut:
            far = f"{_lines(out / 'report.log')} of {_lines(source / 'report.log')} lines of report"
            say(f"the same as far as the replay came within {deadline} s: {far}")
            return 0
        counts = [_lines(source / name) for name in _ALWAYS]
        say(f"the same to the last byte: {counts[0]} lines of report, {counts[1]} of console")
        return 0
