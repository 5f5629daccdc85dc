# SPDX-License-Identifier: GPL-2.0-only
"""The emulated host, saved when it has booted, said what it is and measured its processor.
Runs go on from there: they are sent their job, and begin at once."""

import hashlib
import os
import shutil
from pathlib import Path

from ..base.place import cache_folder, text_of
from ..base.say import Refused
from ..builders import programs, source
from ..builders.cache import cached, key_of
from .emulators import emulator_of
from .request import Request

_READY = "@@lab ready"
# As long as it may take a busy machine, in seconds.
_BOOT = 120
# A state takes some 75 MiB, more while it is made; so many are kept.
_KEPT = 6
_MIB = 600
_MEMORY = "memory"
_SAID = ("console.log", "report.log")
# In the report of a machine that was measured, and is what is known of it.
_MEASURED = "@@lab fact calibration_fits yes"
# What the port buffers for who does not read yet is not much more (tty_buffer.c).
_JOB_MOST = 32 << 10
# What comes before is lost, or not; the last line has the MD5 sum of the job.
_JOB = b"\n\n@@lab job begins\n%b@@lab job ends %b\n"


class _NotSaved(Exception):
    """A boot of its own will say what is wrong with the machine."""


def can_resume(request: Request, job: str) -> bool:
    """Is the machine the same after the boot, whatever the job is? A run that is to be
    repeated to the last byte has to begin at the beginning; what a rough machine does at
    random is no part of its state; and kernels of the user, which change, broken at boot,
    told something more, or with all checks, are booted too seldom."""
    return (
        request.machine.is_qemu
        and not request.icount
        and not request.plain
        and not request.fault
        and not request.append
        and not request.image
        and not source.given()
        and request.variant != "debug"
        and not request.rough.setting(request.machine)
        and len(job.encode("utf-8", "surrogateescape")) < _JOB_MOST
    )


def _make(
    part: Path, request: Request, emulator: Path, image: Path, modules: tuple[Path, ...], base: Path
) -> None:
    kind = emulator_of(request.machine)
    job = programs.job_cpio(part, "JOB=wait\n", modules, request.guest_image(image))
    (part / "initrd").write_bytes(base.read_bytes() + job.read_bytes())
    job.unlink()
    for name in _SAID:
        (part / name).touch()
    command = kind.command(emulator, request, part, image, part / "initrd")
    report = part / "report.log"
    with open(part / "emulator.log", "wb") as log:
        ended = kind.save(
            kind.ports(kind.ordered(command), part),
            part / _MEMORY,
            log,
            lambda: _READY in text_of(report).splitlines(),
            _BOOT,
        )
    # What was measured of the processor is for all runs that go on from here.
    if ended != 0 or _MEASURED not in text_of(report).splitlines():
        raise _NotSaved
    (part / "initrd").unlink()


def _forget_old(kept: Path) -> None:
    """Remove those that were not used for longest. A run that goes on from one has a name
    of its own for its file."""
    states = sorted(kept.parent.glob("?" * 16), key=lambda state: state.stat().st_mtime)
    for state in [one for one in states if one != kept][: max(0, len(states) - _KEPT)]:
        shutil.rmtree(state, ignore_errors=True)


def state(
    request: Request, emulator: Path, image: Path, modules: tuple[Path, ...], base: Path
) -> Path | None:
    """The folder of the state that the request's boots go on from, made if it is not there;
    None where there is none, and cannot be one now."""
    kind = emulator_of(request.machine)
    made_of = text_of(base.with_suffix(".made-of"))
    words = kind.command(emulator, request, Path("/"), Path("kernel"), Path("initrd"))
    # Emulator and kernel lie in folders that are named by what they are made of.
    key = key_of(*words, str(image), *(str(module) for module in modules), made_of)
    try:
        folder = cache_folder("state") / key
        fresh = not folder.exists()
        cached(
            folder,
            _MIB,
            "saving the booted machine",
            lambda part: _make(part, request, emulator, image, modules, base),
        )
        if fresh:
            _forget_old(folder)
        os.utime(folder)
    except (_NotSaved, Refused, OSError):
        return None
    return folder


def sent(job: str) -> bytes:
    """A job as lab/init/init is sent it."""
    text = job.encode("utf-8", "surrogateescape")
    return _JOB % (text, hashlib.md5(text, usedforsecurity=False).hexdigest().encode())


def go_on(folder: Path, out: Path, job: str, command: list[str], request: Request) -> list[str]:
    """The command that goes on from a state with a job, its ports in OUT; nothing if the
    state was removed meanwhile."""
    memory = out / _MEMORY
    try:
        for name in _SAID:
            shutil.copy(folder / name, out / name)
        # Another name for the file, so that it stays whoever removes the folder.
        memory.unlink(missing_ok=True)
        try:
            os.link(folder / _MEMORY, memory)
        except OSError:
            memory.symlink_to(folder / _MEMORY)
            memory.stat()
    except OSError:
        for name in _SAID:
            (out / name).write_bytes(b"")
        return []
    (out / "job").write_bytes(sent(job))
    return emulator_of(request.machine).resumed(command, memory, out, out / "job")


def went_on(folder: Path, out: Path) -> bool:
    """Did the boot in OUT say anything after it was to go on from a state? One that did
    not is removed: no run can."""
    said = text_of(out / "report.log").splitlines()
    (out / _MEMORY).unlink(missing_ok=True)
    if said and said[-1] != _READY:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False
