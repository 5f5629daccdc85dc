# SPDX-License-Identifier: GPL-2.0-only
"""What scripts/mutants does with mutants of the kernel's own code."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..base.options import jobs
from ..base.place import Lock, build, folder, write_whole
from ..base.say import Refused, complain, say
from ..builders import mutated, reference, source
from ..lab.request import Request
from ..matrix.code import CodeMutants
from ..matrix.engine import Matrix, drawn, forget_environment, suite_state
from ..mutation import report
from ..mutation.mutant import Mutant, load, with_fingerprint
from ..mutation.patch import Patch
from ..mutation.report import Outcome
from ..mutation.table import Wanted, chosen, default, is_of_default
from ..mutation.verdict import ARGUED
from .code_options import CONTRACTS, OF_REFERENCE, where_asked


def _patch(values: argparse.Namespace) -> Patch | None:
    if values.reference and not values.code:
        return reference.last_change(source.tree())
    if values.range:
        return Patch.of_range(source.tree(), values.range)
    return Patch.read(Path(values.patch)) if values.patch else None


def _chosen(values: argparse.Namespace, mutants: list[Mutant]) -> list[Mutant]:
    if values.mutant:
        return [with_fingerprint(mutants, values.mutant)]
    if not values.sample:
        return mutants
    names = drawn([one.fingerprint for one in mutants], values.seed)[: values.sample]
    return [one for one in mutants if one.fingerprint in names]


def _is_of(rows: Sequence[Wanted], one: Mutant) -> bool:
    return any(row.file == one.file and row.has(one.function) for row in rows)


def _title(values: argparse.Namespace, patch: Patch | None, requests: Sequence[Request]) -> str:
    what = patch.name if patch else " ".join(values.faults) or "the default table"
    where = ", ".join(f"{one.machine.name} {one.contract}" for one in requests)
    return f"mutants of {what}; Linux {source.version(source.tree())}, {where}"


def _leave(
    out: Path, title: str, found: Sequence[Outcome], built: Path, patch: Patch | None
) -> None:
    """The reports, as files."""
    write_whole(out / "table", "".join(f"{line}\n" for line in report.table(found)))
    write_whole(out / "unnoticed", "".join(f"{line}\n" for line in report.unnoticed(found)))
    about = {"title": title, "patch": patch.name if patch else None}
    write_whole(out / "mutants.json", json.dumps(report.document(found, about), indent=1) + "\n")
    page = report.html(found, title, built / "source", patch)
    (out / "mutants.html").write_text(page, encoding="utf-8", errors="replace")
    if patch:
        text = "".join(f"{line}\n" for line in report.marked(patch, found))
        (out / "marked").write_text(text, encoding="utf-8", errors="surrogateescape")


def _tell(out: Path, found: Sequence[Outcome], patch: Patch | None) -> int:
    if patch:
        print("\n".join([*report.marked(patch, found), ""]))
    print("\n".join(report.table(found)))
    for one in report.stale(found):
        complain(f"{one.mutant.fingerprint} is wrong in {one.stale}")
    open_ones = [one for one in found if not one.noticed and one.how not in ARGUED]
    if open_ones:
        say(f"{len(open_ones)} mutants that nothing noticed: {out}/unnoticed")
    say(f"with the source: {out}/mutants.html")
    return 1 if open_ones or report.stale(found) else 0


def run(values: argparse.Namespace) -> int:
    """Returns the command's status: 0 if all are noticed or argued."""
    if values.own or values.all:
        raise Refused("--own and --all are for faults")
    if values.code + bool(values.patch) + bool(values.range) > 1:
        raise Refused("--code, --patch and --range go with no other of these")
    if values.reference and (values.patch or values.range):
        raise Refused("--reference says itself what changed of that kernel, or goes with --code")
    if values.faults and not values.code:
        raise Refused(f"'{values.faults[0]}' goes with --code: a change says itself what to break")
    variant = "reference" if values.reference else "plain"
    known = OF_REFERENCE if values.reference else CONTRACTS
    named = where_asked(values.machine, values.contract, known)
    forget_environment()
    patch = _patch(values)
    rows = [] if patch else chosen(values.faults) or default()
    # One kernel for all of the table; of the reference kernel a few files are built quickly.
    whole = not values.reference and all(is_of_default(row) for row in rows)
    wanted = default() if whole else rows
    out = folder(Path(values.out) if values.out else build() / "code-mutants", "results to")
    places = [Request(host, contract=one, variant=variant) for host, one in named]
    for one in places:
        one.check()
    built = mutated.build(wanted, patch, variant=variant)
    mutants = load(built / "mutants.json")
    these = _chosen(values, [one for one in mutants if patch or _is_of(rows, one)])
    if not these:
        raise Refused(f"there is no mutant of {' '.join(values.faults)}")
    requests = [replace(one, built=built) for one in places]
    # Of another kernel with mutants nothing is forgotten; of one, one asks at a time.
    matrix = Matrix(out / built.name, values.jobs or jobs(2), suite_state((variant,)))
    with Lock(matrix.out / "lock").take("another run"):
        asked = [CodeMutants(matrix, one, these) for one in requests]
        for of_place in asked:
            if values.fresh:
                of_place.forget()
            of_place.run()
    by_place = {one.place: one.verdict for one in asked}
    found = report.outcomes(these, by_place)
    say(f"{matrix.seconds} s")
    if values.mutant:
        print(*(one.words() for one in found), sep="\n")
        return 0 if found[0].noticed else 1
    _leave(out, _title(values, patch, requests), found, built, patch)
    return _tell(out, found, patch)
