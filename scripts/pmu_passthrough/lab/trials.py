# SPDX-License-Identifier: GPL-2.0-only
"""Many faults in one boot. Each is asked one case, twice: with no fault in the kernel,
and with this one. The first run is the second's control: it says that nothing is left
of the faults before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.place import text_of
from ..base.say import Refused, say
from ..results import ktap
from ..results.model import Results
from ..suite import cases, faults
from ..suite.cases import Case
from ..suite.faults import Fault
from .boot import Ending, Silence
from .folder import RunFolder, remove_run
from .request import Request, as_prefix
from .run import Products, boot_job, context, exported, job_words, prepare


@dataclass(frozen=True)
class Trial:
    """A fault and the case that is asked of it."""

    fault: Fault
    case: Case

    @classmethod
    def of(cls, word: str) -> "Trial":
        """Of FAULT=PROGRAM:CASE."""
        name, _, case = word.partition("=")
        if not name or not case.partition(":")[2] or not case.partition(":")[0]:
            raise Refused(f"try wants FAULT=PROGRAM:CASE, not '{word}'")
        fault = faults.fault(name)
        if fault.how == "boot":
            raise Refused(f"the fault {name} is one to boot with: scripts/lab run --fault")
        return cls(fault, cases.exact(case))


@dataclass(frozen=True)
class Tried:
    """What became of a trial. RESULTS of the run with the fault, or, if the case was
    not asked so, of its control; none if that was not reached."""

    trial: Trial
    words: str
    results: Results | None = None

    @property
    def asked(self) -> bool:
        return self.words in ("killed", "survived")

    def row(self) -> str:
        return f"{self.trial.fault.name:<20} {self.words:<11} {self.trial.case}"


def patience(request: Request) -> int:
    """A program's share of time, in seconds: longer than a case waits for anything."""
    return 40 * request.patience * request.machine.slowness


def _job(request: Request, trials: list[Trial], pretend: bool) -> str:
    again = as_prefix(request.environment) + "scripts/lab run"
    again += f" --machine {request.machine.name} --contract {request.contract}"
    again += f" --cpus {request.cpus}" if request.cpus != 2 else ""
    return exported(dict(request.environment)) + job_words(
        JOB="try",
        TRIALS=" ".join(f"{trial.fault.name}:{trial.case}" for trial in trials),
        PRETEND="1" if pretend else "",
        LAB_TIMEOUT=patience(request),
        AGAIN=again,
    )


def part_of_report(report: str, fault: str, now: str) -> str:
    """What was said while the kernel had the fault NOW in the trial of FAULT, as the
    report of a boot of its own; "" if that did not begin."""
    # Facts that come before the first trial are of all of them.
    facts: list[str] = []
    kept: list[str] = []
    on = in_trials = False
    for line in report.replace("\r", "").split("\n"):
        if line.startswith(("@@lab trial ", "@@lab tried ")):
            if on:
                kept.append("@@lab end")
            on = line == f"@@lab trial {fault} {now}"
            in_trials = True
        elif line.startswith("@@lab fact ") and not in_trials:
            facts.append(line)
        if on:
            kept.append(line)
    # What was cut off in the trial has no end of its line.
    return "\n".join(facts + kept) + ("" if on else "\n") if kept else ""


def _part_of_console(console: str, fault: str, now: str) -> str:
    kept: list[str] = []
    on = False
    for line in console.replace("\r", "").split("\n"):
        if "pmu_passthrough: trial " in line:
            on = line.endswith(f"pmu_passthrough: trial {fault} {now}")
        if on:
            kept.append(line)
    return "\n".join(kept) + "\n"


class _Boot:
    """The boot that trials were made in, and the folder of its results."""

    def __init__(self, request: Request, products: Products, out: Path, ending: Ending) -> None:
        self._request, self._products, self._out, self._ending = request, products, out, ending
        self._report = text_of(out / "report.log")
        self._console = text_of(out / "console.log")

    def _results(self, fault: str, now: str, where: Path, ended: str) -> Results | None:
        """results.json of one of the two, if it began."""
        report = part_of_report(self._report, fault, now)
        if not report:
            return None
        with RunFolder(where) as folder:
            folder.clear()
            (where / "report.log").write_text(report, encoding="utf-8", errors="surrogateescape")
            (where / "console.log").write_text(
                _part_of_console(self._console, fault, now), encoding="utf-8"
            )
            about = context(self._request, self._products, self._out, self._ending.seconds)
            return ktap.make(where, ended, about | {"fault": "" if now == "none" else now})

    def tried(self, trial: Trial) -> Tried:
        name, where = trial.fault.name, self._out / trial.fault.name
        ended = "yes" if self._ending.how == "yes" and self._ending.status == 0 else "no"
        results = self._results(name, name, where, ended)
        if results is not None:
            self._results(name, "none", where / "control", "yes")
            noticed = results.totals["violates"] + results.totals["undecided"]
            return Tried(trial, "killed" if noticed else "survived", results)
        control = self._results(name, "none", self._out / f"{name}.control", ended)
        if control is None:
            return Tried(trial, "not reached")
        skipped = all(case.outcome == "skip" or case.case == "plan" for case in control.cases)
        here = (
            "here the case cannot be asked"
            if control.complete and skipped
            else "the case fails without the fault"
        )
        return Tried(trial, f"not tried: {here}", control)


def try_faults(
    request: Request,
    trials: list[Trial],
    out: Path,
    pretend: bool = False,
    each: Callable[[Tried], None] = lambda _: None,
) -> list[Tried]:
    """Try the faults in one boot. Every trial leaves in OUT/FAULT what a run leaves, and
    its control below; one that was not asked leaves that in OUT/FAULT.control.

    pretend -- leave the fault out the second time
    each -- told of each as it is known
    """
    with RunFolder(out) as folder:
        out = folder.path
        products = prepare(request)
        for trial in trials:
            for where in (out / trial.fault.name, out / f"{trial.fault.name}.control"):
                if where.exists():
                    remove_run(where)
        folder.clear()
        booted = f"{products.emulator.parent.name}/{request.machine.name}"
        say(f"booting {booted}, {len(trials)} faults, results in {out}")
        # Nobody waits this long: silence ends it.
        limit = replace(request, timeout=len(trials) * 2 * patience(request) + 120)
        watch = Silence(patience(request) + 5)
        ending = boot_job(limit, products, out, _job(request, trials, pretend), watch)
        boot = _Boot(request, products, out, ending)
        tried = []
        for trial in trials:
            tried.append(boot.tried(trial))
            each(tried[-1])
        return tried
