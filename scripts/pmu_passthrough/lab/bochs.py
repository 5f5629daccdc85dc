# SPDX-License-Identifier: GPL-2.0-only
"""Bochs, the emulator of the Intel machines: built from source with the PMU model, and
how it is started."""

import os
import re
import shutil
from pathlib import Path

from ..base import process
from ..base.options import jobs
from ..base.place import TOP, cache, cache_folder, need_tool, text_of
from ..base.say import Refused
from ..builders import debian
from ..builders.cache import cached, compiler, forget_halves, key_of, quiet, step
from ..builders.given import Source
from .emulator import Emulator, same_kernel, still_there
from .request import Request

_OPTIONS = (
    "--enable-smp --enable-cpu-level=6 --enable-x86-64 --enable-vmx=2"
    " --enable-svm --enable-all-optimizations --enable-avx --enable-evex"
    " --with-nogui --disable-docbook --disable-large-ramfile"
)
# Its smallest functions, those of memory, are in other files than their callers.
_FLAGS = "-O2 -flto=auto -w"
_PATCH = TOP / "lab/bochs/hooks.patch"
_FILES = TOP / "lab/bochs/files"
# Instructions a second of the machine's own time, and the frequency of its TSC: more, and
# what waits, waits long.
_IPS = 20000000


_SOURCE = Source("BOCHS_SRC")


def _fetch(part: Path) -> None:
    where = cache() / "src/bochs"
    shutil.rmtree(where, ignore_errors=True)
    archives = debian.download_archives(where, "bochs")
    original = next(path for path in archives if ".orig." in path.name)
    part.mkdir(parents=True)
    command = ["tar", "-xf", original, "-C", part, "--strip-components", "1"]
    quiet(command, cache() / "apt/log", "cannot unpack the source of Bochs")
    shutil.rmtree(where)


def _hook(part: Path) -> None:
    command = ["patch", "-s", "-p1", "--fuzz=0", "-d", part, "-i", _PATCH]
    quiet(command, Path(f"{part}.patch.log"), "the hooks do not fit this Bochs")


# The machine's firmware: name, package, file in that, and file in a source tree.
_FIRMWARE = (
    ("bios", "bochsbios", "bochs/BIOS-bochs-latest", "BIOS-bochs-latest"),
    ("vgabios", "vgabios", "vgabios/vgabios.bin", "VGABIOS-lgpl-latest*"),
)


def _in_tree(pattern: str) -> Path | None:
    """The firmware of a tree that has it, under the name of this release or another."""
    if not _SOURCE.given:
        return None
    found = sorted((_SOURCE.given / "bios").rglob(pattern))
    return next((path for path in found if not re.search("debug|cirrus", path.name)), None)


def _firmware(part: Path) -> None:
    """From the user's tree, or from the packages that go with Bochs, as the
    distribution's source is without."""
    for name, package, installed, pattern in _FIRMWARE:
        if own := _in_tree(pattern):
            shutil.copy(own, part / name)
            continue
        debian.unpack(debian.download(part / "deb", package), part / "deb")
        shutil.copy(part / "deb/usr/share" / installed, part / name)
        shutil.rmtree(part / "deb")


def _make(part: Path) -> None:
    # Another patch, or another way to build, is another tree; other files are not.
    key = key_of(_SOURCE.key(), _PATCH, _OPTIONS, _FLAGS, compiler("g++"))
    work = cache_folder("work") / f"bochs-{key}"
    forget_halves(work)
    _SOURCE.lay_out(work, _fetch, _hook)
    log = Path(f"{work}.log")
    quiet(["rsync", "-rc", f"{_FILES}/", f"{work}/"], log, f"cannot write to {work}")
    # Configured by us, not by whoever gave the tree.
    flags = f'CFLAGS="{_FLAGS}" CXXFLAGS="{_FLAGS}"'
    configure = f"[ -e configured ] || ./configure {_OPTIONS} {flags}"
    script = f"{configure} || exit; : >configured; exec make -j {jobs()}"
    step("building Bochs", 1340, log, work, ["sh", "-c", script], cwd=work)
    _firmware(part)
    shutil.copy(work / "bochs", part)
    process.run(["strip", "-g", part / "bochs"])
    found = re.search('^VERSION="(.*)"$', text_of(work / "configure"), re.MULTILINE)
    (part / "version").write_text(f"{found[1] if found else '?'}\n", encoding="utf-8")


def _check_name(path: Path) -> None:
    """In its configuration commas, quotes and blanks mean something."""
    if not re.fullmatch(r"[A-Za-z0-9/._@%+=:~-]+", str(path)):
        raise Refused(f"Bochs cannot read a folder called '{path}'")


def _disk(disk: Path, kernel: Path, initrd: Path, arguments: str) -> None:
    """Bochs boots disks: one with the kernel, its initial file system and a loader."""
    # Fedora and openSUSE have it under the name of the version.
    tool = "grub2-mkrescue" if shutil.which("grub2-mkrescue") else "grub-mkrescue"
    need_tool(tool, "the machine's disk")
    root = disk.with_name(f"{disk.name}.root")
    log = disk.with_name(f"{disk.name}.log")
    shutil.rmtree(root, ignore_errors=True)
    (root / "boot/grub").mkdir(parents=True)
    for path, name in ((kernel, "kernel"), (initrd, "initrd")):
        try:
            os.link(path, root / "boot" / name)
        except OSError:
            shutil.copy(path, root / "boot" / name)
    loads = f"linux /boot/kernel {arguments}\ninitrd /boot/initrd\nboot\n"
    (root / "boot/grub/grub.cfg").write_text(loads, encoding="utf-8")
    quiet([tool, "-o", disk, root], log, "cannot make the machine's disk")
    shutil.rmtree(root)
    log.unlink()


class Bochs(Emulator):
    boot_files = ("bochsrc", "disk.iso", "kernel.sum")

    def check_given(self) -> None:
        tree = _SOURCE.given
        if not tree:
            return
        if not (tree / "configure").exists() or not (tree / "bochs.h").exists():
            raise Refused(f"BOCHS_SRC={tree} is no Bochs source tree")
        whole = all(_in_tree(pattern) for *_, pattern in _FIRMWARE)
        if not whole and not debian.is_debian():
            names = "bios/BIOS-bochs-latest and VGABIOS-lgpl-latest"
            raise Refused(f"BOCHS_SRC={tree} is without its firmware, {names}")

    def build(self, plain: bool = False) -> Path:
        self.check_given()
        need_tool("g++", "building Bochs")
        key = key_of(_SOURCE.key(), _OPTIONS, _FLAGS, compiler("g++"), _PATCH, _FILES)
        return cached(cache_folder("bochs") / key, 1000, "building Bochs", _make) / "bochs"

    def source(self) -> Path:
        self.check_given()
        where = cache_folder("src") / f"bochs-{key_of(_SOURCE.key())}"
        _SOURCE.lay_out(where, _fetch)
        return where

    def title(self, path: Path) -> str:
        return f"Bochs {text_of(path.parent / 'version').strip()}"

    def _setup(self, path: Path, request: Request, disk: Path) -> str:
        memory = f"guest={request.memory_mib}, host={request.memory_mib}"
        cpu = f"model={request.machine.cpu_model}, count={request.cpus}, ips={_IPS}"
        return f"""config_interface: textconfig
display_library: nogui
cpu: {cpu}, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: {memory}
romimage: file={path.parent / 'bios'}
vgaromimage: file={path.parent / 'vgabios'}
ata0: enabled=1
ata0-master: type=cdrom, path={disk}, status=inserted
boot: cdrom
clock: sync=none, time0=1767225600, rtc_sync=0
vga: extension=vbe, update_freq=1, realtime=0
panic: action=fatal
error: action=ignore
info: action=ignore
"""

    def command(
        self, path: Path, request: Request, out: Path, kernel: Path, initrd: Path
    ) -> list[str]:
        _check_name(out)
        _disk(out / "disk.iso", kernel, initrd, request.kernel_arguments())
        (out / "bochsrc").write_text(self._setup(path, request, out / "disk.iso"), encoding="utf-8")
        machine = request.machine
        words = [
            "env",
            f"BOCHS_PMU_VERSION={machine.pmu_version}",
            f"BOCHS_PMU_GENERAL={machine.pmu_general}",
        ]
        words += [f"BOCHS_PMU_FIXED={machine.pmu_fixed}", f"BOCHS_TSC_HZ={_IPS}"]
        if machine.pmu_fixed_mask:
            words.append(f"BOCHS_PMU_FIXED_MASK={machine.pmu_fixed_mask}")
        rough = request.rough.setting(machine)
        return words + ([f"LAB_ROUGH={rough}"] if rough else []) + [str(path), "-q", "-unlock"]

    def ports(self, command: list[str], out: Path) -> list[str]:
        """Log and ports stand in the setup, whose beginning is there."""
        setup = text_of(out / "bochsrc") + f"log: {out / 'bochs.log'}\n"
        for number, name in ((1, "console.log"), (2, "report.log")):
            setup += f"com{number}: enabled=1, mode=file, dev={out / name}\n"
        (out / "bochsrc").write_text(setup, encoding="utf-8")
        return [*command, "-f", str(out / "bochsrc")]

    def recorded(self, out: Path, words: list[str]) -> list[str]:
        setup = text_of(out / "bochsrc")
        still_there(
            out, words[:-2] + re.findall(r"^v?g?a?romimage: file=(.*)$", setup, re.MULTILINE)
        )
        same_kernel(out)
        _check_name(out)
        return words[:-2]

    def copy_setup(self, source: Path, out: Path) -> None:
        """Without its ports, and with the disk where it is now."""
        kept = [
            line
            for line in text_of(source / "bochsrc").splitlines()
            if not re.match("log:|com[12]:", line)
        ]
        disk = re.compile("^(ata0-master:.* path=)[^,]*", re.MULTILINE)
        text = disk.sub(lambda found: f"{found[1]}{source / 'disk.iso'}", "\n".join(kept))
        (out / "bochsrc").write_text(f"{text}\n", encoding="utf-8")

    def boots(self, out: Path, kernel: Path) -> Path:
        """Kernel and programs are on the disk."""
        return out / "disk.iso"
