# SPDX-License-Identifier: GPL-2.0-only
"""What runs in the lab: the test programs, the payload that asks the PMU model, and the
initial file system they are in."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from ..base import process
from ..base.options import jobs
from ..base.place import TOP, Lock, build, build_folder, need_tool, text_of
from ..base.say import Refused
from . import source
from .cache import key_of, quiet

_guard = threading.Lock()


def _state(paths: Iterable[Path]) -> str:
    """A word for the state of files, by name, size and time."""
    seen = []
    for path in paths:
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                status = os.stat(os.path.join(folder, name), follow_symlinks=False)
                seen.append(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}")
    return key_of("\n".join(seen))


def _check_path(path: Path) -> None:
    """make(1) takes a blank for the end of a name, and more for its own signs."""
    if not re.fullmatch(r"[\w/.,+@%~=-]+", str(path)):
        raise Refused(f"make cannot build in a folder called '{path}'")


def suite() -> Path:
    """The folder with the test programs, brought up to date."""
    headers = source.headers()
    src = source.tree()
    out = build_folder() / f"selftests-{key_of(f'name {headers}')}"
    _check_path(out)
    _check_path(TOP)
    parts = [TOP / name for name in ("lib", "guest_code", "selftests", "configs/known")]
    # Of a tree that may change make knows what is old.
    state = _state(parts)
    stamp = out / "made-of"
    log = build() / "selftests.log"
    with _guard, Lock(build() / "selftests.lock").take("another build of the suite"):
        if source.given() or text_of(stamp) != state:
            stamp.unlink(missing_ok=True)
            command = ["make", "-s", "-C", TOP / "selftests", "-j", str(jobs()), f"KSRC={src}"]
            command += [f"KHDR={headers}/usr", f"OUTPUT={out}", "WITH_LIBPFM4=y"]
            quiet(command, log, "building the suite failed", tail=20)
            stamp.write_text(state, encoding="utf-8")
    return out


def target(where: Path, *names: str) -> None:
    """Make more programs of selftests/Makefile, in the folder of the suite or another."""
    _check_path(where)
    headers = source.headers()
    command = [
        "make",
        "-s",
        "-C",
        TOP / "selftests",
        f"KSRC={source.tree()}",
        f"KHDR={headers}/usr",
        f"OUTPUT={where}",
        "WITH_LIBPFM4=y",
    ]
    quiet(
        [*command, *(where / name for name in names)],
        build_folder() / "tools.log",
        "the build failed",
    )


def payload() -> Path:
    """The program that asks the PMU model, for machines without an operating system."""
    _check_path(TOP)
    out = build_folder() / "payload"
    with _guard, Lock(build() / "payload.lock").take("another build of the payload"):
        command = ["make", "-s", "-C", TOP / "lab/payload", f"OUTPUT={out}"]
        quiet(command, build() / "payload.log", "building the payload failed", tail=20)
    return out / "payload.elf"


def libraries(programs: Iterable[Path]) -> list[str]:
    """The shared libraries that programs load, as absolute paths."""
    # Its status is 1 if one of them is static.
    said = process.said(["ldd", *programs])
    return sorted(set(re.findall(r"(/[^ \n]*) \(0x", said)))


def pack(root: Path, out: Path) -> None:
    """A folder as a cpio archive. The same files make the same one: its bytes are in the
    guest's memory."""
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            os.utime(os.path.join(folder, name), (0, 0), follow_symlinks=False)
    os.utime(root, (0, 0))
    packed = sorted(os.fsencode(path.relative_to(root)) for path in root.rglob("*"))
    part = out.with_name(f"{out.name}.part")
    command = ["cpio", "-o", "-H", "newc", "-R", "0:0", "--reproducible", "--quiet"]
    with open(part, "wb") as file:
        made = process.start(command, cwd=root, stdin=subprocess.PIPE, stdout=file)
        made.communicate(
            b"".join(b"./" + name + b"\n" for name in [b"", *packed]).replace(b"./\n", b".\n", 1)
        )
        if process.wait(made) != 0:
            raise Refused(f"cannot write {out}")
    part.rename(out)


def busybox() -> Path:
    """The shell of the initial file system. Distributions call the static one differently;
    of another the libraries are packed, too."""
    for name in ("busybox-static", "busybox.static", "busybox"):
        if found := shutil.which(name):
            return Path(found)
    need_tool("busybox", "the initial file system")
    return Path("busybox")


def _fill(root: Path, programs: Path) -> None:
    for name in ("bin", "dev", "proc", "sys", "tmp", "root", "lab"):
        (root / name).mkdir(parents=True)
    shell = busybox()
    shutil.copy(shell, root / "bin/busybox")
    shutil.copy(TOP / "lab/init/init", root / "init")
    tests = [*sorted(programs.glob("*_test")), programs / "probe", programs / "calibrate"]
    for path in tests:
        shutil.copy(path, root / "lab")
    shutil.copytree(programs / "known", root / "lab/known")
    process.run(["strip", "-g", *(root / "lab" / path.name for path in tests)])
    for name in libraries([*tests, shell]):
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, root / name[1:])


def initramfs(programs: Path) -> Path:
    """A cpio with busybox, init and the programs, made again only if one changed."""
    need_tool("cpio", "the initial file system")
    shell = busybox()
    out = programs / "initramfs.cpio"
    stamp = programs / "initramfs.made-of"
    state = key_of((programs / "made-of").read_text(encoding="utf-8"), shell, TOP / "lab/init")
    with _guard, Lock(programs / "initramfs.lock").take("another run"):
        if not out.exists() or not stamp.exists() or stamp.read_text(encoding="utf-8") != state:
            stamp.unlink(missing_ok=True)
            root = programs / "initramfs"
            shutil.rmtree(root, ignore_errors=True)
            _fill(root, programs)
            pack(root, out)
            shutil.rmtree(root)
            stamp.write_text(state, encoding="utf-8")
    return out


def job_cpio(out: Path, job: str, modules: Iterable[Path], image: Path | None = None) -> Path:
    """The job of one boot, the modules of its kernel, and that kernel for a guest to boot,
    as a second cpio that the kernel unpacks over the first."""
    root = out / "job.root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "lab").mkdir(parents=True)
    (root / "lab/job").write_bytes(job.encode("utf-8", "surrogateescape"))
    for module in modules:
        shutil.copy(module, root / "lab")
    if image:
        shutil.copy(image, root / "lab/kernel")
    pack(root, out / "job.cpio")
    shutil.rmtree(root)
    return out / "job.cpio"
