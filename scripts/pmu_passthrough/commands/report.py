# SPDX-License-Identifier: GPL-2.0-only
"""What others read: results.json as JUnit, KCIDB, LAVA's signals, tmt's results, openQA's
known issues or a page, and two results compared."""

import argparse
import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..base import process
from ..base.options import not_empty
from ..base.place import TOP, build, write_whole
from ..base.say import Refused
from ..base.verbs import Command, Option, Verb
from ..results import diff, junit, kcidb, lava, openqa, page, submit, tmt
from ..results.model import Results, files_in, load
from ..suite import rules

_RESULTS = """A RESULT is a results.json or the folder of a run or of several (default build/run).
Their form is docs/results.schema.json."""


@dataclass
class _Side:
    """One argument: the files it stands for, and what is in them."""

    files: list[Path]
    runs: list[Results]


def _files(name: str) -> list[Path]:
    """A file, a run's folder, or the folder of several."""
    path = Path(name)
    return files_in(path) if path.is_dir() else [path]


def _sides(names: list[str], renew: bool = False) -> list[_Side]:
    files = [_files(name) for name in names or [str(build() / "run")]]
    return [_Side(some, [load(file, renew) for file in some]) for some in files]


def _all(values: argparse.Namespace) -> tuple[list[Path], list[Results]]:
    sides = _sides(values.words)
    return [file for side in sides for file in side.files], [
        run for side in sides for run in side.runs
    ]


def _of_runs(
    report: Callable[[list[Results]], str]
) -> Callable[[argparse.Namespace], tuple[str, int]]:
    """A form that is made of nothing but the runs."""
    return lambda values: (report(_all(values)[1]), 0)


def _html(values: argparse.Namespace) -> tuple[str, int]:
    files, runs = _all(values)
    return page.report(runs, [file.parent for file in files], rules.sentences()), 0


def _kcidb(values: argparse.Namespace) -> tuple[str, int]:
    if not re.fullmatch("[a-z0-9_]+", values.origin):
        raise Refused(
            f"kcidb wants --origin, in small letters, digits and _, not '{values.origin}'"
        )
    if not re.fullmatch("[!-~]+", values.checkout):
        raise Refused("kcidb wants --checkout, without blanks")
    if values.commit and not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", values.commit):
        raise Refused(f"--commit wants a whole commit's hash, not '{values.commit}'")
    if values.tree and not re.fullmatch("[!-~]+", values.tree):
        raise Refused("--tree wants a name without blanks")
    for name in ("repository", "logs"):
        if (url := getattr(values, name)) and not re.fullmatch(r"https?://[\w.:-]+(/[!-~]*)?", url):
            raise Refused(f"--{name} wants an http or https URL, not '{url}'")
    if values.logs and (len(values.words) > 1 or re.search("[?#]", values.logs)):
        raise Refused("--logs wants the URL of a folder, and one RESULT that is there")
    suite = (
        process.output(["git", "-C", TOP, "describe", "--always", "--dirty"]).strip() or "unknown"
    )
    runs = [
        run for word in values.words or [str(build() / "run")] for run in _of_kcidb(word, values)
    ]
    if len({run.key for run in runs}) < len(runs):
        raise Refused("kcidb wants each result once")
    if values.commit and len({run.results.release for run in runs}) > 1:
        raise Refused("--commit is of one kernel, and these results are of several releases")
    source = kcidb.Source(values.commit, values.tree, values.repository)
    return kcidb.Submission(values.origin, values.checkout, suite, source).report(runs), 0


def _of_kcidb(word: str, values: argparse.Namespace) -> list[kcidb.Run]:
    """The runs of one argument. Its folder is what can be had at --logs."""
    found = []
    for file in _files(word):
        below = file.parent.relative_to(word) if Path(word).is_dir() else Path()
        parts = [values.logs.rstrip("/"), *(quote(part, safe="") for part in below.parts)]
        results = load(file)
        if values.commit and (results.fault or results.context["kernel"] in ("reference", "debug")):
            raise Refused(f"the kernel of {file} is not as --commit has it: leave it out")
        key = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        found.append(
            kcidb.Run.of(key, results, file.parent, "/".join(parts) if values.logs else "")
        )
    return found


def _submit(values: argparse.Namespace) -> int:
    if len(values.words) != 1:
        raise Refused("submit wants one file that kcidb made")
    host, name = submit.submit(submit.read(values.words[0]))
    print(f"{host} has received it as {name}")
    return 0


def _diff(values: argparse.Namespace) -> tuple[str, int]:
    if len(values.words) != 2:
        raise Refused("diff wants two results, then and now")
    then, now = _sides(values.words, renew=True)
    text, failures = diff.report(then.runs, now.runs)
    return text, int(failures)


def _make(
    form: Callable[[argparse.Namespace], tuple[str, int]]
) -> Callable[[argparse.Namespace], int]:
    """Print what a form makes, or write it: at the end, or not at all."""

    def run(values: argparse.Namespace) -> int:
        out = Path(values.out) if values.out else None
        if out and out.exists() and not out.is_file():
            raise Refused(f"{out} is no file")
        text, status = form(values)
        if out:
            write_whole(out, text)
        else:
            sys.stdout.write(text)
        return status

    return run


_OUT = Option("--out", "write there, at the end or not at all", "FILE", not_empty)
_ORIGIN = Option("--origin", "as KernelCI granted it", "NAME", default="")
_CHECKOUT = Option("--checkout", "of the kernel, without the origin", "ID", default="")
_COMMIT = Option("--commit", "that the kernel was built of", "HASH", default="")
_TREE = Option("--tree", "the kernel's, as mainline", "NAME", default="")
_REPOSITORY = Option("--repository", "of that tree", "URL", default="")
_LOGS = Option("--logs", "where the RESULT's folder can be had", "URL", default="")
_OF_KCIDB = (_ORIGIN, _CHECKOUT, _COMMIT, _TREE, _REPOSITORY, _LOGS)


def _form(
    called: str,
    says: str,
    form: Callable[[argparse.Namespace], tuple[str, int]],
    results: str = "[RESULT...]",
    more: tuple[Option, ...] = (),
    status: str = "0",
) -> Verb:
    ends = f"{_RESULTS}\n\nStatus: {status}, 2 bad input."
    return Verb(called, says, _make(form), results, (_OUT, *more), words=True, ends=ends)


REPORT = Command(
    "scripts/report",
    "FORM [OPTIONS] [RESULT...]",
    'Print results for others to read: "scripts/report html --out report.html" makes a page of\n'
    "the last run. FORM is one of",
    (
        _form("html", "one page with verdict, rules, evidence, machine and log", _html),
        _form(
            "junit",
            "JUnit XML; known defects are skipped there, with their names",
            _of_runs(junit.report),
        ),
        _form("lava", "signals for LAVA's dispatcher", _of_runs(lava.report)),
        _form(
            "openqa", "the known defects as openQA's list of known issues", _of_runs(openqa.report)
        ),
        _form("tmt", "custom results of tmt, as CKI runs it", _of_runs(tmt.report)),
        _form("kcidb", "KCIDB 5.3 JSON", _kcidb, more=_OF_KCIDB),
        Verb(
            "submit",
            "send what kcidb made to KCIDB",
            _submit,
            "FILE",
            words=True,
            ends="""The server and the token that allows it are in KCIDB_REST, as KernelCI gives it:
https://TOKEN@HOST/. What is refused stays where it is, and can be sent again. What is
received is looked at later; KernelCI's dashboard shows it then.

Status: 0 the server has received it, 2 it was refused, or bad input.""",
        ),
        _form(
            "diff",
            "new failures, fixed cases, changed needs",
            _diff,
            "THEN NOW",
            status="0, 1 if there are new failures",
        ),
    ),
    f"{_RESULTS}\n\nStatus: 0, for diff 1 if there are new failures, 2 bad input.",
    kind="form",
)
main = REPORT.main
