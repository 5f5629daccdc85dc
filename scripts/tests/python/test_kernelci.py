# SPDX-License-Identifier: GPL-2.0-only
"""The lab as one of KernelCI's, against a server of this machine with the API's interface."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmu_passthrough.base.say import Refused
from pmu_passthrough.commands import lab as command
from pmu_passthrough.kernelci.job import Job
from pmu_passthrough.kernelci.lab import PullLab, forever
from pmu_passthrough.lab.machine import machine
from pmu_passthrough.lab.request import Request
from pmu_passthrough.results.model import CaseResult, Results

_KERNEL = b"a bzImage"


class Api(http.server.BaseHTTPRequestHandler):
    """Events, nodes, and files of jobs.

    nodes -- by id
    puts -- what was put, and where
    files -- by path
    heard -- the tokens that came with requests for files
    """

    nodes: dict[str, Any] = {}
    puts: list[tuple[str, Any]] = []
    files: dict[str, bytes] = {}
    heard: list[str | None] = []

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        path, _, query = self.path.partition("?")
        if path in self.files:
            self.heard.append(self.headers["Authorization"])
            self._say(200, self.files[path])
        elif self.headers["Authorization"] != "Bearer secret":
            self._json(401, {"message": "no\nentry"})
        elif path == "/latest/events":
            since = query.rpartition("from=")[2]
            self._json(
                200,
                [
                    {"timestamp": f"2026-01-0{at}T00:00:00", "node": node}
                    for at, node in enumerate(self.nodes.values(), 1)
                    if f"2026-01-0{at}T00:00:00".replace(":", "%3A") > since
                ],
            )
        else:
            self._json(200, self.nodes.get(path.removeprefix("/latest/node/")))

    def do_PUT(self) -> None:  # pylint: disable=invalid-name
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.puts.append((self.path, value))
        name = self.path.rpartition("/")[2]
        self.nodes[name] = {"id": name} | value.get("node", value)
        self._json(200, {})

    def _json(self, status: int, value: Any) -> None:
        self._say(status, json.dumps(value).encode())

    def _say(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Api.nodes, Api.puts, Api.files, Api.heard = {}, [], {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    monkeypatch.setenv("KERNELCI_API", f"http://secret@127.0.0.1:{port}/latest")
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def definition(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "artifacts": {"kernel": f"{url}/bzImage", "kselftest": f"{url}/kselftest.tar.xz"},
        "tests": [
            {
                "id": "kselftest-pmu_passthrough",
                "type": "kselftest",
                "depends": [],
                "timeout_s": 1200,
                "pre-commands": [],
                "post-commands": [],
            }
        ],
        "environment": {"platform": "amd-zen4", "arch": "x86_64"},
        "callback": {"url": f"{url}/node/n1", "token_name": "x"},
        "integrity": {"sha256": {"kernel": hashlib.sha256(_KERNEL).hexdigest()}},
    } | changes


def add_job(url: str, name: str = "n1", platform: str = "amd-zen4", **changes: Any) -> None:
    Api.files |= {
        f"/{name}.json": json.dumps(definition(url, **changes)).encode(),
        "/bzImage": _KERNEL,
    }
    Api.nodes[name] = {
        "id": name,
        "created": "2026-01-01",
        "kind": "job",
        "name": "pmu",
        "group": "pmu",
        "path": ["checkout", "kbuild", "pmu"],
        "state": "available",
        "artifacts": {"job_definition": f"{url}/{name}.json"},
        "data": {"runtime": "lab-pmu", "platform": platform, "arch": "x86_64"},
    }


class Runner:
    """A boot that is none.

    requests -- what was asked
    """

    def __init__(self, *outcomes: str, facts: bool = True) -> None:
        self.outcomes, self.facts = outcomes, facts
        self.requests: list[Request] = []

    def __call__(self, request: Request, out: Path) -> Results:
        self.requests.append(request)
        out.mkdir()
        (out / "console.log").write_text("Linux\n", encoding="utf-8")
        assert Path(request.image).read_bytes() == _KERNEL
        cases = [
            CaseResult("claim_test", f"claim.M6_{at}", ["M6"], outcome)
            for at, outcome in enumerate(self.outcomes)
        ]
        facts = {"release": "7.3.4"} if self.facts else {}
        return Results({"machine": request.machine.name}, "mediated", facts, True, cases)


def pull(out: Path, run: Any, logs: str = "") -> int:
    machines = {name: machine(name) for name in ("amd-zen4", "intel-v5")}
    return PullLab("lab-pmu", machines, out, logs, run).poll()


def test_a_job_is_claimed_run_and_answered(url: str, tmp_path: Path) -> None:
    add_job(url)
    run = Runner("conforms", "known", "skip")
    assert pull(tmp_path, run, "https://logs.example/pull/") == 1
    request = run.requests[0]
    assert (request.machine.name, request.timeout, request.filter) == ("amd-zen4", 1200, "")
    (claim_path, claim), (path, value) = Api.puts
    assert claim_path == "/latest/node/n1" and claim["data"]["job_id"].startswith("lab-pmu:")
    assert claim["state"] == "available" and "created" not in claim and "id" not in claim
    assert path == "/latest/nodes/n1"
    node = value["node"]
    assert (node["state"], node["result"]) == ("done", "pass")
    assert node["artifacts"] == {
        "job_definition": f"{url}/n1.json",
        "test_log": "https://logs.example/pull/n1/run/console.log",
    }
    (program,) = value["child_nodes"]
    assert program["node"]["path"] == ["checkout", "kbuild", "pmu", "claim_test"]
    cases = [one["node"] for one in program["child_nodes"]]
    assert [one["result"] for one in cases] == ["pass", "pass", "skip"]
    assert cases[0]["path"] == ["checkout", "kbuild", "pmu", "claim_test", "claim.M6_0"]
    assert cases[0]["data"] == {"arch": "x86_64", "platform": "amd-zen4", "runtime": "lab-pmu"}


def test_the_token_goes_to_the_api_alone(url: str, tmp_path: Path) -> None:
    add_job(url)
    pull(tmp_path, Runner("conforms"))
    assert Api.heard == [None, None]


def test_a_job_is_done_once(url: str, tmp_path: Path) -> None:
    add_job(url)
    assert pull(tmp_path, Runner("conforms")) == 1
    assert pull(tmp_path, Runner("conforms")) == 0
    # Also by who asks from the beginning.
    (tmp_path / "other").mkdir()
    assert pull(tmp_path / "other", Runner("conforms")) == 0


def test_jobs_of_others_are_left_alone(url: str, tmp_path: Path) -> None:
    add_job(url, "n1", "beaglebone-black")
    add_job(url, "n2")
    Api.nodes["n2"]["data"]["runtime"] = "lab-other"
    add_job(url, "n3")
    Api.nodes["n3"]["data"]["job_id"] = "lab-pmu:another"
    assert pull(tmp_path, Runner("conforms")) == 0
    assert not Api.puts


def test_a_case_that_violates_fails_the_job(url: str, tmp_path: Path) -> None:
    add_job(url)
    pull(tmp_path, Runner("conforms", "violates"))
    assert Api.puts[-1][1]["node"]["result"] == "fail"


@pytest.mark.parametrize(("facts", "result"), [(True, "pass"), (False, "fail")])
def test_a_boot_is_one_that_comes_to_programs(
    url: str, tmp_path: Path, facts: bool, result: str
) -> None:
    add_job(url, tests=[{"id": "boot-test", "type": "boot", "timeout_s": 60}])
    pull(tmp_path, Runner("skip", facts=facts))
    value = Api.puts[-1][1]
    assert value["node"]["result"] == result
    (boot,) = value["child_nodes"]
    assert boot["node"]["name"] == "boot" and boot["node"]["result"] == result


def test_a_subset_is_a_filter(url: str, tmp_path: Path) -> None:
    tests = definition(url)["tests"]
    tests[0]["subset"] = ["claim_test", "*:times.*", "no words"]
    add_job(url, tests=tests)
    run = Runner("conforms")
    pull(tmp_path, run)
    assert run.requests[0].filter == "claim_test,*:times.*"


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"tests": [{"id": "x", "type": "ltp"}]}, "invalid_job_params", "no boot test"),
        ({"tests": 7}, "invalid_job_params", "no boot test"),
        ({"artifacts": {"kernel": "file:///etc/passwd"}}, "invalid_job_params", "no kernel"),
        ({"environment": {"arch": "arm64"}}, "invalid_job_params", "arm64"),
        ({"integrity": {"sha256": {"kernel": "0" * 64}}}, "Infrastructure", "another sum"),
    ],
)
def test_what_cannot_be_done_is_answered_with_the_reason(
    url: str, tmp_path: Path, changes: dict[str, Any], code: str, why: str
) -> None:
    add_job(url, **changes)
    pull(tmp_path, Runner("conforms"))
    path, node = Api.puts[-1]
    assert path == "/latest/node/n1"
    assert (node["state"], node["result"]) == ("done", "incomplete")
    assert node["data"]["error_code"] == code and why in node["data"]["error_msg"]
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_interrupted_is_answered(url: str, tmp_path: Path) -> None:
    def stopped(*_: Any) -> Results:
        raise KeyboardInterrupt

    add_job(url)
    with pytest.raises(KeyboardInterrupt):
        pull(tmp_path, stopped)
    assert Api.puts[-1][1]["result"] == "incomplete"
    # The moment was not kept: who goes on asks again, and finds it done.
    assert not (tmp_path / "since").exists()


def test_a_refused_run_is_no_fault_of_the_kernel(url: str, tmp_path: Path) -> None:
    def refused(*_: Any) -> Results:
        raise Refused("no emulator")

    add_job(url)
    pull(tmp_path, refused)
    node = Api.puts[-1][1]
    assert node["result"] == "incomplete" and node["data"]["error_msg"] == "no emulator"


def test_a_server_that_cannot_be_asked_is_asked_again(url: str, tmp_path: Path) -> None:
    class Enough(Exception):
        """Ends the loop."""

    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            Api.nodes.clear()
        else:
            raise Enough

    Api.nodes["n1"] = "no node"
    lab = PullLab("lab-pmu", {}, tmp_path, "", Runner())
    with pytest.raises(Enough):
        forever(lab, 45, wait)
    assert waits == [45, 45]
    assert url


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--runtime"),
        (["--runtime", "x", "--platforms", "=amd-zen4"], "NAME=MACHINE"),
        (["--runtime", "x", "--platforms", "a=b"], "b"),
        (["--runtime", "x", "--logs", "ftp://x"], "--logs"),
    ],
)
def test_what_pull_cannot_take_is_one_line(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNELCI_API", raising=False)
    with pytest.raises(Refused, match=said):
        command.main(["pull", *arguments])


def test_the_server_wants_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERNELCI_API", "https://api.example/latest")
    with pytest.raises(Refused, match="KERNELCI_API wants https://TOKEN@HOST/latest"):
        command.main(["pull", "--runtime", "x", "--out", str(tmp_path)])


def test_a_wrong_token_is_said(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERNELCI_API", url.replace("http://", "http://wrong@") + "/latest")
    with pytest.raises(Refused, match=r"refuses it \(401, no entry\)"):
        pull(tmp_path, Runner())


@pytest.mark.parametrize("text", ["", "7", "[]", "{" * 100000, '{"artifacts": 7}'])
def test_a_definition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Job.read(text)
