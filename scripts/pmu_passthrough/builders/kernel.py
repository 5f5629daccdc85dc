# SPDX-License-Identifier: GPL-2.0-only
"""Kernels for the lab, in three variants: plain, the source as it is; reference, with
the RFC's interface and its faults (lab/kernel); debug, that with lockdep and KASAN."""

import functools
import os
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

from ..base import process
from ..base.options import jobs
from ..base.place import TOP, cache, cache_folder, need_tool, text_of
from ..base.say import Refused
from . import source
from .cache import cached, compiler, forget_halves, key_of, quiet, step

PATCH = TOP / "lab/kernel/hooks.patch"
_MODULES = TOP / "selftests/test_modules"


def fragments(variant: str) -> list[Path]:
    """Those of configs/kernel that make up a variant."""
    where = TOP / "configs/kernel"
    return sorted(where.glob("*.config")) + (
        sorted((where / "debug").glob("*.config")) if variant == "debug" else []
    )


def module_sources() -> list[Path]:
    """Of the test module."""
    return [_MODULES / "Makefile", *sorted(_MODULES.glob("*.c"))]


def _key(path: Path, variant: str) -> str:
    patch: list[str | Path] = ["" if variant == "plain" else TOP / "lab/kernel"]
    made_of = (*module_sources(), *patch, *fragments(variant))
    return key_of(*source.name_of(path), compiler("gcc"), *made_of)


def work_tree(src: Path, name: str = "linux") -> Path:
    """Where kernels of a source are built; trees that are made differently have several
    names."""
    return cache() / "work" / f"{name}-{key_of(*source.name_of(src))}"


class WorkTree:
    """The tree that kernels are built in: the source's files, linked, with the objects
    in a folder below. So the kernel's make uses relative paths, and a patched kernel
    rebuilds only what the patch touches."""

    def __init__(self, src: Path, name: str = "linux") -> None:
        self._src = src
        self.path = work_tree(src, name)
        # One that was left half patched is made again.
        if not (self.path / ".whole").exists() or (self.path / ".applying").exists():
            self._link()
        elif source.given():
            self._bring_up_to_date()

    def _link(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        cache_folder("work")
        if process.run(["cp", "-al", self._src, self.path], Path(f"{self.path}.log")):
            shutil.rmtree(self.path, ignore_errors=True)
            quiet(
                ["cp", "-a", self._src, self.path],
                Path(f"{self.path}.log"),
                f"cannot copy {self._src} to {self.path}",
            )
        (self.path / ".whole").touch()

    def _bring_up_to_date(self) -> None:
        """Whatever the user edited is newer than what was linked. Files that were patched
        and unpatched look newer than the user's, whatever the user did to them: those
        that differ are taken as new ones, so that make sees them."""
        self._unpatch()
        own = [
            "--exclude",
            "/.git",
            "--exclude",
            "/obj*",
            "--exclude",
            "/.whole",
            "--exclude",
            "/.changed",
        ]
        command = [
            "rsync",
            "-a",
            "--update",
            "--delete",
            *own,
            f"--link-dest={self._src}",
            f"{self._src}/",
            f"{self.path}/",
        ]
        quiet(command, Path(f"{self.path}.log"), f"cannot copy {self._src} to {self.path}")
        for name in re.findall(r"^\+\+\+ b/(.*)$", PATCH.read_text(encoding="utf-8"), re.MULTILINE):
            theirs, ours = self._src / name, self.path / name
            if theirs.exists() and (not ours.exists() or theirs.read_bytes() != ours.read_bytes()):
                ours.unlink(missing_ok=True)
                shutil.copy(theirs, ours)

    def _patch_command(self, *options: str) -> list[str | Path]:
        return ["patch", "-s", "-p1", "-d", self.path, *options]

    def _unpatch(self) -> None:
        """What was applied is kept beside, so that it can be taken back as it was."""
        applied = self.path / ".applied"
        if not applied.exists():
            return
        command = self._patch_command("-R", "-i", ".applied/hooks.patch")
        quiet(
            command,
            Path(f"{self.path}.log"),
            f"cannot take the reference patch back; remove {self.path}",
        )
        for path in (applied / "files").rglob("*"):
            if path.is_file():
                (self.path / path.relative_to(applied / "files")).unlink(missing_ok=True)
        shutil.rmtree(applied)

    def _patch(self, log: Path) -> None:
        quiet(
            self._patch_command("--dry-run", "-i", str(PATCH)),
            log,
            "the reference patch does not fit this kernel (it is made for 7.2 and 7.3)",
        )
        applying = self.path / ".applying"
        shutil.copytree(TOP / "lab/kernel", applying)
        command = self._patch_command("--no-backup-if-mismatch", "-i", ".applying/hooks.patch")
        quiet(command, log, f"the reference patch stopped half-way; remove {self.path}")
        # As new files: another checkout may have left objects of others.
        shutil.copytree(
            applying / "files", self.path, dirs_exist_ok=True, copy_function=shutil.copy
        )
        applying.rename(self.path / ".applied")

    def become(self, variant: str, log: Path) -> None:
        if variant == "plain":
            self._unpatch()
        elif not (self.path / ".applied").exists() or key_of(self.path / ".applied") != key_of(
            TOP / "lab/kernel"
        ):
            self._unpatch()
            self._patch(log)


def _check_config(config: str, variant: str) -> None:
    """Every line of the fragments must have made it into the configuration."""
    lines = set(config.splitlines())
    options = {line.partition("=")[0] for line in lines}
    for path in fragments(variant):
        for line in path.read_text(encoding="utf-8").splitlines():
            option, _, value = line.partition("=")
            if not option.startswith("CONFIG_"):
                continue
            if value == "n":
                if option in options:
                    raise Refused(
                        f"this kernel insists on {option}, which configs/kernel switches off"
                    )
            elif line not in lines:
                raise Refused(f"this kernel has no {line}, which configs/kernel asks for")


def configure(
    tree: Path, obj: Path, variant: str, log: Path, what: str, more: Sequence[Path] = ()
) -> None:
    """MORE: fragments beside those of the variant."""
    wrong = f"configuring {what} failed"
    quiet(["make", "-s", "-C", tree, f"O={obj}", "tinyconfig"], log, wrong)
    merge = tree / "scripts/kconfig/merge_config.sh"
    quiet([merge, "-m", "-O", ".", ".config", *fragments(variant), *more], log, wrong, cwd=obj)
    quiet(["make", "-s", "-C", tree, f"O={obj}", "olddefconfig"], log, wrong)
    _check_config(text_of(obj / ".config"), variant)


def compile_and_keep(src: Path, tree: Path, obj: Path, what: str, log: Path, part: Path) -> None:
    """Image, configuration and test module of a TREE that was configured, made of the source
    SRC; WHAT: for messages, PART: where they are kept."""
    # make does not see that a header has come or gone.
    shutil.rmtree(obj / "test_modules", ignore_errors=True)
    # A shell that ends before its make leaves that to be killed.
    make = f'trap : TERM; make -C "$1" O="$2" -j {jobs()} bzImage modules'
    # The calls of the test module came with mediated PMUs.
    if not source.is_older(source.version(src), source.MEDIATED):
        make += ' && make -C "$1" O="$2" M="$3" MO="$2/test_modules" modules'
    step(f"building {what}", 2000, log, obj, ["sh", "-c", make, "sh", tree, obj, _MODULES])
    for path in (obj / "arch/x86/boot/bzImage", *(obj / "test_modules").glob("*.ko")):
        shutil.copy(path, part)
    shutil.copy(obj / ".config", part / "config")


def _make(src: Path, variant: str, part: Path) -> None:
    what = f"Linux {source.version(src)}"
    work = WorkTree(src)
    log = Path(f"{work.path}.{variant}.log")
    work.become(variant, log)
    obj = work.path / ("obj-debug" if variant == "debug" else "obj")
    forget_halves(obj)
    obj.mkdir(exist_ok=True)
    configure(work.path, obj, variant, log, what)
    compile_and_keep(src, work.path, obj, f"{what} ({variant})", log, part)


def build(variant: str, named: str = "") -> Path:
    """The folder with bzImage, config and the test module of a variant; of the kernel NAMED
    as 6.12, or the usual one. A distribution's tree is told by its name; a user's is handed
    to make each time, which knows what changed."""
    need_tool("gcc", "building the kernel")
    src = source.tree(named)
    out = cache_folder("kernel") / _key(src, variant)
    if not out.exists() or source.given():
        need_tool("lz4", "compressing the kernel")
        need_tool("patch", "the reference kernel")
        source.check_version(source.version(src), str(src))
    return cached(
        out,
        2500,
        "building the kernel",
        lambda part: _make(src, variant, part),
        fresh=source.given(),
    )


def _image_version(data: bytes) -> str:
    """Documentation/arch/x86/boot.rst, kernel_version."""
    at = struct.unpack_from("<H", data, 0x20E)[0] + 0x200
    return data[at : at + 128].split(b"\0")[0].split(b" ")[0].decode("ascii", "replace")


def _image_size(data: bytes) -> int:
    """The least a whole image has: setup_sects and syssize of the same document."""
    sectors = data[0x1F1] or 4
    return int((sectors + 1) * 512 + struct.unpack_from("<I", data, 0x1F4)[0] * 16)


class BadImage(Refused):
    """The kernel that was given is to blame, and nothing of this machine."""


def check_image(name: str) -> None:
    """A kernel image of the user's: is it one, whole, and new enough?"""
    what = f"KERNEL={name}"
    try:
        data = Path(name).read_bytes() if Path(name).is_file() else b""
    except OSError:
        raise BadImage(f"{what} cannot be read") from None
    if not Path(name).is_file():
        raise BadImage(f"{what} does not exist")
    if len(data) < 0x300 or data[0x202:0x206] != b"HdrS":
        raise BadImage(f"{what} is no x86 bzImage")
    if len(data) < _image_size(data):
        raise BadImage(f"{what} is not whole: {len(data)} bytes of at least {_image_size(data)}")
    try:
        source.check_version(_image_version(data), what)
    except Refused as refused:
        raise BadImage(str(refused)) from None


def check_image_options(name: str, src: Path) -> None:
    """Has it the options that the suite needs, if it says which it has?"""
    config = set(process.output([src / "scripts/extract-ikconfig", name]).splitlines())
    if not config:
        return
    for option in (TOP / "configs/kernel/required.list").read_text(encoding="utf-8").splitlines():
        if not option.startswith("#") and f"{option}=y" not in config:
            raise BadImage(f"KERNEL={name} lacks {option}=y")


@functools.cache
def modules_beside(image: Path) -> tuple[Path, ...]:
    """The test module of a user's kernel, if it lies beside the image."""
    beside = image.parent / "perf_guest_calls.ko"
    return (beside,) if os.access(beside, os.R_OK) else ()
