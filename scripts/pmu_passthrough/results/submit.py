# SPDX-License-Identifier: GPL-2.0-only
"""A report sent to KCIDB by its REST interface, as kcidb-ng's SUBMITTERS.md describes it."""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..base.say import Refused

# Seconds.
_TIMEOUT = 120
# Bytes of an answer that are read.
_ANSWER = 1 << 16
_HERE = ("localhost", "127.0.0.1", "::1")
_FORM = "KCIDB_REST wants https://TOKEN@HOST/, as KernelCI gives it"


class _NoOtherHost(urllib.request.HTTPRedirectHandler):
    """The token is for this one: an answer that leads elsewhere is a refusal."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Server:
    """Where to submit, and the TOKEN that allows it."""

    url: str
    host: str
    token: str

    @classmethod
    def named(cls) -> "Server":
        """By KCIDB_REST."""
        try:
            parts = urlsplit(os.environ.get("KCIDB_REST", ""))
            return cls._of(parts)
        except ValueError:
            raise Refused(_FORM) from None

    @classmethod
    def _of(cls, parts: SplitResult) -> "Server":
        host, token = parts.hostname or "", parts.username or ""
        # A token goes nowhere in the clear.
        safe = parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)
        plain = re.fullmatch("[!-~]+", token) and re.fullmatch("[!-~]*", parts.path)
        if not safe or not host or not plain or parts.query or parts.fragment:
            raise Refused(_FORM)
        where = f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port else ""
        path = parts.path.rstrip("/")
        return cls(f"{parts.scheme}://{where}{port}{path}/submit", where, token)

    def _ask(self, data: bytes) -> str:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url, data, headers, method="POST")
        handlers: list[urllib.request.BaseHandler] = [_NoOtherHost()]
        if self.url.startswith("http:"):
            # No proxy stands before this machine.
            handlers.append(urllib.request.ProxyHandler({}))
        opener = urllib.request.build_opener(*handlers)
        with opener.open(request, timeout=_TIMEOUT) as answer:
            return str(answer.read(_ANSWER).decode("utf-8", "replace"))

    def submit(self, text: str) -> str:
        """Returns the number that the server gave it."""
        try:
            said = self._ask(text.encode("utf-8"))
        except urllib.error.HTTPError as error:
            why = _word(_body(error), "message")
            raise Refused(
                f"{self.host} refuses it ({error.code}{f', {why}' if why else ''})"
            ) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = " ".join(str(getattr(error, "reason", error)).split())[:200]
            raise Refused(
                f"{self.host} cannot be asked: {reason or type(error).__name__}"
            ) from None
        name = _word(said, "id")
        if not name or _word(said, "status") != "ok":
            raise Refused(f"{self.host} does not answer as KCIDB does")
        return name


def _body(error: urllib.error.HTTPError) -> str:
    """Of an answer that is a refusal, as far as it comes."""
    try:
        return error.read(_ANSWER).decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException):
        return ""


def _word(said: str, name: str) -> str:
    """Of an answer, in one line."""
    try:
        value = json.loads(said)
        return " ".join(str(value.get(name) or "").split())[:200]
    except (ValueError, AttributeError, RecursionError):
        return ""


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
