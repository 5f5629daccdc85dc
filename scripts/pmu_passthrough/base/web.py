# SPDX-License-Identifier: GPL-2.0-only
"""Servers that are asked with a token, and files that are fetched without one."""

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .say import Refused

# Seconds without a byte, and for all of a file.
_TIMEOUT = 120
_FETCH = 1800
# Bytes of an answer that are read, and of a file at a time.
_ANSWER = 1 << 24
_PART = 1 << 20
# FastAPI calls a refusal's reason "detail".
_REASONS = ("message", "detail")
_HERE = ("localhost", "127.0.0.1", "::1")
_ERRORS = (OSError, ValueError, http.client.HTTPException)


class _NoOtherHost(urllib.request.HTTPRedirectHandler):
    """The token is for this one: an answer that leads elsewhere is a refusal."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _OnlyWeb(urllib.request.HTTPRedirectHandler):
    """A file may be elsewhere, but nowhere that it could not have been named."""

    def redirect_request(  # pylint: disable=too-many-arguments
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not is_address(newurl):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
            body = _body(error)
            why = next((why for name in _REASONS if (why := word(body, name))), "")
            raise Refused(
                f"{self.host} refuses it ({error.code}{f', {why}' if why else ''})"
            ) from None
        except _ERRORS as error:
            raise Refused(f"{self.host} cannot be asked: {_why(error)}") from None


def is_address(url: Any) -> bool:
    """Of a file that can be fetched?"""
    return isinstance(url, str) and bool(re.fullmatch(r"https?://[\w.:\[\]-]+(/[!-~]*)?", url))


def _take(url: str, path: Path, most: int) -> str:
    """Have the file at URL as PATH; returns its SHA-256."""
    found, size = hashlib.sha256(), 0
    ends = time.monotonic() + _FETCH
    try:
        with _opener(url, _OnlyWeb()).open(url, timeout=_TIMEOUT) as answer, path.open(
            "wb"
        ) as file:
            whole = answer.headers["Content-Length"]
            while data := answer.read1(_PART):
                found.update(data)
                size += len(data)
                if size > most:
                    raise Refused(f"{url} has more than {most >> 20} MiB")
                if time.monotonic() > ends:
                    raise Refused(f"{url} takes longer than {_FETCH} s")
                file.write(data)
    except _ERRORS as error:
        raise Refused(f"{url} cannot be fetched: {_why(error)}") from None
    if whole and whole.isdecimal() and int(whole) != size:
        raise Refused(f"{url} was cut off after {size} of {whole} bytes")
    return found.hexdigest()


def fetch(url: str, path: Path, most: int, sha256: str = "") -> None:
    """Have the file at URL as PATH, whole or not at all.

    most -- bytes that it may have
    sha256 -- its checksum, "" if that is not known
    """
    if not is_address(url):
        raise Refused(f"{url!r} is no http or https URL")
    part = path.with_name(f"{path.name}.part")
    try:
        found = _take(url, part, most)
        if sha256 and found != sha256:
            raise Refused(f"{url} has another SHA-256 checksum than it should")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
