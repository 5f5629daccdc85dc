# SPDX-License-Identifier: GPL-2.0-only
"""Commands of this machine, and a shell, inside the emulated host."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from ..base import process
from ..base.place import TOP, temporary_folder, text_of
from ..base.say import Refused, complain, say
from ..builders import programs
from .emulators import emulator_of
from .qemu import port, share
from .request import Request
from .run import Products, job_words, prepare

# Folders of the lab's own, where it has another in place of this machine's.
_HIDDEN = ("/tmp", "/run")


def _named(words: list[str]) -> Iterator[Path]:
    """The files that a command names, by path or as programs."""
    for word in words:
        found = shutil.which(word) or word
        path = Path(os.path.abspath(found))
        if word and path != Path("/") and os.path.lexists(path):
            yield path


def check_command(words: list[str]) -> None:
    """What is missing is said before the boot."""
    if not words:
        raise Refused("exec wants a command: scripts/lab exec -- COMMAND")
    # Inside, root finds more than a user here; and a shell has words of its own.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    if shutil.which(words[0], path=path):
        return
    if "/" in words[0] or process.run(["sh", "-c", 'type "$1"', "sh", words[0]], process.NOTHING):
        raise Refused(f"exec: there is no command '{words[0]}' on this machine")


def hidden_files(words: list[str]) -> list[Path]:
    """Those that the lab's own folders would hide."""
    hidden = [
        path for path in _named(words) if str(path).startswith(tuple(f"{top}/" for top in _HIDDEN))
    ]
    return list(dict.fromkeys(hidden))


class _Copies:
    """A machine without a share gets copies: what the command names, what that is
    linked with or read by, and a shell."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in (os.getcwd(), str(TOP), "/proc", "/sys", "/dev", "/tmp", "/run"):
            (root / name[1:]).mkdir(parents=True, exist_ok=True)

    def add(self, path: Path) -> None:
        there = self._root / str(path)[1:]
        if re.match("/(proc|sys|dev)(/|$)", str(path)) or (there.exists() and not path.is_dir()):
            return
        if not os.access(path, os.R_OK):
            raise Refused(f"{path} cannot be read")
        try:
            if path.is_dir():
                shutil.copytree(path, there, dirs_exist_ok=True)
                return
            if not path.is_file():
                return
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)
        except (OSError, shutil.Error):
            raise Refused(f"{path} cannot be copied") from None
        for needed in (*self._readers(path), *programs.libraries([path])):
            self.add(Path(needed))

    @staticmethod
    def _readers(path: Path) -> list[str]:
        """The reader of a script; env names another."""
        with open(path, "rb") as file:
            first = file.read(128).split(b"\n")[0].decode("utf-8", "replace")
        if not first.startswith("#!"):
            return []
        return [found for word in first[2:].split() if (found := shutil.which(word))]


def _job(request: Request, words: list[str]) -> str:
    shown = "\n".join(str(path) for path in hidden_files(words)) if request.machine.is_qemu else ""
    return job_words(
        JOB="exec", TOP=str(TOP), DIRECTORY=os.getcwd(), COMMAND=shlex.join(words), SHOWN=shown
    )


def _initrd(out: Path, products: Products, job: str, more: Path | None = None) -> Path:
    packed = programs.job_cpio(out, job, ())
    with open(out / "initrd", "wb") as initrd:
        for part in (products.initramfs, packed, *([more] if more else [])):
            initrd.write(part.read_bytes())
    return out / "initrd"


class _Filter:
    """Passes on what the command prints: what init says of itself is not the command's.
    The last line is held back, as init ends it."""

    def __init__(self) -> None:
        self.status = ""
        self._on = False
        self._held: bytes | None = None

    def take(self, line: bytes) -> None:
        if line.startswith(b"@@lab exec"):
            self._on = True
        elif line.startswith(b"@@lab status "):
            self.status, self._on = line[13:].decode().strip(), False
        elif line.startswith(b"@@lab fact share failed"):
            self.status = "share"
        elif self._on:
            self._write()
            self._held = line

    def finish(self) -> None:
        if self._held not in (None, b"", b"\r"):
            self._write()
        sys.stdout.buffer.flush()

    def _write(self) -> None:
        if self._held is not None:
            sys.stdout.buffer.write(self._held + b"\n")
            sys.stdout.buffer.flush()


def _serial(out: Path) -> list[str]:
    """The console in a file, the command's output on ours."""
    ours = ["-chardev", "stdio,id=report,signal=off", "-serial", "chardev:report"]
    return [*port("console", out / "console.log"), *ours]


def _through_pipe(command: list[str], out: Path, deadline: int, taken: _Filter) -> None:
    with open(out / "emulator.log", "wb") as log:
        running = process.start(command, stdout=subprocess.PIPE, stderr=log)
    timer = threading.Timer(deadline, process.end, [running])
    timer.daemon = True
    timer.start()
    assert running.stdout is not None
    try:
        for line in running.stdout:
            taken.take(line.rstrip(b"\n"))
    finally:
        timer.cancel()
        process.end(running)


def _through_file(command: list[str], out: Path, deadline: int, taken: _Filter) -> None:
    with open(out / "emulator.log", "wb") as log:
        running = process.start(command, stdout=log, stderr=subprocess.STDOUT)
    tail = process.Tail(out / "report.log")

    def look() -> bool:
        for line in tail.raw_lines():
            taken.take(line)
        return False

    try:
        process.wait(running, deadline, look)
        look()
    finally:
        process.end(running)


def execute(request: Request, words: list[str]) -> int:
    """Run a command of this machine inside; returns its status."""
    check_command(words)
    products = prepare(request)
    out = temporary_folder()
    emulator = emulator_of(request.machine)
    more = None
    if not request.machine.is_qemu:
        copies = _Copies(out / "root/share")
        for path in (Path("/bin/sh"), *_named(words)):
            copies.add(path)
        more = out / "share.cpio"
        programs.pack(out / "root", more)
    initrd = _initrd(out, products, _job(request, words), more)
    command = emulator.command(products.emulator, request, out, products.image, initrd)
    taken = _Filter()
    if request.machine.is_qemu:
        _through_pipe(command + share() + _serial(out), out, request.deadline, taken)
    else:
        _through_file(emulator.ports(command, out), out, request.deadline, taken)
    taken.finish()
    if taken.status.isdigit():
        return int(taken.status)
    for name in ("console.log", "emulator.log"):
        for line in text_of(out / name).splitlines()[-5:]:
            complain(line)
    lacks = (
        ", or the kernel lacks 9p (CONFIG_9P_FS, CONFIG_NET_9P_VIRTIO)"
        if request.machine.is_qemu
        else ""
    )
    raise Refused(f"the command did not end within {request.deadline} s{lacks}")


def shell(request: Request) -> int:
    """A shell inside, on this terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused("shell wants a terminal")
    products = prepare(request)
    out = temporary_folder()
    job = job_words(JOB="shell", TERM=os.environ.get("TERM", "vt100"))
    initrd = _initrd(out, products, job)
    command = emulator_of(request.machine).command(
        products.emulator, request, out, products.image, initrd
    )
    say("leave with: exit")
    try:
        with open(out / "emulator.log", "wb") as log:
            return subprocess.call(process.tied(command + share() + _serial(out)), stderr=log)
    finally:
        subprocess.call(["stty", "sane"])
