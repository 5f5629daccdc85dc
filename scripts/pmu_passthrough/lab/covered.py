# SPDX-License-Identifier: GPL-2.0-only
"""What a run of the suite executed of a kernel that counts it: its report has the data of
gcov, at the end."""

import base64
import binascii
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base import process
from ..base.place import need_tool, temporary_folder, text_of
from ..base.say import Refused


def _data(report: str) -> Iterator[tuple[str, bytes]]:
    """The files, by their path below the folder of objects."""
    name, lines = "", list[str]()
    for line in report.replace("\r", "").splitlines():
        if line.startswith("@@lab executed "):
            name, lines = line.rpartition("/obj/")[2], []
        elif line.startswith("@@lab data "):
            lines.append(line[11:])
        elif line.startswith("@@lab executed-end") and name:
            try:
                yield name, base64.b64decode("".join(lines), validate=True)
            except binascii.Error:
                raise Refused(f"what was executed of {name} did not come whole") from None
            name = ""


def executed(built: Path, out: Path) -> list[dict[str, Any]]:
    """What gcov says of each file that the kernel in the folder BUILT counts, after the run
    whose results are in OUT: as "gcov --json-format" has it (gcov(1))."""
    need_tool("gcov", "what is executed")
    found, where = [], temporary_folder()
    for name, data in _data(text_of(out / "report.log")):
        notes = built / "notes" / Path(name).with_suffix(".gcno")
        if not notes.is_file():
            continue
        (where / "one.gcda").write_bytes(data)
        shutil.copy(notes, where / "one.gcno")
        command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", "one.gcda"]
        said = process.output(["env", "-C", where, *command])
        try:
            found.append(json.loads(said))
        except ValueError:
            raise Refused(f"gcov cannot read what was executed of {name}") from None
    if not found:
        raise Refused(f"the run in {out} does not say what was executed")
    return found
