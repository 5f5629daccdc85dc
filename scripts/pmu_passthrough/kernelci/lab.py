# SPDX-License-Identifier: GPL-2.0-only
"""Jobs of KernelCI done in the lab: claimed, fetched, run, answered."""

import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..base import web
from ..base.place import reason, text_of, write_whole
from ..base.say import Refused, say
from ..builders.kernel import BadImage
from ..lab.machine import Machine
from ..lab.request import Request
from ..results.model import Results
from .answer import INFRASTRUCTURE, INVALID_JOB_PARAMS, Answer, answer
from .job import Definition
from .maestro import Job, Maestro

# Bytes that a job's definition and its kernel may have.
_DEFINITION = 1 << 20
_KERNEL = 1 << 29
# What a boot is shown by, if nothing else is asked for.
_ANY_CASES = "creation_test"

# A boot: what is asked, where its files go.
Run = Callable[[Request, Path], Results]


class LabFails(Refused):
    """Not the job, nor its kernel: the next one would come to the same."""


class PullLab:
    """The lab under a runtime's name, with a machine for each platform.

    out -- where a folder is made for each job, and the cursor among the events is kept
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
        self._jobs, self._logs, self._run = out / "jobs", logs.rstrip("/"), run
        self._jobs.mkdir(parents=True, exist_ok=True)
        self._cursor = out / "cursor"

    def _is_ours(self, job: Job) -> bool:
        return job.runtime == self._runtime and job.platform in self._machines

    def poll(self) -> int:
        """Do the jobs that wait; returns how many were done."""
        self._answer_old()
        done = 0
        for jobs, cursor in self._maestro.waiting(text_of(self._cursor).strip()):
            for job in jobs:
                if self._is_ours(job):
                    done += self._try(job)
            write_whole(self._cursor, f"{cursor}\n")
        return done

    def _answer_old(self) -> None:
        """What could not be answered, or was claimed by who was killed."""
        for claim in sorted(self._jobs.glob("*/claim")):
            try:
                self._deliver(claim.parent)
            except Refused as refused:
                say(f"job {claim.parent.name}: {refused}")

    def _try(self, job: Job) -> bool:
        """One that the API refuses does not stand before others."""
        try:
            return self._take(job.name)
        except LabFails:
            raise
        except Refused as refused:
            say(f"job {job.name}: {refused}")
            return False

    def _take(self, name: str) -> bool:
        out = self._jobs / name
        out.mkdir(exist_ok=True)
        if (out / "claim").exists():
            return False
        (out / "answer.json").unlink(missing_ok=True)
        job_id = f"{self._runtime}:{uuid.uuid4().hex}"
        # Before the claim: who is killed after it knows it again.
        write_whole(out / "claim", f"{job_id}\n")
        job = self._maestro.claim(name, job_id)
        if not job:
            (out / "claim").unlink()
            return False
        say(f"job {name} of {job.node.get('name')}, results in {out}")
        try:
            found = self._do(job, out)
            found.write(out / "answer.json")
        finally:
            (out / "kernel").unlink(missing_ok=True)
            # Also where that is interrupted, so that nobody waits for the job.
            self._deliver_or_say(out)
        if found.code == INFRASTRUCTURE and (out / "run").exists():
            raise LabFails(found.why)
        return True

    def _deliver_or_say(self, out: Path) -> None:
        try:
            self._deliver(out)
        except Refused as refused:
            say(f"job {out.name} is answered later: {refused}")

    def _deliver(self, out: Path) -> None:
        """Answer the job whose folder that is, and forget its claim."""
        found = Answer.read(out / "answer.json")
        log = out / "run/console.log"
        url = f"{self._logs}/jobs/{out.name}/run/console.log" if self._logs else ""
        changes = found.changes(url if log.exists() else "")
        job_id = text_of(out / "claim").strip()
        if self._maestro.finish(out.name, job_id, changes, found.nodes):
            say(f"job {out.name}: {found.result}{f', {found.why}' if found.why else ''}")
        else:
            say(f"job {out.name} is not this lab's any more")
        (out / "claim").unlink()

    def _do(self, job: Job, out: Path) -> Answer:
        # The event may be older than the node.
        if not self._is_ours(job):
            return Answer("incomplete", (), INVALID_JOB_PARAMS, "the job is not for this lab")
        try:
            web.fetch(job.definition, out / "job.json", _DEFINITION)
        except Refused as refused:
            return Answer("incomplete", (), INFRASTRUCTURE, str(refused))
        try:
            definition = Definition.read(text_of(out / "job.json"))
        except Refused as refused:
            return Answer("incomplete", (), INVALID_JOB_PARAMS, str(refused))
        try:
            web.fetch(definition.kernel, out / "kernel", _KERNEL, definition.sha256)
        except Refused as refused:
            return Answer("incomplete", (), INFRASTRUCTURE, str(refused))
        request = Request(
            self._machines[job.platform],
            image=str(out / "kernel"),
            filter=definition.filter if definition.suite else _ANY_CASES,
            timeout=definition.timeout,
        )
        (out / "run").mkdir(exist_ok=True)
        try:
            request.check()
            return answer(definition, self._run(request, out / "run"), job.node)
        except BadImage as refused:
            return Answer("incomplete", (), INVALID_JOB_PARAMS, str(refused))
        except Refused as refused:
            return Answer("incomplete", (), INFRASTRUCTURE, str(refused))
        except OSError as error:
            return Answer("incomplete", (), INFRASTRUCTURE, reason(error))


def forever(lab: PullLab, seconds: int, wait: Callable[[float], Any] = time.sleep) -> None:
    """Poll, and wait for so long whenever nothing was to be done: what cannot be asked now
    may be later. Ends with LabFails."""
    while True:
        try:
            done = lab.poll()
        except LabFails:
            raise
        except Refused as refused:
            say(str(refused))
            done = 0
        if not done:
            wait(seconds)
