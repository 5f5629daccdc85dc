# SPDX-License-Identifier: GPL-2.0-only
"""lab/kernel/hooks.patch as files to edit, and back."""

import argparse
import filecmp
import re
import shutil
from pathlib import Path

from ..base import process
from ..base.place import TOP, write_whole
from ..base.say import Refused
from ..base.verbs import Command, Verb
from ..builders import source

_PATCH = TOP / "lab/kernel/hooks.patch"
_DIR = TOP / "build/hooks"
# As few as apply without fuzz to every kernel the patch is made for.
_CONTEXT = 2


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _apply(folder: Path, patch: Path) -> bool:
    command = [
        "patch",
        "-s",
        "-p1",
        "--fuzz=0",
        "--no-backup-if-mismatch",
        "-d",
        folder,
        "-i",
        patch,
    ]
    return process.run(command, TOP / "build/hooks.log") == 0


def _edit(values: argparse.Namespace) -> int:
    if _DIR.exists():
        raise Refused(
            f"{_DIR} is there already: scripts/hooks refresh writes it back; remove it to begin again"
        )
    src = source.tree()
    for name in values.words:
        if name.startswith("/") or ".." in name or not (src / name).is_file():
            raise Refused(f"the kernel has no file '{name}'")
    part = _DIR.with_name("hooks.part")
    shutil.rmtree(part, ignore_errors=True)
    patched = re.findall(r"^\+\+\+ b/(.*)$", _PATCH.read_text(encoding="utf-8"), re.MULTILINE)
    for name in dict.fromkeys([*patched, *values.words]):
        for side in ("a", "b"):
            (part / side / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(src / name, part / side / name)
    if not _apply(part / "b", _PATCH):
        raise Refused(f"the patch does not fit the kernel in {src}")
    part.rename(_DIR)
    print(_DIR / "b")
    return 0


def _new_patch() -> str:
    """Of the folder; diff finds no difference in a file that is back to what it was."""
    text = ""
    for name in _files(_DIR / "b"):
        labels = ["--label", f"a/{name}", "--label", f"b/{name}"]
        # Its status is 1 for a difference.
        command = ["sh", "-c", '"$@" || [ $? = 1 ]', "sh", "diff", "-U", str(_CONTEXT), *labels]
        text += process.output([*command, _DIR / "a" / name, _DIR / "b" / name])
    return text


def _same(one: Path, other: Path) -> bool:
    names = _files(one)
    return names == _files(other) and all(
        filecmp.cmp(one / n, other / n, shallow=False) for n in names
    )


def _refresh(_values: argparse.Namespace) -> int:
    if not (_DIR / "a").is_dir() or not (_DIR / "b").is_dir():
        raise Refused("nothing is laid out: scripts/hooks edit")
    for name in _files(_DIR / "b"):
        if not (_DIR / "a" / name).is_file():
            raise Refused(
                f"{_DIR}/b/{name} is none of the kernel's files: new ones belong into lab/kernel/files"
            )
    check, new = _DIR / "check", _DIR / "new.patch"
    shutil.rmtree(check, ignore_errors=True)
    shutil.copytree(_DIR / "a", check)
    text = _new_patch()
    new.write_text(text, encoding="utf-8")
    if not text or not _apply(check, new) or not _same(check, _DIR / "b"):
        shutil.rmtree(check)
        new.unlink()
        raise Refused(f"what is in {_DIR}/b makes no patch")
    write_whole(_PATCH, text)
    shutil.rmtree(_DIR)
    return 0


HOOKS = Command(
    "scripts/hooks",
    "edit [FILE...] | refresh",
    "lab/kernel/hooks.patch as files to edit, and back.",
    (
        Verb(
            "edit",
            "lay out the files of the kernel that the patch changes, as it changes them, and FILE of the kernel beside them; print the folder",
            _edit,
            "[FILE...]",
            words=True,
        ),
        Verb(
            "refresh",
            "write what was edited there back into the patch, and remove the folder",
            _refresh,
        ),
    ),
    """What lies in lab/kernel/files is edited there. Environment: KSRC (the kernel's tree).

Status: 0 done, 2 bad input; then neither patch nor folder was changed.""",
)
main = HOOKS.main
