# SPDX-License-Identifier: GPL-2.0-only
"""Servers that are asked with a token, and files that are fetched without one."""

import hashlib
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

from .say import Refused

# Seconds without a byte.
_TIMEOUT = 120
# Bytes of an answer that are read.
_ANSWER = 1 << 24
# Bytes of a file that are fetched at most, and at a time.
_FILE = 1 << 30
_PART = 1 << 20
_HERE = ("localhost", "127.0.0.1", "::1")
_ERRORS = (OSError, ValueError, http.client.HTTPException)


class _NoOtherHost(urllib.request.HTTPRedirectHandler):
    """The token is for this one: an answer that leads elsewhere is a refusal."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(url: str, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    here = urlsplit(url).hostname in _HERE
    # No proxy stands before this machine.
    more = [urllib.request.ProxyHandler({})] if here else []
    return urllib.request.build_opener(*handlers, *more)


def _why(error: Exception) -> str:
    reason = " ".join(str(getattr(error, "reason", error)).split())[:200]
    return reason or type(error).__name__


def _body(error: urllib.error.HTTPError) -> str:
    """Of an answer that is a refusal, as far as it comes."""
    try:
        return error.read(_ANSWER).decode("utf-8", "replace")
    except _ERRORS:
        return ""


def word(said: str, name: str) -> str:
    """Of an answer that is an object, in one line; "" if it has none of that name."""
    try:
        value = json.loads(said)
        return " ".join(str(value.get(name) or "").split())[:200]
    except (ValueError, AttributeError, RecursionError):
        return ""


@dataclass(frozen=True)
class Server:
    """What is asked below URL, which has no "/" at its end, and the TOKEN that allows it."""

    url: str
    host: str
    token: str

    @classmethod
    def named(cls, variable: str, form: str) -> "Server":
        """By a variable of the environment; FORM: what to say if that is none."""
        try:
            made = cls._of(urlsplit(os.environ.get(variable, "")))
        except ValueError:
            made = None
        if not made:
            raise Refused(f"{variable} wants https://TOKEN@HOST/{form}")
        return made

    @classmethod
    def _of(cls, parts: SplitResult) -> "Server | None":
        host, token = parts.hostname or "", parts.username or ""
        # A token goes nowhere in the clear.
        safe = parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)
        plain = re.fullmatch("[!-~]+", token) and re.fullmatch("[!-~]*", parts.path)
        if not safe or not host or not plain or parts.query or parts.fragment:
            return None
        where = f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port else ""
        return cls(f"{parts.scheme}://{where}{port}{parts.path.rstrip('/')}", where, token)

    def _open(self, method: str, path: str, data: bytes | None) -> str:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with _opener(self.url, _NoOtherHost()).open(request, timeout=_TIMEOUT) as answer:
            return str(answer.read(_ANSWER).decode("utf-8", "replace"))

    def ask(self, method: str, path: str, text: str = "") -> str:
        """What it answers to TEXT, which is JSON."""
        try:
            return self._open(method, path, text.encode("utf-8") if text else None)
        except urllib.error.HTTPError as error:
            why = word(_body(error), "message")
            raise Refused(
                f"{self.host} refuses it ({error.code}{f', {why}' if why else ''})"
            ) from None
        except _ERRORS as error:
            raise Refused(f"{self.host} cannot be asked: {_why(error)}") from None


def is_address(url: Any) -> bool:
    """Of a file that can be fetched?"""
    return isinstance(url, str) and bool(re.fullmatch(r"https?://[\w.:\[\]-]+(/[!-~]*)?", url))


def _take(url: str, path: Path) -> str:
    """Have the file at URL as PATH; returns its sum."""
    found, size = hashlib.sha256(), 0
    try:
        with _opener(url).open(url, timeout=_TIMEOUT) as answer, path.open("wb") as file:
            while data := answer.read(_PART):
                found.update(data)
                size += len(data)
                if size > _FILE:
                    raise Refused(f"{url} has more than {_FILE >> 20} MiB")
                file.write(data)
    except _ERRORS as error:
        raise Refused(f"{url} cannot be fetched: {_why(error)}") from None
    return found.hexdigest()


def fetch(url: str, path: Path, sha256: str = "") -> None:
    """Have the file at URL as PATH, whole or not at all, with that sum unless it is ""."""
    if not is_address(url):
        raise Refused(f"{url!r} is no http or https URL")
    part = path.with_name(f"{path.name}.part")
    try:
        found = _take(url, part)
        if sha256 and found != sha256:
            raise Refused(f"{url} has another sum than it should")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
