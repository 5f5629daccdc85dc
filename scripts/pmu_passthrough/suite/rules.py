# SPDX-License-Identifier: GPL-2.0-only
"""The rules of the model, in words."""

import functools
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..base import process
from ..base.place import TOP, Lock, build_folder, need_tool
from ..base.say import Refused

NUMBER = re.compile(r"[RMED][0-9]+[a-z]?")


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
    """M before R before D, and 2 before 10."""
    found = re.match(r"(.)([0-9]+)(.*)", rule, re.DOTALL)
    if not found:
        return 3, 0, rule[1:]
    return {"M": 0, "R": 1, "D": 2}.get(found[1], 3), int(found[2]), found[3]


def _tool() -> Path:
    """The program that prints the model's rules, built if they changed."""
    tool = build_folder() / "rules"
    sources = [p for d in ("lib/contract", "lib/tools") for p in (TOP / d).iterdir()]
    with Lock(tool.with_suffix(".lock")).take("another build"):
        if not tool.exists() or any(p.stat().st_mtime > tool.stat().st_mtime for p in sources):
            need_tool("gcc", "the list of rules")
            handle, part = tempfile.mkstemp(dir=tool.parent)
            os.close(handle)
            compiled = [TOP / "lib/tools/rules.c", *sorted((TOP / "lib/contract").glob("*.c"))]
            if process.run(
                ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-o", part, *compiled],
                tool.with_suffix(".log"),
            ):
                os.unlink(part)
                raise Refused(f"cannot build the list of rules; see {tool.with_suffix('.log')}")
            os.replace(part, tool)
    return tool


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """All that the model has, sorted by number."""
    said = process.output([_tool()])
    return tuple(Rule(*line.split("\t")) for line in said.splitlines())


def sentences() -> dict[str, str]:
    return {rule.name: rule.sentence for rule in all_rules()}


def read_sentences(path: Path) -> dict[str, str]:
    """Those that were stored beside programs (words.json)."""
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Refused(f"{path} has no sentences of rules") from None
    return {str(rule): str(words[rule]) for rule in words}


def as_json() -> str:
    return json.dumps(sentences(), indent=2, ensure_ascii=False)
