# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML. It has no word for "known": such a case is skipped there, with the defect
as the reason, so that it is neither a pass nor news."""

import re
from xml.etree import ElementTree as xml

from .model import CaseResult, Results
from .names import names_of

# What XML 1.0 has no character for ("Characters").
_NO_XML = re.compile("[^\t\n\r -\x7e\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(words: str) -> str:
    return _NO_XML.sub("?", words)


def _counts(cases: list[CaseResult]) -> dict[str, str]:
    def count(*outcomes: str) -> str:
        return str(sum(case.outcome in outcomes for case in cases))

    return {
        "tests": str(len(cases)),
        "failures": count("violates", "undecided"),
        "errors": count("broken"),
        "skipped": count("skip", "known"),
    }


def _suite(parent: xml.Element, run: str, program: str, counts: dict[str, str]) -> xml.Element:
    return xml.SubElement(parent, "testsuite", {"name": text(f"{run}.{program}")} | counts)


def _case(suite: xml.Element, run: str, program: str, name: str) -> xml.Element:
    where = text(f"pmu_passthrough.{run}.{program}")
    return xml.SubElement(suite, "testcase", {"classname": where, "name": text(name)})


def _add_case(suite: xml.Element, run: str, case: CaseResult) -> None:
    element = _case(suite, run, case.program, case.case)
    if case.durations:
        element.set("time", f"{case.seconds:.3f}")
    if case.failed:
        kind = "error" if case.outcome == "broken" else "failure"
        why = {"type": case.outcome, "message": text(case.headline())}
        xml.SubElement(element, kind, why).text = text("\n".join(case.said))
    elif case.outcome != "conforms":
        xml.SubElement(element, "skipped", {"message": text(case.reason)})


def _add_run(parent: xml.Element, name: str, run: Results) -> None:
    """A run can fail without a case that does: nothing ran, or not to the end."""
    counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
    element = _case(_suite(parent, name, "run", counts), name, "run", "verdict")
    nothing = f"the run is {run.verdict}: nothing conforms"
    why = nothing if run.complete else "the run did not come to its end"
    xml.SubElement(element, "error", {"type": "broken", "message": why})


def report(runs: list[Results]) -> str:
    root = xml.Element("testsuites", {"name": "pmu_passthrough"})
    named = list(zip(names_of(runs), runs))
    for name, run in named:
        for program in run.programs():
            cases = [case for case in run.cases if case.program == program]
            suite = _suite(root, name, program, _counts(cases))
            for case in cases:
                _add_case(suite, name, case)
    for name, run in named:
        if run.fails_without_a_case:
            _add_run(root, name, run)
    xml.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"
    )
