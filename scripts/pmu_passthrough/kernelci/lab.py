# SPDX-License-Identifier: GPL-2.0-only
"""Jobs of KernelCI done in the lab: fetched, run, answered."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base import web
from ..base.place import text_of, write_whole
from ..base.say import Refused, say
from ..lab.machine import Machine
from ..lab.request import Request
from ..results.model import CaseResult, Results
from ..results.names import slug
from .job import Job
from .maestro import Maestro, Node, part

# kernelci-api's ErrorCodes.
_BAD_JOB = "invalid_job_params"
_TROUBLE = "Infrastructure"
# A known defect is an expected failure, which kselftest reports as ok.
_RESULTS = {
    "conforms": "pass",
    "known": "pass",
    "violates": "fail",
    "undecided": "fail",
    "broken": "fail",
    "skip": "skip",
}
# What a boot is shown by, if nothing else is asked for.
_ANY_CASES = "creation_test"
# The folder of its results, in that of a job.
_RUN = "run"
_FIRST = "1970-01-01T00:00:00.000000"

# What a node says of the job, as those of other labs do.
_OF_JOB = (
    *("kernel_revision", "kernel_type", "arch", "defconfig", "config_full", "compiler"),
    *("platform", "runtime"),
)

# A boot: what is asked, where its files go.
Run = Callable[[Request, Path], Results]


@dataclass(frozen=True)
class _Outcome:
    """Of a job: pass, fail, skip or incomplete; the nodes below it; why it is incomplete."""

    result: str
    nodes: tuple[Node, ...] = ()
    code: str = ""
    why: str = ""


def _node(name: str, result: str, above: Node, children: list[Node]) -> Node:
    data = part(above, "data")
    path = above.get("path")
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


def _of_cases(results: Results, above: Node) -> tuple[Node, ...]:
    """A node a program, with one a case below it."""
    made = []
    for program in results.programs():
        cases = [case for case in results.cases if case.program == program]
        nodes = [_of_case(case, above) for case in cases]
        result = _together([one["node"]["result"] for one in nodes])
        made.append(_node(slug(program), result, above, nodes))
    return tuple(made)


def _of_case(case: CaseResult, above: Node) -> Node:
    return _node(slug(case.case), _RESULTS[case.outcome], above, [])


class PullLab:
    """The lab under a runtime's name, with a machine for each platform.

    out -- where a folder is made for each job, and what was asked last is kept
    logs -- the URL at which OUT can be read, "" if it cannot
    """

    def __init__(
        self,
        runtime: str,
        machines: Mapping[str, Machine],
        out: Path,
        logs: str,
        run: Run,
    ) -> None:
        self._maestro = Maestro()
        self._runtime, self._machines = runtime, machines
        self._out, self._logs, self._run = out, logs.rstrip("/"), run
        self._cursor = out / "since"

    def _is_ours(self, node: Node) -> bool:
        data = part(node, "data")
        return data.get("runtime") == self._runtime and data.get("platform") in self._machines

    def poll(self) -> int:
        """Do the jobs that wait; returns how many were done."""
        since = text_of(self._cursor).strip() or _FIRST
        nodes, after = self._maestro.jobs_since(since)
        done = 0
        for node in nodes:
            if self._is_ours(node):
                done += self._take(node["id"])
        write_whole(self._cursor, f"{after}\n")
        return done

    def _take(self, name: str) -> bool:
        node = self._maestro.claim(name, self._runtime)
        if not node:
            return False
        out = self._out / slug(name)
        out.mkdir(parents=True, exist_ok=True)
        say(f"job {name} of {node.get('name')}, results in {out}")
        outcome = _Outcome("incomplete", (), _TROUBLE, "the lab was stopped")
        try:
            outcome = self._do(node, out)
        finally:
            # Also where that is interrupted, so that nobody waits for the job.
            self._maestro.finish(name, self._changes(outcome, out), outcome.nodes)
        say(f"job {name}: {outcome.result}{f', {outcome.why}' if outcome.why else ''}")
        return True

    def _changes(self, outcome: _Outcome, out: Path) -> Node:
        changes: Node = {"result": outcome.result}
        if outcome.code:
            changes["data"] = {"error_code": outcome.code, "error_msg": outcome.why}
        if self._logs and (out / _RUN / "console.log").exists():
            log = f"{self._logs}/{out.name}/{_RUN}/console.log"
            changes["artifacts"] = {"test_log": log}
        return changes

    def _do(self, node: Node, out: Path) -> _Outcome:
        try:
            web.fetch(str(part(node, "artifacts").get("job_definition")), out / "job.json")
        except Refused as refused:
            return _Outcome("incomplete", (), _TROUBLE, str(refused))
        try:
            job = Job.read(text_of(out / "job.json"))
        except Refused as refused:
            return _Outcome("incomplete", (), _BAD_JOB, str(refused))
        machine = self._machines[part(node, "data")["platform"]]
        try:
            web.fetch(job.kernel, out / "kernel", job.sha256)
            request = Request(
                machine,
                image=str(out / "kernel"),
                filter=job.filter if job.suite else _ANY_CASES,
                timeout=job.timeout,
            )
            results = self._run(request, out / _RUN)
        except Refused as refused:
            return _Outcome("incomplete", (), _TROUBLE, str(refused))
        return _outcome(job, results, node)


def _outcome(job: Job, results: Results, node: Node) -> _Outcome:
    booted = "release" in results.facts
    if not job.suite:
        result = "pass" if booted else "fail"
        return _Outcome(result, (_node("boot", result, node, []),))
    nodes = _of_cases(results, node)
    result = _together([one["node"]["result"] for one in nodes])
    return _Outcome(result if booted and results.complete else "fail", nodes)


def forever(lab: PullLab, seconds: int, wait: Callable[[float], Any] = time.sleep) -> None:
    """Poll whenever nothing was to be done for so long; what cannot be asked now may later."""
    while True:
        try:
            done = lab.poll()
        except Refused as refused:
            say(str(refused))
            done = 0
        if not done:
            wait(seconds)
