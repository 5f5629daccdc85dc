# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of runs went: programs and cases, the longest first."""

from collections.abc import Iterator

from .model import Results

# Of the cases, so many.
_CASES = 40


def _seconds(value: float | None) -> str:
    return f"{value:8.3f}" if value is not None else "       -"


def lines(runs: list[Results]) -> Iterator[str]:
    """A block for each run. Of a case: seconds for who waited, by the machine's own
    clock, and of its CPU time."""
    for run in runs:
        durations = run.context.get("durations")
        yield f"{run.machine}, Linux {run.release}, contract {run.contract}"
        if not durations:
            yield "  nobody measured it"
            continue
        yield f"  {durations['real']:.1f} s, {durations['computing']:.1f} s of CPU time,"
        yield f"  {durations['before_programs']:.1f} s before the first program"
        yield ""
        yield "      real  program"
        programs = durations["programs"]
        for name in sorted(programs, key=lambda name: (-programs[name], name)):
            yield f"  {_seconds(programs[name])}  {name}"
        yield ""
        yield "      real      took  computing  case"
        for case in sorted(run.cases, key=lambda case: (-case.seconds, case.name))[:_CASES]:
            words = [_seconds(case.durations.get(name)) for name in ("real", "took", "computing")]
            yield f"  {words[0]}  {words[1]}   {words[2]}  {case.name}"
        yield ""
