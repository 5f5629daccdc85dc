# SPDX-License-Identifier: GPL-2.0-only
"""Two results, then and now: what fails that did not, what no longer does, what is no
longer asked or asked for another reason."""

from ..base.say import Refused, one_line
from .model import CaseResult, Results
from .names import places_of

_ORDER = ("new failure", "gone", "fixed", "changed", "changed need", "new case")


def _by_case(runs: list[Results], others: list[Results]) -> dict[str, CaseResult]:
    """By contract and name, and by place if there are several, here or in OTHERS."""
    return {
        f"{place} {run.contract} {case.name}".lstrip(): case
        for place, run in zip(places_of(runs, others), runs)
        for case in run.cases
    }


def _change(old: CaseResult | None, new: CaseResult | None) -> str | None:
    if new is None:
        return "gone"
    if old is None:
        return "new failure" if new.failed else "new case"
    if new.failed and not old.failed:
        return "new failure"
    if old.failed and new.outcome in ("conforms", "known"):
        return "fixed"
    if old.outcome != new.outcome:
        return "changed"
    if old.outcome in ("skip", "known") and old.reason != new.reason:
        return "changed need" if old.outcome == "skip" else "changed"
    return None


def _words(case: CaseResult | None) -> str:
    if case is None:
        return "-"
    return case.outcome + (f" ({one_line(case.reason)})" if case.reason else "")


def report(then: list[Results], now: list[Results]) -> tuple[str, bool]:
    """The changes, and whether there are new failures."""
    contracts = [" and ".join(sorted(run.contract for run in runs)) for runs in (then, now)]
    if contracts[0] != contracts[1]:
        raise Refused(f"then is of {contracts[0]}, now of {contracts[1]}")
    old, new = _by_case(then, now), _by_case(now, then)
    names = sorted(old.keys() | new.keys())
    changes = [
        (change, name) for name in names if (change := _change(old.get(name), new.get(name)))
    ]
    changes.sort(key=lambda one: (_ORDER.index(one[0]), one[1]))
    lines = [
        f"{change}\t{one_line(name)}\t{_words(old.get(name))} -> {_words(new.get(name))}"
        for change, name in changes
    ]
    kinds = [change for change, _ in changes]
    failures, fixed = kinds.count("new failure"), kinds.count("fixed")
    others = len(kinds) - failures - fixed
    lines.append(
        f"{failures} new failures, {fixed} fixed, {others} other changes, {len(names)} cases"
    )
    return "".join(f"{line}\n" for line in lines), failures > 0
