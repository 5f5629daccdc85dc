# SPDX-License-Identifier: GPL-2.0-only
"""KernelCI's API, as far as a lab that fetches its jobs needs it: kernelci-api's events and
nodes. A job is a node of kind "job"; its results are nodes below it."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from ..base import web
from ..base.say import Refused

# What PUT /node/ID does not take: the API keeps it itself.
_READ_ONLY = (
    *("id", "_id", "created", "updated", "owner", "submitter", "user", "user_groups"),
    *("treeid", "timeout", "retry_counter", "processed_by_kcidb_bridge"),
)
# Events of an answer, at most; what the API gives at once.
PAGE = 1000
_FIRST = "1970-01-01T00:00:00.000000"

Node = dict[str, Any]


def part(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Of a node, what is an object there; an empty one if it is none."""
    value = node.get(name)
    return value if isinstance(value, dict) else {}


def _word(node: Mapping[str, Any], name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Job:
    """A job's node, as far as it is looked at; NODE is all of it."""

    name: str
    state: str
    runtime: str
    platform: str
    job_id: str
    definition: str
    node: Node

    @classmethod
    def of(cls, node: Any) -> "Job | None":
        """None if that is no node of a job."""
        if not isinstance(node, dict) or not re.fullmatch("[0-9A-Za-z_-]{1,64}", _word(node, "id")):
            return None
        data = part(node, "data")
        return cls(
            name=node["id"],
            state=_word(node, "state"),
            runtime=_word(data, "runtime"),
            platform=_word(data, "platform"),
            job_id=_word(data, "job_id"),
            definition=_word(part(node, "artifacts"), "job_definition"),
            node=node,
        )


def moment(text: Any) -> datetime | None:
    """Of an event's timestamp; None if it is none, or not yet."""
    with contextlib.suppress(TypeError, ValueError):
        then = datetime.fromisoformat(text)
        then = then if then.tzinfo else then.replace(tzinfo=timezone.utc)
        if then < datetime.now(timezone.utc) + timedelta(days=1):
            return then
    return None


class Maestro:
    """The server that KERNELCI_API names."""

    def __init__(self) -> None:
        self._server = web.Server.named("KERNELCI_API", "latest, with KernelCI's API there")

    def _odd(self) -> Refused:
        return Refused(f"{self._server.host} does not answer as KernelCI's API does")

    def _ask(self, method: str, path: str, value: Any = None) -> Any:
        try:
            text = json.dumps(value, allow_nan=False) if value is not None else ""
            return json.loads(self._server.ask(method, path, text))
        except (ValueError, RecursionError):
            raise self._odd() from None

    def jobs_since(self, cursor: str) -> tuple[list[Job], str, bool]:
        """The jobs that wait, of events after a timestamp ("": all); the timestamp of the
        last, and whether there may be more."""
        since = cursor if moment(cursor) else _FIRST
        found = self._ask(
            "GET",
            f"/events?state=available&kind=job&recursive=true&limit={PAGE}&from={quote(since)}",
        )
        if not isinstance(found, list):
            raise self._odd()
        events = [one for one in found if isinstance(one, dict)]
        last = since
        for one in events:
            then, known = moment(one.get("timestamp")), moment(last)
            if then and known and then > known:
                last = one["timestamp"]
        jobs = [job for one in events if (job := Job.of(one.get("node")))]
        return jobs, last, len(found) >= PAGE and last != since

    def job(self, name: str) -> Job:
        found = Job.of(self._ask("GET", f"/node/{name}"))
        if not found or found.name != name:
            raise self._odd()
        return found

    def claim(self, name: str, job_id: str) -> Job | None:
        """Take the job by writing data.job_id; None if another has. The API has no compare
        and set: what it says afterwards decides."""
        job = self.job(name)
        if job.state != "available" or job.job_id:
            return None
        node = job.node | {"data": part(job.node, "data") | {"job_id": job_id}}
        kept = {key: value for key, value in node.items() if key not in _READ_ONLY}
        self._ask("PUT", f"/node/{name}", kept)
        job = self.job(name)
        return job if job.job_id == job_id and job.state == "available" else None

    def finish(self, name: str, job_id: str, changes: Node, results: Sequence[Node]) -> bool:
        """End the job with these CHANGES of its node, objects added to what is there, and
        the RESULTS as nodes below it: each a "node" and its "child_nodes". Returns false,
        and does nothing, if it is not this claim's any more."""
        job = self.job(name)
        if job.state != "available" or job.job_id != job_id:
            return False
        node = job.node | {"state": "done"}
        for key, value in changes.items():
            node[key] = part(node, key) | value if isinstance(value, dict) else value
        # The API replaces the node by what it gets here.
        self._ask("PUT", f"/nodes/{name}", {"node": node, "child_nodes": list(results)})
        return True

    def waiting(self, cursor: str) -> Iterator[tuple[list[Job], str]]:
        """Page by page, all that jobs_since() has, each with the cursor after it."""
        more = True
        while more:
            jobs, cursor, more = self.jobs_since(cursor)
            yield jobs, cursor
