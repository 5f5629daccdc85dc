# SPDX-License-Identifier: GPL-2.0-only
"""What a job is answered with: its result, and nodes below it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..base.place import text_of, write_whole
from ..results.model import CaseResult, Results
from ..results.names import slug
from .job import Definition
from .maestro import Node, part

# kernelci-api's ErrorCodes.
INVALID_JOB_PARAMS = "invalid_job_params"
INFRASTRUCTURE = "Infrastructure"
# A known defect is an expected failure, which kselftest reports as ok.
_RESULTS = {
    "conforms": "pass",
    "known": "pass",
    "violates": "fail",
    "undecided": "fail",
    "broken": "fail",
    "skip": "skip",
}
# What a node says of the job, as those of other labs do.
_OF_JOB = (
    *("kernel_revision", "kernel_type", "arch", "defconfig", "config_full", "compiler"),
    *("platform", "runtime"),
)


@dataclass(frozen=True)
class Answer:
    """Of a job: pass, fail, skip or incomplete; the nodes below it; of one that is
    incomplete an error code of the API's, and why."""

    result: str
    nodes: tuple[Node, ...] = ()
    code: str = ""
    why: str = ""

    def changes(self, log: str) -> Node:
        """Of the job's node; LOG: the URL of the console's log, "" if it has none."""
        made: Node = {"result": self.result}
        if self.code:
            made["data"] = {"error_code": self.code, "error_msg": self.why}
        if log:
            made["artifacts"] = {"test_log": log}
        return made

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Answer":
        """What write() left; of a job that came to no answer, that."""
        try:
            value = json.loads(text_of(path))
            return cls(value["result"], tuple(value["nodes"]), value["code"], value["why"])
        except (ValueError, KeyError, TypeError):
            return cls("incomplete", (), INFRASTRUCTURE, "the lab was stopped")


def _node(name: str, result: str, above: Node, children: list[Node]) -> Node:
    path = above.get("path")
    data = part(above, "data")
    inner: Node = {
        "kind": "test",
        "name": name,
        "path": [*(path if isinstance(path, list) else []), name],
        "group": above.get("group") or above.get("name") or name,
        "state": "done",
        "result": result,
        "data": {key: data[key] for key in _OF_JOB if data.get(key)},
    }
    for child in children:
        child["node"]["path"] = [*inner["path"], child["node"]["name"]]
    return {"node": inner, "child_nodes": children}


def _together(results: list[str]) -> str:
    return next((one for one in ("fail", "pass") if one in results), "skip")


def _of_case(case: CaseResult, above: Node) -> Node:
    return _node(slug(case.case), _RESULTS[case.outcome], above, [])


def _of_programs(results: Results, above: Node) -> list[Node]:
    """A node a program, with one a case below it."""
    made = []
    for program in results.programs():
        cases = [case for case in results.cases if case.program == program]
        nodes = [_of_case(case, above) for case in cases]
        result = _together([one["node"]["result"] for one in nodes])
        made.append(_node(slug(program), result, above, nodes))
    return made


def answer(definition: Definition, results: Results, above: Node) -> Answer:
    """Of a run; ABOVE: the job's node."""
    if not results.cases:
        return Answer("incomplete", (), INFRASTRUCTURE, "no case ran")
    booted = "pass" if "release" in results.facts else "fail"
    nodes = [_node("boot", booted, above, [])] if definition.boot else []
    if definition.suite:
        nodes += _of_programs(results, above)
    nodes += [_node(slug(name), "skip", above, []) for name in definition.others]
    result = _together([one["node"]["result"] for one in nodes])
    complete = results.complete or not definition.suite
    return Answer(result if complete and booted == "pass" else "fail", tuple(nodes))
