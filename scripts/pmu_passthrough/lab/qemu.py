# SPDX-License-Identifier: GPL-2.0-only
"""QEMU, the emulator of the AMD machine: built from source with the PMU model, and how it
is started."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..base import process
from ..base.options import jobs
from ..base.place import TOP, cache, cache_folder, need_tool, text_of
from ..base.say import Refused
from ..builders import debian
from ..builders.cache import CacheLock, cached, compiler, forget_halves, key_of, quiet, step
from ..builders.given import Source
from .emulator import Emulator, same_kernel, still_there
from .request import Request

# Code that is as fast as it gets, because all it does is run a kernel of ours.
_OPTIONS = (
    "--target-list=x86_64-softmmu --without-default-features --enable-tcg"
    " --enable-pixman --enable-fdt=system --enable-virtfs --enable-attr"
    " --enable-cap-ng --disable-download --disable-install-blobs"
    " --disable-debug-info --disable-qom-cast-debug --disable-pie --extra-ldflags=-no-pie"
    " --extra-cflags='-ftrivial-auto-var-init=uninitialized -fzero-call-used-regs=skip'"
)
# Which devices: files/configs/devices/x86_64-softmmu/lab.mak. Unpatched, all.
_DEVICES = " --without-default-devices --with-devices-x86_64=lab"
_PATCH = TOP / "lab/qemu/hooks.patch"
_FILES = TOP / "lab/qemu/files"
# Firmware and boot code, wherever the distribution puts them.
_ROMS = ("/usr/share/qemu", "/usr/share/seabios")
# What ports() adds.
_PORTS = 8


# What the monitor says of a state that is whole.
_SAVED = "Migration status: completed"
_SOURCE = Source("QEMU_SRC")


def _meson() -> Path:
    """QEMU asks for a newer meson than Debian 12 has. It is pure Python, so the newer
    suite's package serves without being installed."""

    def make(part: Path) -> None:
        debian.unpack(debian.download(part / "deb", "meson"), part)
        shutil.rmtree(part / "deb")

    return cached(cache() / "tools/meson", 50, "meson", make) / "usr/lib/python3/dist-packages"


def _fetch(part: Path) -> None:
    where = cache() / "src/qemu"
    described = debian.download_source(where, "qemu")
    command = ["dpkg-source", "--no-check", "--no-copy", "-x", described, part]
    quiet(command, cache() / "apt/log", "cannot unpack QEMU's source")
    shutil.rmtree(where)


def _lay_over(work: Path) -> None:
    """Our files over the source, so that only what changed is built again."""
    applied = work / "pmu-applied.patch"
    log = Path(f"{work}.patch.log")
    patch = ["patch", "-s", "-p0", "-d", work]
    if applied.exists() and applied.read_bytes() != _PATCH.read_bytes():
        quiet(
            [*patch, "-R", "-i", applied],
            log,
            f"cannot take the old hooks out of {work}; remove that folder",
        )
        applied.unlink()
    # Interrupted between the patch and its mark?
    if not applied.exists() and process.run([*patch, "-R", "--dry-run", "-i", _PATCH], log) == 0:
        shutil.copy(_PATCH, applied)
    if not applied.exists():
        version = text_of(work / "VERSION").strip()
        quiet(
            [*patch, "--dry-run", "-i", _PATCH], log, f"the hooks do not fit this QEMU ({version})"
        )
        quiet([*patch, "-i", _PATCH], log, f"the hooks stopped half-way; remove {work}")
        shutil.copy(_PATCH, applied)
    quiet(["rsync", "-rc", f"{_FILES}/", f"{work}/"], log, f"cannot write to {work}")


def _make(part: Path, plain: bool) -> None:
    kind = "plain" if plain else "patched"
    options = _OPTIONS if plain else _OPTIONS + _DEVICES
    work = cache_folder("work") / f"qemu-{kind}-{key_of(_SOURCE.key(), options)}"
    _SOURCE.lay_out(work, _fetch)
    if not plain:
        _lay_over(work)
    environment = os.environ | {"PYTHONPATH": str(_meson())}
    forget_halves(work / "build")
    (work / "build").mkdir(exist_ok=True)
    configure = f'[ -e build.ninja ] || "$1/configure" --python=/usr/bin/python3 {options}'
    script = f"{configure} || exit; exec ninja -j {jobs()} qemu-system-x86_64"
    command = ["sh", "-c", script, "sh", work]
    step(
        f"building QEMU ({kind})",
        2050 if plain else 1330,
        Path(f"{work}.log"),
        work / "build",
        command,
        cwd=work / "build",
        env=environment,
    )
    shutil.copy(work / "build/qemu-system-x86_64", part)
    process.run(["strip", "-g", part / "qemu-system-x86_64"])
    shutil.copy(work / "VERSION", part / "version")


class Qemu(Emulator):
    boot_files = ("initrd", "kernel.sum")

    def check_given(self) -> None:
        if _SOURCE.given and not (_SOURCE.given / "configure").exists():
            raise Refused(f"QEMU_SRC={_SOURCE.given} is no QEMU source tree")

    def build(self, plain: bool = False) -> Path:
        self.check_given()
        need_tool("gcc", "building QEMU")
        ours: list[str | Path] = [] if plain else [_DEVICES, _PATCH, _FILES]
        key = key_of(_SOURCE.key(), _OPTIONS, compiler("gcc"), *ours)
        made = cached(
            cache_folder("qemu") / key, 3000, "building QEMU", lambda part: _make(part, plain)
        )
        return made / "qemu-system-x86_64"

    def source(self) -> Path:
        self.check_given()
        where = cache_folder("src") / f"qemu-{key_of(_SOURCE.key())}"
        _SOURCE.lay_out(where, _fetch)
        return where

    def title(self, path: Path) -> str:
        return f"QEMU {text_of(path.parent / 'version').strip()}"

    def machine(self, path: Path, request: Request) -> list[str]:
        """The beginning of every command: the machine, without what it boots."""
        rough = request.rough.setting(request.machine)
        words = ["env", f"LAB_ROUGH={rough}"] if rough else []
        words.append(str(path))
        for where in _ROMS:
            if not Path(where).is_dir():
                raise Refused(f"{where} is missing (the emulated machine's firmware)")
            words += ["-L", where]
        words += ["-M", request.machine.machine_type, "-cpu", request.machine.cpu_model]
        words += ["-smp", str(request.cpus), "-m", str(request.memory_mib), "-display", "none"]
        words += ["-nodefaults", "-no-user-config", "-no-reboot", "-monitor", "none"]
        if request.icount:
            words += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
            return words + ["-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]
        # Unpatched, a turn of one of several CPUs in a thread is a tenth of a second.
        return words + ["-accel", f"tcg,thread={'multi' if request.plain else 'single'}"]

    def command(
        self, path: Path, request: Request, out: Path, kernel: Path, initrd: Path
    ) -> list[str]:
        booted = [
            "-kernel",
            str(kernel),
            "-initrd",
            str(initrd),
            "-append",
            request.kernel_arguments(),
        ]
        return self.machine(path, request) + booted

    def ports(self, command: list[str], out: Path) -> list[str]:
        return command + port("console", out / "console.log") + port("report", out / "report.log")

    def ordered(self, command: list[str]) -> list[str]:
        at = command.index("-monitor")
        return [*command[:at], "-monitor", "stdio", *command[at + 2 :]]

    def save(
        self,
        command: list[str],
        state: Path,
        log: IO[bytes],
        when: Callable[[], bool],
        seconds: float,
    ) -> int | None:
        running = process.start(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=CacheLock.handles(),
        )
        assert running.stdin
        try:
            status = process.wait(running, seconds, when, every=0.02)
            if status is None and when():
                orders = f"migrate {_quoted(_uri(state))}\ninfo migrate\n"
                running.stdin.write(os.fsencode(orders))
                running.stdin.flush()
                # What is asked before it is whole would cut it off.
                done = Path(log.name)
                process.wait(running, seconds, lambda: _SAVED in text_of(done), every=0.02)
                running.stdin.write(b"quit\n")
                running.stdin.close()
                status = process.wait(running, seconds)
                if status == 0 and _SAVED not in text_of(done):
                    return None
            return status
        except BrokenPipeError:
            return None
        finally:
            process.end(running)

    def incoming(self, state: Path) -> list[str]:
        return ["-incoming", _uri(state)]

    def resumed(self, command: list[str], state: Path, out: Path, job: Path) -> list[str]:
        command = [*command, *self.incoming(state)]
        command += port("console", out / "console.log", ",append=on")
        return command + port("report", out / "report.log", f",append=on,input-path={escaped(job)}")

    def recorded(self, out: Path, words: list[str]) -> list[str]:
        command = words[:-_PORTS]
        if "-icount" not in command:
            raise Refused(f"the run in {out} was made without --icount and cannot be replayed")
        if "-initrd" in command:
            command[command.index("-initrd") + 1] = str(out / "initrd")
        still_there(out, command)
        same_kernel(out)
        return command


def _uri(state: Path) -> str:
    return f"file:{state}"


def _quoted(word: str) -> str:
    """For QEMU's monitor."""
    escaped_word = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped_word}"'


def escaped(path: Path) -> str:
    """A path among QEMU's options, where a comma ends it."""
    return str(path).replace(",", ",,")


def port(name: str, path: Path, more: str = "") -> list[str]:
    """A serial port whose output goes into a file."""
    file = f"file,id={name},path={escaped(path)}{more}"
    return ["-chardev", file, "-serial", f"chardev:{name}"]


def share() -> list[str]:
    """All files of this machine, read-only, for who is inside."""
    tag = "mount_tag=share,security_model=none,readonly=on,multidevs=remap"
    return ["-virtfs", f"local,path=/,{tag}"]
