# SPDX-License-Identifier: GPL-2.0-only
"""The manual pages: one a command, from what it says of itself, and the overview."""

import re
from pathlib import Path

from ..base import process
from ..base.options import Parser
from ..base.place import TOP, folder, need_tool, temporary_folder, text_of, write_whole
from ..base.say import Refused

# Command, what it is in a line, and whether it has verbs.
_PAGES = (
    ("lab", "PMU passthrough conformance in an emulated host", True),
    ("host", "PMU passthrough conformance of this machine", True),
    ("report", "results of pmu_passthrough for others to read", True),
    ("ksft", "pmu_passthrough as a kselftest target of a kernel tree", True),
    ("bisect", "a step of git bisect run, judged by pmu_passthrough", False),
    ("mutants", "does pmu_passthrough notice broken kernels", False),
    ("soak", "are the verdicts of pmu_passthrough flaky", False),
    ("explore", "random histories of events and guests, with a model", False),
)


def _page(out: Path, name: str, words: str, verbs: bool, version: str) -> None:
    page = out / f"pmu-passthrough-{name}.1"
    command: process.Words = [
        *("help2man", "--no-info", "--no-discard-stderr", "--section", "1", "--name", words),
        *("--version-string", f"pmu_passthrough {version}", "--source", "pmu_passthrough"),
        *(
            "--help-option",
            "--help-all" if verbs else "--help",
            "--output",
            page,
            TOP / "scripts" / name,
        ),
    ]
    if process.run(command):
        raise Refused(f"no page for scripts/{name}")
    # As the command is called where a package installed it.
    called = f"pmu-passthrough-{name}"
    text = re.sub(rf"scripts/{name}\b", called, page.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^\.TH [^ ]*", f".TH {called.upper()}", text)
    text = re.sub(rf"(?m)^\.B {name}$", f".B {called}", text)
    text = re.sub(r"(?m)^pmu_passthrough \\-", rf"{called} \\-", text)
    page.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    made = Parser(
        "scripts/man",
        "[FOLDER]",
        "Make the manual pages, in build/man or in FOLDER.",
        "Status: 0, 2 bad input.",
    )
    made.add_argument("folder", nargs="?", default=str(TOP / "build/man"))
    out = Path(made.take(arguments).folder)
    need_tool("help2man", "the manual pages")
    version = re.sub(r".*\((.*)\).*", r"\1", text_of(TOP / "debian/changelog").partition("\n")[0])
    folder(out, "to")
    made_in = temporary_folder()
    for name, words, verbs in _PAGES:
        _page(made_in, name, words, verbs, version)
    for page in (*sorted(made_in.glob("*.1")), TOP / "docs/pmu_passthrough.7"):
        write_whole(out / page.name, page.read_bytes())
    return 0
