# SPDX-License-Identifier: GPL-2.0-only
"""Submitting to KCIDB, against a server of this machine that has its interface."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmu_passthrough.base.say import Refused
from pmu_passthrough.commands import report
from pmu_passthrough.results import submit

_OBJECT = {
    "id": "lab:x",
    "origin": "lab",
    "checkout_id": "lab:y",
    "build_id": "lab:z",
    "status": "PASS",
}
_LISTS = {name: [_OBJECT] for name in ("checkouts", "builds", "tests")}
REPORT = json.dumps({"version": {"major": 5, "minor": 3}} | _LISTS)


class Database(http.server.BaseHTTPRequestHandler):
    """Answers as kcidb-restd does; ANSWER: something else."""

    answer: tuple[int, str] | None = None
    heard: list[str] = []

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.answer:
            self._say(*self.answer)
        elif self.path != "/submit" or self.headers["Authorization"] != "Bearer token":
            self._say(
                401, json.dumps({"id": "0", "status": "error", "message": "JWT is\nrequired"})
            )
        else:
            self.heard.append(text)
            self._say(200, json.dumps({"id": "abc", "status": "ok", "message": "Received"}))

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "http://127.0.0.2/")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Database.answer, Database.heard = None, []
    server = http.server.HTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(REPORT, encoding="utf-8")
    return path


def test_a_report_is_submitted_whole_and_its_number_is_told(
    port: int, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KCIDB_REST", f"http://token@127.0.0.1:{port}/")
    assert report.main(["submit", str(file)]) == 0
    assert capsys.readouterr().out == "127.0.0.1 has received it as abc\n"
    assert Database.heard == [REPORT]


@pytest.mark.parametrize(
    "token, answer, words",
    [
        ("other", None, "127.0.0.1 refuses it (401, JWT is required)"),
        ("token", (500, "no"), "127.0.0.1 refuses it (500)"),
        ("token", (307, ""), "127.0.0.1 refuses it (307)"),
        ("token", (200, "hello"), "127.0.0.1 does not answer as KCIDB does"),
        ("token", (200, '{"id": "0", "status": "error"}'), "does not answer as KCIDB does"),
    ],
)
def test_what_is_refused_stays_where_it_is(
    port: int,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    answer: tuple[int, str] | None,
    words: str,
) -> None:
    monkeypatch.setenv("KCIDB_REST", f"http://{token}@127.0.0.1:{port}/")
    Database.answer = answer
    with pytest.raises(Refused) as refused:
        report.main(["submit", str(file)])
    assert words in str(refused.value) and "token" not in str(refused.value)
    assert file.read_text(encoding="utf-8") == REPORT and not Database.heard


@pytest.mark.parametrize(
    "address",
    [
        "",
        "token@127.0.0.1",
        "http://token@example.org/",
        "https://example.org/",
        "https://token@/",
        "https://token@[::1/",
        "https://token@example.org:x/",
        "ftp://token@localhost/",
        "https://token@example.org/ x",
        "https://token@example.org/?a=b",
        "https://t\u00f6ken@example.org/",
    ],
)
def test_an_address_that_is_none_or_shows_the_token_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("KCIDB_REST", address)
    with pytest.raises(Refused, match="wants https://TOKEN@HOST/"):
        report.main(["submit", str(file)])


def test_a_server_that_is_not_there_is_said_in_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCIDB_REST", "http://token@127.0.0.1:1/")
    with pytest.raises(Refused, match="127.0.0.1 cannot be asked: .*refused"):
        report.main(["submit", str(file)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nan",
        "[" * 200000,
        '{"version": {"major": 4, "minor": 3}}',
        '{"version": {"major": 5, "minor": 3}, "tests": 1}',
        REPORT.replace('"build_id"', '"other"'),
    ],
)
def test_only_a_report_is_submitted(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="is no report for KCIDB 5.3"):
        submit.read(str(tmp_path / "x"))


@pytest.mark.parametrize("name", ["/dev/zero", "/dev", "/nowhere"])
def test_what_is_no_file_is_not_read(name: str) -> None:
    with pytest.raises(Refused, match="is no file that can be read"):
        submit.read(name)


@pytest.mark.parametrize(
    "said",
    [
        b"hello\n\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"",
    ],
)
def test_a_server_that_speaks_otherwise_is_said_in_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1 << 16)
                client.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("KCIDB_REST", f"http://token@127.0.0.1:{server.getsockname()[1]}/")
        with pytest.raises(Refused, match="127.0.0.1") as refused:
            report.main(["submit", str(file)])
        assert "\n" not in str(refused.value)
