# SPDX-License-Identifier: GPL-2.0-only
"""A run's results, as docs/results.schema.json describes them."""

import functools
import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ..base.place import TOP, reason, write_whole
from ..base.say import Refused
from ..suite.renamed import case_now, now
from .schema import Schema

OUTCOMES = ("conforms", "known", "violates", "broken", "undecided", "skip")
FAILURES = ("violates", "broken", "undecided")
_STALE = re.compile(r"# stale ([^ ]+) ([^ ]+)")
_KNOWN = re.compile(r"# known ([^ ]+) ([^ :]+)")
_NAMED = re.compile(r"# (?:violates|undecided) ([MRED][0-9]+[a-z]?)")


def moment(ago: float = 0) -> str:
    """Now, or so many seconds before, as "started" has it."""
    then = datetime.now(timezone.utc) - timedelta(seconds=ago)
    return then.isoformat(timespec="seconds")


@dataclass
class CaseResult:
    """One case: what became of it, and what it said."""

    program: str
    case: str
    rules: list[str]
    outcome: str
    reason: str = ""
    said: list[str] = field(default_factory=list)
    # In seconds: "took" and "computing" of it, by the machine's own clock; "real", by
    # that of who emulates it. What is not known is not there.
    durations: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took for who waited, as far as that is known."""
        return self.durations.get("real", self.durations.get("took", 0.0))

    @property
    def name(self) -> str:
        return f"{self.program}:{self.case}"

    @property
    def failed(self) -> bool:
        return self.outcome in FAILURES

    @property
    def defect(self) -> str:
        """Of a known defect, its number."""
        return self.reason.removeprefix("known ").split(" ")[0]

    def headline(self) -> str:
        """The first line that says what went wrong, without its mark."""
        for line in self.said:
            if re.match("# (violates|undecided|broken|known) ", line):
                return line[2:]
        return self.reason

    def named_rules(self) -> list[str]:
        """Those that it found violated or undecided."""
        return sorted({found[1] for line in self.said if (found := _NAMED.match(line))})

    def violated_rules(self) -> list[str]:
        return [rule for rule in self.named_rules() if self.outcome_of(rule) == "violates"]

    def outcome_of(self, rule: str) -> str:
        """What it says of one of its rules: it may ask several."""
        if self.outcome in ("broken", "skip"):
            return self.outcome
        for word in ("violates", "undecided", "known", "conforms"):
            says = re.compile(rf"# {word} ([^ ]+ )?{re.escape(rule)}(\.[a-z]+)?(:|$)")
            if any(says.match(line) for line in self.said):
                return word
        return self.outcome

    @classmethod
    def of(cls, value: dict[str, Any]) -> "CaseResult":
        named = {
            name: value[name] for name in ("program", "case", "rules", "outcome", "reason", "said")
        }
        return cls(**named, durations=value.get("durations", {}))


@dataclass
class Results:
    """One run of the suite on one kernel under one contract. CONTEXT has what is known
    of it beside its cases: machine, kernel, command, ..."""

    context: dict[str, Any]
    contract: str
    facts: dict[str, str]
    complete: bool
    cases: list[CaseResult]

    @property
    def machine(self) -> str:
        return str(self.context["machine"])

    @property
    def fault(self) -> str:
        return str(self.context.get("fault", ""))

    @property
    def release(self) -> str:
        return self.facts.get("release", "?")

    @property
    def totals(self) -> dict[str, int]:
        return {name: sum(case.outcome == name for case in self.cases) for name in OUTCOMES}

    @property
    def failures(self) -> int:
        return sum(case.failed for case in self.cases)

    @property
    def stale(self) -> list[dict[str, str]]:
        """Known defects that did not show; one that showed anywhere is none."""
        said = [line for case in self.cases for line in case.said]
        absent = {found.groups() for line in said if (found := _STALE.match(line))}
        shown = {found.groups() for line in said if (found := _KNOWN.match(line))}
        return [{"defect": defect, "rule": rule} for defect, rule in sorted(absent - shown)]

    @property
    def verdict(self) -> str:
        totals = self.totals
        for name in FAILURES:
            if totals[name]:
                return name
        if not totals["conforms"]:
            return "broken"
        return "conforms but for known defects" if totals["known"] else "conforms"

    @property
    def outcome(self) -> str:
        """The verdict in the words of its cases."""
        return "known" if self.verdict == "conforms but for known defects" else self.verdict

    @property
    def passes(self) -> bool:
        """Everything that ran conforms, something did, and the run came to its end."""
        return self.complete and self.verdict.startswith("conforms")

    @property
    def fails_without_a_case(self) -> bool:
        """Nothing ran, or not to the end, and no case says so."""
        return not self.passes and (not self.complete or not self.failures)

    def programs(self) -> list[str]:
        """In the order in which they ran."""
        return list(dict.fromkeys(case.program for case in self.cases))

    def value(self) -> dict[str, Any]:
        cases = [vars(case) for case in self.cases]
        return (
            {"schema": 1}
            | self.context
            | {"contract": self.contract, "facts": self.facts, "complete": self.complete}
            | {"totals": self.totals, "stale": self.stale, "cases": cases, "verdict": self.verdict}
        )

    def write(self, path: Path) -> None:
        text = json.dumps(self.value(), indent=2, ensure_ascii=False).replace("\x7f", "\\u007f")
        write_whole(path, text + "\n")

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Results":
        """Of what has the published form."""
        known = ("schema", "contract", "facts", "complete", "totals", "stale", "cases", "verdict")
        return cls(
            {name: value[name] for name in value if name not in known},
            value["contract"],
            value["facts"],
            value["complete"],
            [CaseResult.of(case) for case in value["cases"]],
        )


@functools.cache
def schema() -> Schema:
    return Schema(json.loads((TOP / "docs/results.schema.json").read_text(encoding="utf-8")))


def _renewed(value: Any) -> None:
    """Results of an earlier version, under the names of today."""
    if isinstance(value, dict) and isinstance(value.get("contract"), str):
        value["contract"] = now(value["contract"])
        for case in value["cases"] if isinstance(value.get("cases"), list) else ():
            if (
                isinstance(case, dict)
                and isinstance(case.get("program"), str)
                and isinstance(case.get("case"), str)
            ):
                case["program"], case["case"] = case_now(case["program"], case["case"])


def complaint(value: Any) -> str | None:
    """What is wrong with a value as results, None if nothing is: beside its form, that
    it counts its own cases."""
    wrong = schema().complaint(value)
    if wrong is None:
        made = Results.of(value)
        known = [case for case in made.cases if case.outcome == "known"]
        if not all(re.match(r"known \S", case.reason) for case in known):
            return "/cases: a known defect without its number"
        if (made.totals, made.verdict) != (value["totals"], value["verdict"]):
            return "/totals: not those of the cases"
    return wrong


# No run says more, in bytes.
_MOST = 256 << 20


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which each name stands once: of two one would be hidden."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _read(path: Path) -> Any:
    if not path.is_file():
        raise Refused(f"{path} is no file that can be read")
    if path.stat().st_size > _MOST:
        raise ValueError("too long")
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        text = file.read(_MOST)
    value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    # Half a character is none.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def files_in(folder: Path) -> list[Path]:
    """The results of the run in a folder, or of those that a run of several machines,
    kernels and contracts left below it."""
    for depth in ("", "*/", "*/*/", "*/*/*/"):
        if found := sorted(folder.glob(f"{depth}results.json")):
            return found
    raise Refused(f"{folder} has no results.json")


def load(path: Path, renew: bool = False) -> Results:
    """The results in a file; refused if it is none. With RENEW, those of an earlier
    version get the names of today."""
    try:
        value = _read(path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {reason(error)}") from None
    except (ValueError, RecursionError, MemoryError):
        raise Refused(f"{path} is no results.json of this suite, or not a whole one") from None
    if renew:
        _renewed(value)
    wrong = complaint(value)
    if wrong:
        raise Refused(f"{path} is no results.json of this suite, or not a whole one ({wrong})")
    return Results.of(value)


def worst(outcomes: list[str]) -> str:
    """Of several outcomes the one that counts."""
    for name in ("violates", "broken", "undecided", "known", "conforms"):
        if name in outcomes:
            return name
    return "skip"


def _joined_durations(boots: list[dict[str, Any]]) -> dict[str, Any]:
    """Boots that ran side by side: the longest, what all of them computed."""
    return {
        "real": max(boot["real"] for boot in boots),
        "before_programs": max(boot["before_programs"] for boot in boots),
        "computing": round(sum(boot["computing"] for boot in boots), 3),
        "programs": {name: took for boot in boots for name, took in boot["programs"].items()},
    }


def joined(runs: list[Results]) -> Results:
    """The results of several boots as those of one."""
    first = runs[0]
    context = dict(first.context)
    context["boot_seconds"] = max(run.context["boot_seconds"] for run in runs)
    started = [run.context["started"] for run in runs if "started" in run.context]
    if started:
        context["started"] = min(started)
    context["command"] = "\n".join(run.context["command"] for run in runs)
    measured = [run.context["durations"] for run in runs if "durations" in run.context]
    if measured:
        context["durations"] = _joined_durations(measured)
    return Results(
        context,
        first.contract,
        first.facts,
        all(run.complete for run in runs),
        [case for run in runs for case in run.cases],
    )
