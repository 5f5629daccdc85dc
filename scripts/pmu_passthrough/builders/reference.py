# SPDX-License-Identifier: GPL-2.0-only
"""What the reference patch (lab/kernel) makes of a kernel's source, file by file, and what
the last commit that touched it changed of that."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import process
from ..base.place import TOP, need_tool
from ..base.say import Refused

if TYPE_CHECKING:
    from ..mutation.patch import Patch

_FOLDER = "lab/kernel"
# Whoever owns the checkout.
_GIT = ["git", "-c", "safe.directory=*", "-C", str(TOP)]


def names(folder: Path = TOP / _FOLDER) -> list[str]:
    """The files of the kernel that are others, or new, with it."""
    hooks = (folder / "hooks.patch").read_text(encoding="utf-8")
    new = (folder / "files").rglob("*")
    return [
        *re.findall(r"^\+\+\+ b/(.*)$", hooks, re.MULTILINE),
        *(str(path.relative_to(folder / "files")) for path in sorted(new) if path.is_file()),
    ]


def _files(src: Path, folder: Path, wanted: list[str], out: Path) -> None:
    """Those of the source that are wanted, with the reference patch of a FOLDER."""
    for name in wanted:
        if (src / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(src / name, out / name)
    log = out.with_suffix(".log")
    command = ["patch", "-s", "-f", "-p1", "--no-backup-if-mismatch", "-d", out]
    if process.run([*command, "-i", folder / "hooks.patch"], log):
        raise Refused("the reference patch does not fit this kernel (it is made for 7.2 and 7.3)")
    shutil.copytree(folder / "files", out, dirs_exist_ok=True)


def _before(commit: str, out: Path) -> None:
    """lab/kernel as it was before a commit."""
    archive = out / "archive"
    command = [*_GIT, "archive", "-o", archive, f"{commit}^", _FOLDER]
    if process.run(command, out / "log") or process.run(
        ["tar", "-xf", archive, "-C", out], out / "log"
    ):
        raise Refused(f"this checkout does not have what was before its commit {commit[:12]}")


def last_change(src: Path) -> "Patch":
    """What the last commit that touched the reference patch, and what is not committed yet,
    changed of the reference kernel."""
    # What reads patches is asked only of who wants this.
    from ..mutation.patch import Patch

    need_tool("git", "what changed of the reference kernel")
    need_tool("patch", "the reference kernel")
    commit = process.output([*_GIT, "log", "-1", "--format=%H", "--", _FOLDER]).strip()
    if not commit:
        raise Refused(f"this checkout has no history of {_FOLDER}")
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        (where / "old").mkdir()
        _before(commit, where / "old")
        old, new = where / "old" / _FOLDER, TOP / _FOLDER
        wanted = list(dict.fromkeys([*names(old), *names(new)]))
        for name, of in (("a", old), ("b", new)):
            (where / name).mkdir()
            _files(src, of, wanted, where / name)
        command = ["git", "-C", folder, "diff", "--no-index", "--no-ext-diff", "--no-color"]
        prefixes = ["--no-renames", "--src-prefix=", "--dst-prefix="]
        text = process.said([*command, *prefixes, "a", "b"])
    if not text:
        raise Refused(f"commit {commit[:12]} changed nothing of the reference kernel")
    return Patch(text, f"the reference patch since {commit[:12]}^")
