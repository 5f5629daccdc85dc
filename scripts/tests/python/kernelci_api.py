# SPDX-License-Identifier: GPL-2.0-only
"""A server of this machine that has the interface of kernelci-api: PUT /node wants no member
that the API keeps itself, PUT /nodes replaces the node by what it gets, events are those after
"from"."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

# What it keeps of a node.
KEPT = {"owner": "maestro", "created": "2026-01-01", "timeout": "2026-01-02", "user_groups": []}


class Api(http.server.BaseHTTPRequestHandler):
    """Events, nodes, and files of jobs.

    nodes -- by id
    events -- timestamps and ids
    puts -- what was put, and where
    files -- by path
    heard -- the tokens that came with requests for files
    refuses -- "METHOD PATH" that is answered with 503, so often
    """

    nodes: dict[str, Any] = {}
    events: list[tuple[str, str]] = []
    puts: list[tuple[str, Any]] = []
    files: dict[str, bytes] = {}
    heard: list[str | None] = []
    refuses: dict[str, int] = {}

    def _refused(self) -> bool:
        key = f"{self.command} {self.path.partition('?')[0]}"
        if self.headers["Authorization"] != "Bearer secret":
            self._json(401, {"detail": "no\nentry"})
        elif self.refuses.get(key, 0):
            self.refuses[key] -= 1
            self._json(503, {"detail": "later"})
        else:
            return False
        return True

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        path, _, query = self.path.partition("?")
        if path in self.files:
            self.heard.append(self.headers["Authorization"])
            self._say(200, self.files[path])
        elif self._refused():
            pass
        elif path == "/latest/events":
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            since = asked.pop("from")
            assert asked == {
                "state": "available",
                "kind": "job",
                "recursive": "true",
                "limit": "1000",
            }
            found = [
                {"timestamp": at, "node": self.nodes.get(name)}
                for at, name in self.events
                if at > since
            ]
            self._json(200, found[:1000])
        else:
            self._json(200, self.nodes.get(path.removeprefix("/latest/node/")))

    def do_PUT(self) -> None:  # pylint: disable=invalid-name
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._refused():
            return
        self.puts.append((self.path, value))
        kind, name = self.path.split("/")[2:]
        if kind == "node":
            assert not {"id", *KEPT} & set(value)
            self.nodes[name] |= value
        else:
            self.nodes[name] = value["node"]
        self._json(200, {})

    def _json(self, status: int, value: Any) -> None:
        self._say(status, json.dumps(value).encode())

    def _say(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """An empty one; its URL."""
    Api.nodes, Api.events, Api.puts, Api.files = {}, [], [], {}
    Api.heard, Api.refuses = [], {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
