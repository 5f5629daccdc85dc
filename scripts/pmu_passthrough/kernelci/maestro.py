# SPDX-License-Identifier: GPL-2.0-only
"""KernelCI's API, as far as a lab that fetches its jobs needs it: kernelci-api's events and
nodes. A job is a node of kind "job"; its results are nodes below it."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..base import web
from ..base.say import Refused

# What the API keeps itself and does not take back.
_READ_ONLY = (
    *("id", "_id", "created", "updated", "owner", "submitter", "user", "user_groups"),
    *("treeid", "timeout", "retry_counter", "processed_by_kcidb_bridge"),
)
# Events of an answer, at most.
_EVENTS = 1000

Node = dict[str, Any]


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str) and bool(value["id"])


def part(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Of a node, what is an object there; an empty one if it is none."""
    value = node.get(name)
    return value if isinstance(value, dict) else {}


def _without(node: Node, names: Sequence[str] = _READ_ONLY) -> Node:
    return {name: value for name, value in node.items() if name not in names}


class Maestro:
    """The server that KERNELCI_API names."""

    def __init__(self) -> None:
        self._server = web.Server.named("KERNELCI_API", "latest, with KernelCI's API there")

    def _ask(self, method: str, path: str, value: Any = None) -> Any:
        said = self._server.ask(method, path, json.dumps(value) if value is not None else "")
        try:
            return json.loads(said)
        except (ValueError, RecursionError):
            raise Refused(f"{self._server.host} does not answer as KernelCI's API does") from None

    def jobs_since(self, since: str) -> tuple[list[Node], str]:
        """The jobs that wait since a moment, and the moment from which to ask again."""
        found = self._ask(
            "GET",
            f"/events?state=available&kind=job&recursive=true&limit={_EVENTS}&from={quote(since)}",
        )
        if not isinstance(found, list):
            raise Refused(f"{self._server.host} does not answer as KernelCI's API does")
        events = [one for one in found if isinstance(one, dict)]
        moments = [one["timestamp"] for one in events if isinstance(one.get("timestamp"), str)]
        nodes = [one["node"] for one in events if _is_node(one.get("node"))]
        return nodes, max([since, *moments])

    def node(self, name: str) -> Node:
        found = self._ask("GET", f"/node/{quote(name, safe='')}")
        if not _is_node(found):
            raise Refused(f"{self._server.host} does not answer as KernelCI's API does")
        return dict(found)

    def claim(self, name: str, runtime: str) -> Node | None:
        """Take the job for this lab; None if another has it. The API knows no compare and
        set: two labs of one name can take the same."""
        node = self.node(name)
        data = part(node, "data")
        if node.get("state") != "available" or data.get("job_id"):
            return None
        node["data"] = data | {"job_id": f"{runtime}:{uuid.uuid4().hex}"}
        self._ask("PUT", f"/node/{quote(name, safe='')}", _without(node))
        return node

    def finish(self, name: str, changes: Node, results: Sequence[Node]) -> None:
        """End the job with these CHANGES of its node, objects added to what is there, and
        the RESULTS as nodes below it: each a "node" and its "child_nodes"."""
        node = self.node(name)
        for key, value in changes.items():
            node[key] = part(node, key) | value if isinstance(value, dict) else value
        node["state"] = "done"
        if not results:
            self._ask("PUT", f"/node/{quote(name, safe='')}", _without(node))
            return
        # As the pipeline's own callback gives in a whole hierarchy.
        kept = tuple(key for key in _READ_ONLY if key != "id")
        self._ask(
            "PUT",
            f"/nodes/{quote(name, safe='')}",
            {"node": _without(node, kept), "child_nodes": list(results)},
        )
