# SPDX-License-Identifier: GPL-2.0-only
"""From the report of a boot, KTAP between lines of the lab's own, to results.

The report is what lab/init/init and scripts/host write: "@@lab fact KEY VALUE",
"@@lab program NAME", what that prints, "@@lab status N", and at last "@@lab end".
"""

import re
from pathlib import Path
from typing import Any

from ..base.place import text_of, write_whole
from .arrivals import Arrivals
from .console import complaint
from .model import CaseResult, Results

_NAMED = re.compile(
    r"# (?:conforms|violates|undecided|stale [^ ]+|known [^ ]+) ([MRED][0-9]+[a-z]?)"
)
_IN_NAME = re.compile(r"(?:^|_)([MRED][0-9]+)(?=_)")
_TOOK = re.compile(r"# took ([0-9.]+) ms(?:, ([0-9.]+) ms of it computing)?")
_BROKEN = re.compile(r"^# broken |terminated by |terminated unexpectedly")


def _outcome(line: str, said: list[str]) -> str:
    """A case that came to no verdict has not conformed, and a skip that is not one of
    ours (they all name a need) is a program that gave up."""

    def says(word: str) -> bool:
        return any(one.startswith(f"# {word} ") for one in said)

    if "# SKIP" in line:
        return "skip" if "# SKIP needs " in line else "broken"
    if "# XFAIL known " in line:
        return "known"
    if line.startswith("ok "):
        return "conforms" if says("conforms") else "broken"
    if any(_BROKEN.search(one) for one in said):
        return "broken"
    for word in ("violates", "undecided"):
        if says(word):
            return word
    return "broken"


def _rules(name: str, said: list[str]) -> list[str]:
    """What the verdicts name; of a case that came to none, what its name says."""
    named = [found[1] for line in said if (found := _NAMED.match(line))]
    return sorted(set(named or _IN_NAME.findall(name.split(".")[-1])))


def _comment(line: str) -> str:
    return re.sub(r"^[^#]*# (SKIP|XFAIL) *", "", line, count=1)


class Parser:
    """Takes a report line by line, each with the second at which it came, if that is
    known."""

    def __init__(self) -> None:
        self.durations: dict[str, float] = {}
        self.first_program: float | None = None
        self._now: float | None = None
        self._began: float | None = None
        self._program_began: float | None = None
        self._took: dict[str, float] = {}
        self.cases: list[CaseResult] = []
        self.facts: dict[str, str] = {}
        self.complete = False
        self.program = ""
        self.running = ""
        self._said: list[str] = []
        self._planned = -1
        self._seen = 0
        self._skipped = ""

    def _add(self, program: str, name: str, outcome: str, why: str, said: list[str]) -> None:
        durations = dict(self._took)
        if self._began is not None and self._now is not None:
            durations["real"] = round(self._now - self._began, 3)
        self.cases.append(
            CaseResult(program, name, _rules(name, said), outcome, why, said, durations)
        )
        self._took, self._began = {}, None

    def take(self, line: str, at: float | None = None) -> None:
        self._now = at
        if line.startswith("@@lab "):
            self._take_ours(line[6:])
        elif self.program:
            self._take_ktap(line)

    def _take_ours(self, words: str) -> None:
        what, _, rest = words.partition(" ")
        if what == "fact":
            key, _, value = rest.partition(" ")
            self.facts[key] = value
        elif what == "program":
            self.program, self.running, self._said = rest, "", []
            self._planned, self._seen, self._skipped = -1, 0, ""
            self._took, self._began, self._program_began = {}, None, self._now
            if self.first_program is None:
                self.first_program = self._now
        elif what == "status":
            self._finish_program(rest)
        elif words.startswith("end"):
            self.complete = True

    def _take_ktap(self, line: str) -> None:
        if line.startswith("1..0 # SKIP"):
            self._skipped, self._planned = _comment(line), 0
            self._add(self.program, "all", "skip", self._skipped, [])
        elif re.fullmatch(r"1\.\.[0-9]+", line):
            self._planned = int(line[3:])
        elif line.startswith("#  RUN  "):
            self.running, self._said = (line[8:].split() or ["?"])[0], []
            self._took, self._began = {}, self._now
        elif took := _TOOK.fullmatch(line):
            named = zip(("took", "computing"), took.groups())
            self._took = {name: round(float(ms) / 1000, 6) for name, ms in named if ms}
        elif re.match("(not )?ok [0-9]+", line):
            self._finish_case(line)
        elif not re.match(r"#  +(OK|FAIL|XFAIL|SKIP)  |(TAP|KTAP) version", line):
            self._said.append(line)

    def _finish_case(self, line: str) -> None:
        found = re.match(r"(?:not )?ok [0-9]+ *-? *([^ #]+)", line)
        name = found[1] if found else self.running or "?"
        outcome = _outcome(line, self._said)
        why = _comment(line) if outcome in ("skip", "known") else ""
        self._add(self.program, name, outcome, why, self._said)
        self._said, self.running = [], ""
        self._seen += 1

    def _finish_program(self, status: str) -> None:
        """It owes a result for every case that it planned."""
        if self._program_began is not None and self._now is not None:
            self.durations[self.program] = round(self._now - self._program_began, 3)
        if self.running:
            why = f"ended without a result, status {status}"
            self._add(self.program, self.running, "broken", why, self._said)
            self._seen += 1
        if self._planned > self._seen:
            why = f"{self._planned} cases planned, {self._seen} reported, status {status}"
            self._add(self.program, "plan", "broken", why, self._said)
        elif self._planned < 0 and not self._skipped:
            self._add(
                self.program, "plan", "broken", f"ended without a plan, status {status}", self._said
            )
        self.program, self.running, self._said = "", "", []

    def finish(self, ended: str, console: str) -> None:
        """The report is over. ENDED says how the boot ended: "yes" by itself, "no" at
        its deadline, "stopped" after a failure; CONSOLE, of what the kernel complained."""
        if not self.complete and not (ended == "stopped" and not console):
            why = f"the kernel stopped: {console}" if console else "the deadline passed"
            if not console and ended == "yes":
                why = "the emulator ended early"
            what = self.running or "between cases"
            if not self.running and not self.program and not self.facts:
                what = "before the first program"
            self._add(
                self.program or "boot", what, "violates" if console else "broken", why, self._said
            )
        heard = any(line.startswith("#   log ") for case in self.cases for line in case.said)
        if self.complete and console and not heard:
            self._add("boot", "kernel_log", "violates", console, [])


def parse(
    report: str,
    ended: str,
    console: str,
    context: dict[str, Any],
    arrivals: Arrivals | None = None,
) -> Results:
    """The results of a report. A boot that was ended from outside may end in the middle
    of a line, which is left out.

    arrivals -- when its lines came
    """
    parser = Parser()
    for number, line in enumerate(report.split("\n")[:-1]):
        parser.take(line.rstrip("\r"), arrivals.of_line(number) if arrivals else None)
    parser.finish(ended, console)
    if arrivals:
        context = context | {
            "durations": {
                "real": arrivals.seconds,
                "before_programs": parser.first_program or arrivals.seconds,
                "computing": arrivals.computing,
                "programs": parser.durations,
            }
        }
    spoken = _spoken(parser.facts, context["contract"])
    return Results(context, spoken, parser.facts, parser.complete, parser.cases)


def _spoken(facts: dict[str, str], asked: str) -> str:
    """The contract by which the programs judged."""
    said = facts.get("pmu_contract", "")
    if said and " " not in said:
        return said
    return facts.get("/sys/module/perf_guest/parameters/contract", asked)


def _lines_of(report: list[str], mark: str) -> str:
    return "".join(f"{line[len(mark):]}\n" for line in report if line.startswith(mark))


def make(out: Path, ended: str, context: dict[str, Any]) -> Results:
    """What a boot left in the folder OUT, as results.json there, with the KTAP, the
    kernel's log and configuration that were in the report beside it."""
    report = text_of(out / "report.log").replace("\r", "")
    lines = report.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    write_whole(
        out / "results.ktap",
        "".join(f"{line}\n" for line in lines if not line.startswith("@@lab ")),
    )
    log = _lines_of(lines, "@@lab dmesg ")
    write_whole(out / "kernel.log", log or text_of(out / "console.log"))
    if config := _lines_of(lines, "@@lab config "):
        write_whole(out / "config", config)
    results = parse(
        report, ended, complaint(text_of(out / "console.log")), context, Arrivals.read(out)
    )
    results.write(out / "results.json")
    return results
