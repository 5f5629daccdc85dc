# SPDX-License-Identifier: GPL-2.0-only
"""What the suite is worth: break the reference kernel in one way after the other and see
which cases notice. Every fault belongs to a rule; one that the cases of that rule do not
kill is a hole in the suite."""

import functools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..base import say
from ..base.place import columns, write_whole
from ..base.say import Refused
from ..lab.folder import RunFolder, remove_run
from ..lab.machine import machine
from ..lab.request import Request
from ..lab.trials import Trial, Tried, try_faults
from ..results.model import Results, load
from ..suite import cases
from ..suite.faults import Fault
from ..suite.rules import COMPLAINT
from .engine import Matrix

# What goes into one boot: not so much that the machine's cores wait for one.
_A_BOOT = 10
_FAULT_FILE = "/sys/module/perf_guest/parameters/fault"


@functools.cache
def killing_cases() -> dict[str, str]:
    """The case that killed each fault last time, "program:fixture.variant.case"."""
    return {fault: case for fault, case in columns("killing-cases.list")}


@functools.cache
def equivalent() -> frozenset[str]:
    """Faults that nothing can notice, argued."""
    return frozenset(row[0] for row in columns("equivalent-mutants.list"))


def of_rule(rule: str) -> str:
    """The cases named after a rule, as a glob."""
    return f"*{rule}_*"


def killers(results: Results) -> list[tuple[str, list[str]]]:
    """Cases that failed, with the rules that they named. A case that could not do its
    work has killed nothing; a kernel that stopped, or complained, is killed by the case in
    which it did."""
    found = []
    for case in results.cases:
        named = case.named_rules()
        if case.outcome in ("violates", "undecided"):
            found.append((case.name, case.rules if named in ([], [COMPLAINT]) else named))
    return found


def killer(results: Results, rule: str = "") -> str:
    """The first case that named the rule, or, with no rule, the first at all."""
    return next((case for case, named in killers(results) if not rule or rule in named), "")


def check_fault(results: Results, fault: Fault, where: Path) -> None:
    if results.facts.get(_FAULT_FILE) != fault.name:
        raise Refused(f"the kernel does not say that it has the fault {fault.name}; see {where}")


@dataclass(frozen=True)
class Row:
    """What became of a fault: killed, elsewhere (by no case of its rule), survived or
    equivalent."""

    fault: Fault
    verdict: str
    case: str

    def text(self) -> str:
        fault = self.fault
        return f"{fault.name:<20} {fault.rule:<5} {self.verdict:<10} {self.case or '-':<58} {fault.words}"

    def columns(self) -> str:
        fault = self.fault
        return (
            "\t".join((fault.name, fault.rule, self.verdict, self.case or "-", fault.words)) + "\n"
        )


@dataclass(frozen=True)
class _Part:
    """Faults that are tried in one boot."""

    machine: str
    contract: str
    number: str
    trials: tuple[Trial, ...]

    @property
    def name(self) -> str:
        return f"{self.machine}/{self.contract}/{self.number}"


class Mutants:
    """The matrix of faults.

    wanted -- the faults
    all_of -- "": the first case that kills; "own": every case of the rule; "all": every case
    """

    def __init__(self, matrix: Matrix, wanted: list[Fault], all_of: str = "") -> None:
        self._matrix, self._wanted, self._all_of = matrix, wanted, all_of
        self._out = matrix.out
        self.rows: dict[str, Row] = {}

    def forget(self) -> None:
        for fault in self._wanted:
            for suffix in ("", ".trial", ".rule", ".whole"):
                if (self._out / f"{fault.name}{suffix}").exists():
                    remove_run(self._out / f"{fault.name}{suffix}")
        for path in self._out.glob("none-*"):
            remove_run(path)

    def judge_all(self) -> None:
        """Many faults in a boot first, then those that no trial killed, each in boots of
        its own. What takes long begins first: nobody waits for it at the end."""
        first: list[Callable[[], None]] = [
            functools.partial(self._judge, fault) for fault in self._wanted if fault.how == "debug"
        ]
        if not self._all_of:
            parts = sorted(self._plan(), key=lambda part: part.name, reverse=True)
            plan = "".join(f"{p.name} {t.fault.name}={t.case}\n" for p in parts for t in p.trials)
            write_whole(self._out / "plan", plan)
            first += [functools.partial(self._try_part, part) for part in parts]
        self._matrix.each(lambda task: task(), first)
        alone = [fault for fault in self._wanted if fault.name not in self.rows]
        places = sorted({(fault.machine, fault.contract) for fault in alone})
        self._matrix.each(lambda place: self._baseline(alone, *place), places)
        self._matrix.each(self._judge, alone)

    def _plan(self) -> list[_Part]:
        """Faults that have a case to begin with, dealt out to boots."""
        parts: list[_Part] = []
        together: dict[tuple[str, str], list[Trial]] = defaultdict(list)
        for fault in self._wanted:
            if fault.how in ("boot", "debug") or fault.name not in killing_cases():
                continue
            trial = Trial(fault, cases.exact(killing_cases()[fault.name]))
            if fault.how == "alone":
                number = f"alone-{sum(p.machine == fault.machine and p.contract == fault.contract for p in parts) + 1}"
                parts.append(_Part(fault.machine, fault.contract, number, (trial,)))
            else:
                together[fault.machine, fault.contract].append(trial)
        for (name, contract), trials in together.items():
            for at in range(0, len(trials), _A_BOOT):
                parts.append(
                    _Part(name, contract, str(at // _A_BOOT), tuple(trials[at : at + _A_BOOT]))
                )
        return parts

    def _trial_folder(self, fault: Fault) -> Path:
        return self._out / f"{fault.name}.trial"

    def _tried(self, trial: Trial) -> bool:
        return self._matrix.has(self._trial_folder(trial.fault), str(trial.case))

    def _try_part(self, part: _Part) -> None:
        """All of a part, in as many boots as it takes: one ends early when a fault leaves
        something behind."""
        where = self._out / f"trials-{part.name.replace('/', '-')}"
        request = Request(machine(part.machine), contract=part.contract, variant="reference")
        while True:
            left = [trial for trial in part.trials if not self._tried(trial)]
            for trial in part.trials:
                if trial not in left:
                    self._row_of_trial(trial)
            if not left:
                return
            lines: list[str] = []
            try:
                with say.kept_for_later(lines):
                    tried = try_faults(request, left, where)
            except Refused as refusal:
                raise Refused(f"no result in {where}: {refusal}") from None
            table = "".join(f"{one.row()}\n" for one in tried)
            (where / "table").write_text(table, encoding="utf-8")
            for name in ("initrd", "disk.iso"):
                (where / name).unlink(missing_ok=True)
            for one in tried:
                self._keep(one, where)
            # The first in a fresh kernel has nobody to blame.
            if not self._tried(left[0]):
                case = left[0].case
                raise Refused(
                    f"the case {case} does not conform on the kernel without a fault; see {where}/table"
                )

    def _keep(self, tried: Tried, where: Path) -> None:
        name = tried.trial.fault.name
        # What cannot be asked here leaves its control: that is an answer.
        made = where / (f"{name}.control" if "cannot be asked" in tried.words else name)
        if (made / "results.json").exists():
            kept = self._trial_folder(tried.trial.fault)
            if kept.exists():
                remove_run(kept)
            made.rename(kept)
            self._matrix.mark(kept, str(tried.trial.case))

    def _row_of_trial(self, trial: Trial) -> None:
        """Its row, if the trial killed it."""
        where = self._trial_folder(trial.fault)
        results = load(where / "results.json")
        if results.fault != trial.fault.name:
            return
        check_fault(results, trial.fault, where)
        found = killer(results, trial.fault.rule)
        if found:
            for suffix in ("", ".rule", ".whole"):
                if (self._out / f"{trial.fault.name}{suffix}").exists():
                    remove_run(self._out / f"{trial.fault.name}{suffix}")
            self._row(trial.fault, "killed", found)

    def _row(self, fault: Fault, verdict: str, case: str) -> None:
        row = self.rows[fault.name] = Row(fault, verdict, case)
        where = self._out / fault.name
        if not where.exists():
            with RunFolder(where):
                self._matrix.mark(where, "")
        write_whole(where / "row", row.columns())
        print(row.text(), flush=True)
        # Once in ten faults, where nobody takes it for a result.
        if len(self.rows) % 10 == 0:
            self._matrix.progress(len(self.rows), len(self._wanted))

    def _asked_first(self, fault: Fault) -> str:
        """The case that killed it last time, or all of its rule."""
        killing = "" if self._all_of else killing_cases().get(fault.name, "")
        return cases.without_variant(killing) if killing else of_rule(fault.rule)

    def _request(self, fault: Fault, seconds: int) -> Request:
        named = machine(fault.machine)
        return Request(
            named,
            contract=fault.contract,
            variant="reference",
            fault=fault.name,
            stop_at=fault.rule,
            timeout=seconds * named.slowness,
        )

    def _first_request(self, fault: Fault) -> Request:
        # A broken kernel may hang; the cases of a rule take seconds.
        request = replace(self._request(fault, 90), filter=self._asked_first(fault))
        if fault.how == "debug":
            return replace(request, variant="debug", stop_at="any", timeout=0)
        if self._all_of == "all":
            return replace(self._request(fault, 900), stop_at="")
        if self._all_of:
            return replace(request, stop_at="", timeout=300 * request.machine.slowness)
        return request

    def _fault_run(self, fault: Fault, where: Path, request: Request, may_hang: bool) -> Results:
        # What ended early without a reason of the kernel's is no result, unless others
        # are asked after this.
        def check(results: Results) -> None:
            noticed = results.totals["violates"] + results.totals["undecided"]
            if not (results.complete or noticed or may_hang):
                raise Refused(f"the run in {where} did not come to its end; see {where}/table")

        results = self._matrix.run(where, request, check)
        check_fault(results, fault, where)
        return results

    def _judge(self, fault: Fault) -> None:
        where = self._out / fault.name
        more = not self._all_of and fault.rule != "R6"
        results = self._fault_run(fault, where, self._first_request(fault), may_hang=more)
        found = killer(results, fault.rule)
        stages = []
        if not found and more:
            if self._asked_first(fault) != of_rule(fault.rule):
                stages.append("rule")
            if fault.name not in equivalent():
                stages.append("whole")
        for stage in stages:
            if found:
                break
            self._stage_baseline(stage, fault)
            seconds = 150 if stage == "rule" else 600
            request = replace(
                self._request(fault, seconds), filter=of_rule(fault.rule) if stage == "rule" else ""
            )
            results = self._fault_run(
                fault, self._out / f"{fault.name}.{stage}", request, may_hang=False
            )
            found = killer(results, fault.rule)
        if not stages and found:
            for suffix in (".rule", ".whole"):
                if (self._out / f"{fault.name}{suffix}").exists():
                    remove_run(self._out / f"{fault.name}{suffix}")
        verdict = "killed"
        if not found:
            found = killer(results)
            verdict = "elsewhere" if found else "survived"
        if not found and fault.name in equivalent():
            verdict = "equivalent"
        self._row(fault, verdict, found)

    def _conforming(self, where: Path, name: str, contract: str, globs: str) -> None:
        """The same cases on the kernel without a fault: what fails there is no fault's
        merit. A case may be all known defect: nothing passes, and nothing fails."""
        request = Request(machine(name), contract=contract, variant="reference", filter=globs)
        with self._matrix.once(where):
            results = self._matrix.run(where, request)
        totals = results.totals
        if not results.complete or results.failures or not totals["conforms"] + totals["known"]:
            raise Refused(
                f"the suite does not conform on the kernel without a fault; see {where}/table"
            )

    def _baseline(self, faults: list[Fault], name: str, contract: str) -> None:
        """Of the cases that will be asked, for one machine and contract."""
        here = [
            f for f in faults if (f.machine, f.contract) == (name, contract) and f.how != "debug"
        ]
        globs = ",".join(sorted({self._asked_first(fault) for fault in here}))
        if globs:
            self._conforming(
                self._out / f"none-{name}-{contract}",
                name,
                contract,
                "" if self._all_of == "all" else globs,
            )

    def _stage_baseline(self, stage: str, fault: Fault) -> None:
        """For a fault that was missed by what was asked first: its rule's cases, or the
        whole suite; once, whoever comes first."""
        which = fault.rule if stage == "rule" else "whole"
        where = self._out / f"none-{fault.machine}-{fault.contract}-{which}"
        globs = of_rule(fault.rule) if stage == "rule" else ""
        self._conforming(where, fault.machine, fault.contract, globs)

    def write_killing_cases(self) -> None:
        """For configs/killing-cases.list: who killed it, if it is a case of the fault's
        own rule and was not asked in vain before the others were."""
        lines = [
            "# The case that killed a fault when all were tried: what scripts/mutants asks first.",
            "# fault | case with its variant, as scripts/mutants leaves it in build/mutants/killing-cases.list",
        ]
        lines += sorted(
            f"{name} | {row.case}"
            for name, row in self.rows.items()
            if row.verdict == "killed" and not (self._out / f"{name}.rule").is_dir()
        )
        write_whole(self._out / "killing-cases.list", "".join(f"{line}\n" for line in lines))

    def idle_cases(self) -> list[str]:
        """Cases that no fault made fail, of those that were asked."""
        known = {str(case) for case in cases.all_cases()}
        asked: set[str] = set()
        killed: set[str] = set()
        for fault in self._wanted:
            results = load(self._out / fault.name / "results.json")
            asked |= {
                cases.without_variant(c.name) for c in results.cases if c.outcome != "skip"
            } & known
            killed |= {cases.without_variant(name) for name, _ in killers(results)}
        return sorted(asked - killed)
