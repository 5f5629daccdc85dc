# SPDX-License-Identifier: GPL-2.0-only
"""The lab's models as series of patches, for the projects of its emulators."""

import argparse
from pathlib import Path

from ..base.options import Parser, complete, not_empty
from ..base.place import Lock, build_folder, folder
from ..base.say import Refused
from ..lab.bochs import Bochs
from ..lab.emulator import Emulator
from ..lab.qemu import Qemu
from ..series import written
from ..series.description import Series, names

_EMULATORS: dict[str, type[Emulator]] = {"bochs": Bochs, "qemu": Qemu}


def parser() -> Parser:
    made = Parser(
        "scripts/series",
        "NAME [--out DIR]",
        """Write what the lab adds to an emulator (NAME: bochs or qemu) as a series of patches for
that emulator's project, with its usual lines of context, and print the names of the mails.

upstream/NAME/series.toml says which line of lab/NAME goes into which patch, and why one
is left out. Each patch is a commit, on the source that the lab builds from. The author is
who git says you are, and nothing is signed off: "git am -s" does that.""",
        "Environment: QEMU_SRC, BOCHS_SRC (the emulator's source).\n\nStatus: 0, 2 bad input.",
    )
    made.add_argument("name", nargs="*", help=argparse.SUPPRESS)
    made.add_argument(
        "--out", metavar="DIR", type=not_empty, help="where to (default build/series/NAME)"
    )
    return made


def main(arguments: list[str]) -> int:
    complete(parser)
    values = parser().take(arguments)
    if len(values.name) != 1 or values.name[0] not in names():
        raise Refused(f"wants one of {', '.join(names())}")
    name = values.name[0]
    out = Path(values.out) if values.out else build_folder("series") / name
    if values.out and out.exists():
        raise Refused(f"{out} is there already")
    folder(out.parent, "to")
    series, who = Series(name), written.sender()
    source = _EMULATORS[name]().source()
    with Lock(build_folder() / "series.lock").take("another scripts/series"):
        for path in written.write(series, source, out, who):
            print(path)
    return 0
