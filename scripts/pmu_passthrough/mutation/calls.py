# SPDX-License-Identifier: GPL-2.0-only
"""Which function calls which, so that a rule that names a function as its source has the
helpers of that as well."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.place import text_of, write_whole
from .table import rules_of

# Beside a kernel with mutants.
CALLS = "calls.json"


@dataclass(frozen=True)
class Calls:
    """callers -- of a function, those that call it"""

    callers: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Calls":
        """PAIRS: each a caller and what it calls."""
        found: dict[str, set[str]] = defaultdict(set)
        for caller, called in pairs:
            found[called].add(caller)
        return cls({name: frozenset(these) for name, these in found.items()})

    @classmethod
    def load(cls, path: Path) -> "Calls":
        """What a build left there; nothing, if it left none."""
        value = json.loads(text_of(path) or "{}")
        return cls({name: frozenset(these) for name, these in value.items()})

    def write(self, path: Path) -> None:
        value = {name: sorted(these) for name, these in sorted(self.callers.items())}
        write_whole(path, json.dumps(value, indent=1) + "\n")

    def rules_of(self, function: str) -> frozenset[str]:
        """The numbers of the rules whose source the function is; of one that none names, of
        those that call it."""
        found: set[str] = set()
        seen, left = {function}, [function]
        while left:
            one = left.pop()
            named = rules_of(one)
            found |= named
            if not named:
                new = self.callers.get(one, frozenset()) - seen
                seen |= new
                left += new
        return frozenset(found)
