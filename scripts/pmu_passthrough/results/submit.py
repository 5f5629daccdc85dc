# SPDX-License-Identifier: GPL-2.0-only
"""A report sent to KCIDB by its REST interface, as kcidb-ng's SUBMITTERS.md describes it."""

import json
from pathlib import Path
from typing import Any

from ..base import web
from ..base.say import Refused


def submit(text: str) -> tuple[str, str]:
    """To the server that KCIDB_REST names; returns its host, and the id that it gave."""
    server = web.Server.named("KCIDB_REST", ", as KernelCI gives it")
    said = server.ask("POST", "/submit", text)
    name = web.word(said, "id")
    if not name or web.word(said, "status") != "ok":
        raise Refused(f"{server.host} does not answer as KCIDB does")
    return server.host, name


def _is_list(value: Any, *names: str) -> bool:
    """Of objects, each with these as words."""
    return isinstance(value, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(name), str) for name in names)
        for one in value
    )


def read(name: str) -> str:
    """What "kcidb" made, from its file."""
    path = Path(name)
    try:
        if not path.is_file():
            raise Refused(f"{name} is no file that can be read")
        text = path.read_text(encoding="utf-8")
        value = json.loads(text)
        right = (
            (value["version"]["major"], value["version"]["minor"]) == (5, 3)
            and bool(value["tests"])
            and _is_list(value["checkouts"], "id", "origin")
            and _is_list(value["builds"], "id", "origin", "checkout_id")
            and _is_list(value["tests"], "id", "origin", "build_id", "status")
        )
    except OSError:
        raise Refused(f"{name} cannot be read") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        right = False
    if not right:
        raise Refused(f"{name} is no report for KCIDB 5.3: scripts/report kcidb makes one")
    return text
