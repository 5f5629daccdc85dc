# SPDX-License-Identifier: GPL-2.0-only
"""The tests of the PMU model itself, by a program on the bare emulated machine."""

import re
import shlex
import subprocess
from pathlib import Path

from ..base import process
from ..base.place import text_of
from ..base.say import say
from ..builders import programs
from .folder import RunFolder
from .qemu import Qemu, escaped, port
from .request import Request

# isa-debug-exit: twice the payload's 42, and one.
_DONE = 85
# Where the machine is saved; it goes on when it is sent a byte. Some are lost, or not.
_WAITS = "# waits for a byte"
_BYTES = "\n" * 64


def payload(request: Request, out: Path) -> int:
    """Run them, their KTAP in OUT/results.ktap; returns the exit status."""
    with RunFolder(out) as folder:
        emulator = Qemu()
        path = emulator.build(request.plain)
        elf = programs.payload()
        folder.clear()
        out = folder.path
        report = out / "results.ktap"
        report.touch()
        command = emulator.machine(path, request)
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", str(elf)]
        (out / "command").write_text(shlex.join(command) + "\n", encoding="utf-8")
        memory = out / "memory"
        with open(out / "emulator.log", "wb") as log:
            status = emulator.save(
                [*emulator.ordered(command), *port("report", report)],
                memory,
                log,
                lambda: _WAITS in text_of(report).splitlines(),
                request.deadline,
            )
            if status == 0:
                (out / "bytes").write_text(_BYTES, encoding="utf-8")
                more = f",append=on,input-path={escaped(out / 'bytes')}"
                command += [*emulator.incoming(memory), *port("report", report, more)]
                running = process.start(command, stdout=log, stderr=subprocess.STDOUT)
                status = process.wait(running, request.deadline)
                process.end(running)
        for used in (memory, out / "bytes"):
            used.unlink(missing_ok=True)
        said = text_of(report).splitlines()
        for line in said:
            if not line.startswith("ok "):
                print(line)
        passed = sum(line.startswith("ok ") for line in said)
        failed = sum(line.startswith("not ok ") for line in said)
        print(f"{passed} passed, {failed} failed, 0 skipped")
        if status == _DONE and any(re.match(r"1\.\.[1-9]", line) for line in said):
            return 0
        ended = (
            f"with status {status}" if status is not None else f"not within {request.deadline} s"
        )
        say(f"the PMU model's tests ended {ended}; see {out}")
        return 1
