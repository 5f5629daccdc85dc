# SPDX-License-Identifier: GPL-2.0-only
"""The rules of the model, in words."""

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.place import TOP, Lock, build_folder, need_tool, text_of, write_whole
from ..base.say import Refused


# The kernel says nothing: a case asks it whatever it is about, so a complaint tells of no
# function, and of no rule, what is wrong.
COMPLAINT = "M55"


@dataclass(frozen=True)
class Rule:
    """A rule, or what is asked beside one (M23.page)."""

    name: str
    sentence: str
    source: str
    document: str

    @property
    def number(self) -> str:
        return self.name.split(".")[0]

    @property
    def is_aspect(self) -> bool:
        return "." in self.name


def rank(rule: str) -> tuple[int, int, str]:
    """M before R before E before D, and 2 before 10."""
    found = re.match(r"(.)([0-9]+)(.*)", rule, re.DOTALL)
    if not found:
        return 4, 0, rule[1:]
    return {"M": 0, "R": 1, "E": 2, "D": 3}.get(found[1], 4), int(found[2]), found[3]


def _tool() -> Path:
    """The program that prints the model's rules, built if they changed."""
    tool = build_folder() / "rules"
    log, stamp = tool.with_suffix(".log"), tool.with_suffix(".made-of")
    sources = [TOP / "lib/tools/rules.c", *sorted((TOP / "lib/contract").glob("*.[ch]"))]
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    with Lock(tool.with_suffix(".lock")).take("another build"):
        if not tool.exists() or text_of(stamp) != state:
            need_tool("gcc", "the list of rules")
            part = tool.with_suffix(".part")
            compiled = [path for path in sources if path.suffix == ".c"]
            if process.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-o", part, *compiled], log):
                raise Refused(f"cannot build the list of rules; see {log}")
            part.replace(tool)
            write_whole(stamp, state)
    return tool


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """All that the model has, sorted by number."""
    said = process.output([_tool()])
    rows = [line.split("\t") for line in said.splitlines()]
    if not rows or any(len(row) != 4 for row in rows):
        raise Refused(f"{_tool()} lists no rules: remove it")
    return tuple(Rule(*row) for row in rows)


def sentences() -> dict[str, str]:
    return {rule.name: rule.sentence for rule in all_rules()}


def read_sentences(path: Path) -> dict[str, str]:
    """Those that were stored beside programs (words.json)."""
    try:
        words = json.loads(text_of(path))
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise Refused(f"{path} has no sentences of rules")
    return {str(rule): str(words[rule]) for rule in words}


def as_json() -> str:
    return json.dumps(sentences(), indent=2, ensure_ascii=False)
