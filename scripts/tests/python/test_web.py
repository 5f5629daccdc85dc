# SPDX-License-Identifier: GPL-2.0-only
"""Files are fetched whole or not at all, and from the web alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernelci_api import Api, serving

from pmu_passthrough.base import web
from pmu_passthrough.base.say import Refused


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def test_a_file_is_whole_or_not_there(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(self: Api, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) + 1))
        self.end_headers()
        self.wfile.write(data)

    Api.files["/x"] = b"1234"
    web.fetch(f"{url}/x", tmp_path / "x", 4)
    assert (tmp_path / "x").read_bytes() == b"1234"
    with pytest.raises(Refused, match="more than"):
        web.fetch(f"{url}/x", tmp_path / "y", 3)
    monkeypatch.setattr(Api, "_say", cut)
    with pytest.raises(Refused, match="cut off|cannot be fetched"):
        web.fetch(f"{url}/x", tmp_path / "y", 9)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_is_followed_to_the_web_alone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(self: Api, _: int, data: bytes) -> None:
        self.send_response(302)
        self.send_header("Location", data.decode())
        self.end_headers()

    Api.files["/x"] = b"ftp://127.0.0.1/y"
    monkeypatch.setattr(Api, "_say", elsewhere)
    with pytest.raises(Refused, match="cannot be fetched"):
        web.fetch(f"{url}/x", tmp_path / "x", 9)
