# SPDX-License-Identifier: GPL-2.0-only
"""The lab as one of KernelCI's, against a server of this machine (kernelci_api.py)."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kernelci_api import KEPT, Api, serving

from pmu_passthrough.base.say import Refused
from pmu_passthrough.builders import kernel
from pmu_passthrough.commands import lab as command
from pmu_passthrough.kernelci.job import Definition
from pmu_passthrough.kernelci.lab import LabFails, PullLab, forever
from pmu_passthrough.lab.machine import machine
from pmu_passthrough.lab.request import Request
from pmu_passthrough.results.model import OUTCOMES, CaseResult, Results

_KERNEL = b"a bzImage"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving() as address:
        here = address.removeprefix("http://")
        monkeypatch.setenv("KERNELCI_API", f"http://secret@{here}/latest")
        yield address


def suite(**changes: Any) -> dict[str, Any]:
    """A test of the job's definition that is this suite."""
    return {"id": "kselftest-pmu_passthrough", "type": "kselftest", "timeout_s": 1200} | changes


def definition(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "artifacts": {"kernel": f"{url}/bzImage", "kselftest": f"{url}/kselftest.tar.xz"},
        "tests": [suite()],
        "environment": {"platform": "amd-zen4", "arch": "x86_64"},
        "callback": {"url": f"{url}/node/n1", "token_name": "x"},
        "integrity": {"sha256": {"kernel": hashlib.sha256(_KERNEL).hexdigest().upper()}},
    } | changes


def add_job(url: str, name: str = "n1", platform: Any = "amd-zen4", **changes: Any) -> None:
    Api.files |= {
        f"/{name}.json": json.dumps(definition(url, **changes)).encode(),
        "/bzImage": _KERNEL,
    }
    Api.events.append((f"2026-01-01T00:00:{len(Api.events):02}", name))
    Api.nodes[name] = KEPT | {
        "id": name,
        "kind": "job",
        "name": "pmu",
        "group": "pmu",
        "path": ["checkout", "kbuild", "pmu"],
        "state": "available",
        "artifacts": {"job_definition": f"{url}/{name}.json"},
        "data": {"runtime": "lab-pmu", "platform": platform, "arch": "x86_64"},
    }


class Runner:
    """A boot that is none: what is found, and what was asked."""

    def __init__(self, *outcomes: str, facts: bool = True, complete: bool = True) -> None:
        self.outcomes, self.facts, self.complete = outcomes, facts, complete
        self.requests: list[Request] = []

    def __call__(self, request: Request, out: Path) -> Results:
        self.requests.append(request)
        (out / "console.log").write_text("Linux\n", encoding="utf-8")
        assert Path(request.image).read_bytes() == _KERNEL
        cases = [
            CaseResult("claim_test", f"claim.M6_{at}", ["M6"], outcome)
            for at, outcome in enumerate(self.outcomes)
        ]
        facts = {"release": "7.3.4"} if self.facts else {}
        about = {"machine": request.machine.name}
        return Results(about, "mediated", facts, self.complete, cases)


def lab(out: Path, run: Any, logs: str = "") -> PullLab:
    machines = {name: machine(name) for name in ("amd-zen4", "intel-v5")}
    return PullLab("lab-pmu", machines, out, logs, run)


def pull(out: Path, run: Any, logs: str = "") -> int:
    return lab(out, run, logs).poll()


def answered(name: str = "n1") -> Any:
    """The node, as it was answered."""
    (value,) = [value for path, value in Api.puts if path == f"/latest/nodes/{name}"]
    return value["node"]


def test_a_job_is_claimed_run_and_answered(url: str, tmp_path: Path) -> None:
    add_job(url)
    run = Runner("conforms", "known", "skip")
    assert pull(tmp_path, run, "https://logs.example/pull/") == 1
    request = run.requests[0]
    assert (request.machine.name, request.timeout, request.filter) == ("amd-zen4", 1200, "")
    (claim_path, claim), (path, value) = Api.puts
    assert claim_path == "/latest/node/n1" and claim["data"]["job_id"].startswith("lab-pmu:")
    assert claim["state"] == "available"
    assert path == "/latest/nodes/n1"
    node = value["node"]
    assert (node["state"], node["result"]) == ("done", "pass")
    # The node is replaced: what the API keeps of it must be in it.
    assert node == node | KEPT | {"id": "n1"}
    assert node["artifacts"] == {
        "job_definition": f"{url}/n1.json",
        "test_log": "https://logs.example/pull/jobs/n1/run/console.log",
    }
    assert (tmp_path / "jobs/n1/run/console.log").exists()
    (program,) = value["child_nodes"]
    assert program["node"]["path"] == ["checkout", "kbuild", "pmu", "claim_test"]
    cases = [one["node"] for one in program["child_nodes"]]
    assert [one["result"] for one in cases] == ["pass", "pass", "skip"]
    assert cases[0]["path"] == ["checkout", "kbuild", "pmu", "claim_test", "claim.M6_0"]
    assert cases[0]["data"] == {"arch": "x86_64", "platform": "amd-zen4", "runtime": "lab-pmu"}
    # Each has half a gigabyte of them otherwise.
    assert not list(tmp_path.rglob("kernel"))


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
    for at, platform in enumerate(("beaglebone-black", ["amd-zen4"], None)):
        add_job(url, f"n{at}", platform)
    add_job(url, "n7")
    Api.nodes["n7"]["data"]["runtime"] = "lab-other"
    add_job(url, "n8")
    Api.nodes["n8"]["data"]["job_id"] = "lab-pmu:another"
    assert pull(tmp_path, Runner("conforms")) == 0
    assert not Api.puts


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_job_fails_by_each_outcome_that_is_a_failure(
    url: str, tmp_path: Path, outcome: str
) -> None:
    add_job(url)
    pull(tmp_path, Runner("conforms", outcome))
    fails = outcome in ("violates", "undecided", "broken")
    assert answered()["result"] == ("fail" if fails else "pass")


def test_a_run_that_does_not_come_to_its_end_fails(url: str, tmp_path: Path) -> None:
    add_job(url)
    pull(tmp_path, Runner("conforms", complete=False))
    assert answered()["result"] == "fail"


def test_a_run_without_a_case_says_nothing(url: str, tmp_path: Path) -> None:
    add_job(url)
    with pytest.raises(LabFails, match="no case ran"):
        pull(tmp_path, Runner())
    assert answered()["result"] == "incomplete"


@pytest.mark.parametrize(("facts", "result"), [(True, "pass"), (False, "fail")])
def test_a_boot_is_one_that_comes_to_programs(
    url: str, tmp_path: Path, facts: bool, result: str
) -> None:
    add_job(url, tests=[{"id": "boot-test", "type": "boot", "timeout_s": 60}])
    pull(tmp_path, Runner("skip", facts=facts, complete=facts))
    assert answered()["result"] == result
    (boot,) = Api.puts[-1][1]["child_nodes"]
    assert (boot["node"]["name"], boot["node"]["result"]) == ("boot", result)


def test_every_test_is_answered(url: str, tmp_path: Path) -> None:
    add_job(url, tests=[{"id": "b", "type": "boot"}, suite(), {"id": "ltp-x", "type": "ltp"}])
    pull(tmp_path, Runner("conforms"))
    nodes = [one["node"] for one in Api.puts[-1][1]["child_nodes"]]
    assert [(one["name"], one["result"]) for one in nodes] == [
        ("boot", "pass"),
        ("claim_test", "pass"),
        ("ltp-x", "skip"),
    ]
    assert answered()["result"] == "pass"


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([suite(subset=["claim_test", "time_test:*M23*"])], "claim_test,time_test:*M23*"),
        # Who names no subset asks for everything.
        ([suite(subset=["claim_test"]), suite(id="pmu_passthrough-all")], ""),
    ],
)
def test_a_subset_is_a_filter(tests: list[dict[str, Any]], expected: str) -> None:
    value = json.dumps(definition("http://127.0.0.1", tests=tests))
    assert Definition.read(value).filter == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"tests": [{"id": "x", "type": "ltp"}]},
        {"tests": 7},
        {"tests": [suite(subset="claim_test")]},
        {"tests": [suite(subset=["two words"])]},
        {"tests": [suite(subset=["no_such_case"])]},
        {"artifacts": {"kernel": "file:///etc/passwd"}},
        {"environment": {"arch": "arm64"}},
        {"integrity": {"sha256": {"kernel": "0" * 62}}},
        {"integrity": {"sha256": {"kernel": 7}}},
    ],
)
def test_a_job_that_makes_no_sense_is_answered_so(
    url: str, tmp_path: Path, changes: dict[str, Any]
) -> None:
    add_job(url, **changes)
    run = Runner("conforms")
    pull(tmp_path, run)
    assert not run.requests
    node = answered()
    assert (node["state"], node["result"]) == ("done", "incomplete")
    assert node["data"]["error_code"] == "invalid_job_params" and node["data"]["error_msg"]


@pytest.mark.parametrize(
    ("integrity", "lost", "said"),
    [
        ("0" * 64, "", "another SHA-256"),
        ("", "/n1.json", "cannot be fetched"),
        ("", "/bzImage", "cannot be fetched"),
    ],
)
def test_a_file_that_cannot_be_had_is_no_fault_of_the_kernel(
    url: str, tmp_path: Path, integrity: str, lost: str, said: str
) -> None:
    sums: dict[str, Any] = {"integrity": {"sha256": {"kernel": integrity}}} if integrity else {}
    add_job(url, **sums)
    Api.files.pop(lost, None)
    assert pull(tmp_path, Runner("conforms")) == 1
    node = answered()
    assert node["result"] == "incomplete" and said in node["data"]["error_msg"]
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_no_kernel_is_the_jobs_fault(url: str, tmp_path: Path) -> None:
    def run(request: Request, _: Path) -> Results:
        kernel.check_image(request.image)
        raise AssertionError

    add_job(url)
    assert pull(tmp_path, run) == 1
    node = answered()
    assert node["data"]["error_code"] == "invalid_job_params"
    assert "no x86 bzImage" in node["data"]["error_msg"]


@pytest.mark.parametrize("error", [Refused("no emulator"), OSError(28, "no space")])
def test_a_lab_that_fails_takes_no_more_jobs(url: str, tmp_path: Path, error: Exception) -> None:
    def refused(*_: Any) -> Results:
        raise error

    add_job(url)
    add_job(url, "n2")
    with pytest.raises(LabFails):
        forever(lab(tmp_path, refused), 1)
    assert answered()["data"]["error_code"] == "Infrastructure"
    assert Api.nodes["n2"]["state"] == "available" and "job_id" not in Api.nodes["n2"]["data"]


def test_a_job_that_became_anothers_before_the_claim_is_answered(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Api.do_PUT

    def moved(self: Api) -> None:
        put(self)
        Api.nodes["n1"]["data"]["platform"] = "beaglebone-black"

    monkeypatch.setattr(Api, "do_PUT", moved)
    add_job(url)
    run = Runner("conforms")
    assert pull(tmp_path, run) == 1 and not run.requests
    assert answered()["data"]["error_code"] == "invalid_job_params"


def test_who_is_interrupted_answers_and_ends(url: str, tmp_path: Path) -> None:
    def stopped(*_: Any) -> Results:
        raise KeyboardInterrupt

    add_job(url)
    with pytest.raises(KeyboardInterrupt):
        pull(tmp_path, stopped)
    assert answered()["result"] == "incomplete"


def test_who_is_interrupted_ends_where_it_cannot_answer(url: str, tmp_path: Path) -> None:
    def stopped(*_: Any) -> Results:
        raise KeyboardInterrupt

    add_job(url)
    Api.refuses = {"PUT /latest/nodes/n1": 1}
    with pytest.raises(KeyboardInterrupt):
        pull(tmp_path, stopped)
    assert Api.nodes["n1"]["state"] == "available"
    assert pull(tmp_path, Runner("conforms")) == 0
    assert answered()["data"]["error_msg"] == "the lab was stopped"


def test_an_answer_that_is_refused_is_given_later(url: str, tmp_path: Path) -> None:
    add_job(url)
    Api.refuses = {"PUT /latest/nodes/n1": 1}
    run = Runner("violates")
    assert pull(tmp_path, run) == 1
    assert Api.nodes["n1"]["state"] == "available"
    assert pull(tmp_path, run) == 0
    assert answered()["result"] == "fail" and len(run.requests) == 1
    assert not list(tmp_path.rglob("claim"))


def test_a_job_that_was_ended_by_others_is_left_so(url: str, tmp_path: Path) -> None:
    def ended(*_: Any) -> Results:
        Api.nodes["n1"]["state"] = "done"
        return Results({}, "mediated", {"release": "7"}, True, [CaseResult("a", "b", [], "skip")])

    add_job(url)
    assert pull(tmp_path, ended) == 1
    assert len(Api.puts) == 1


def test_a_job_that_another_claims_at_the_same_time_is_left_to_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Api.do_PUT

    def another(self: Api) -> None:
        put(self)
        Api.nodes["n1"]["data"]["job_id"] = "lab-pmu:another"

    monkeypatch.setattr(Api, "do_PUT", another)
    add_job(url)
    run = Runner("conforms")
    assert pull(tmp_path, run) == 0 and not run.requests
    assert not list(tmp_path.rglob("claim"))


def test_one_that_is_refused_does_not_stand_before_others(url: str, tmp_path: Path) -> None:
    add_job(url)
    add_job(url, "n2")
    Api.refuses = {"PUT /latest/node/n1": 9}
    assert pull(tmp_path, Runner("conforms")) == 1
    assert answered("n2")["result"] == "pass"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "x" * 65, 7, None, "\ud800"])
def test_an_id_that_is_none_is_no_job(url: str, tmp_path: Path, name: Any) -> None:
    add_job(url)
    Api.nodes["n1"]["id"] = name
    assert pull(tmp_path / "out", Runner("conforms")) == 0
    assert not Api.puts and [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("at", ["9999-12-31T00:00:00", "zzzz", 7, None, "\ud800"])
def test_an_odd_timestamp_does_not_end_the_polling(url: str, tmp_path: Path, at: Any) -> None:
    add_job(url)
    Api.events = [("2026-01-01T00:00:00", "n1")]
    (tmp_path / "cursor").write_text(str(at).encode("utf-8", "replace").decode(), encoding="utf-8")
    assert pull(tmp_path, Runner("conforms")) == 1


def test_more_events_than_a_page_are_all_seen(url: str, tmp_path: Path) -> None:
    Api.events = [(f"2025-01-01T00:00:00.{at:06}", "none") for at in range(2000)]
    add_job(url)
    assert pull(tmp_path, Runner("conforms")) == 1


def test_a_server_that_cannot_be_asked_is_asked_again(url: str, tmp_path: Path) -> None:
    class Enough(Exception):
        """Ends the loop."""

    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise Enough

    add_job(url)
    Api.refuses = {"GET /latest/events": 1}
    with pytest.raises(Enough):
        forever(lab(tmp_path, Runner("conforms")), 45, wait)
    assert waits == [45, 45] and answered()["result"] == "pass"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--runtime"),
        (["--runtime", "x", "--platforms", "=amd-zen4"], "NAME=MACHINE"),
        (["--runtime", "x", "--platforms", "a=b"], "b"),
        (["--runtime", "x", "--platforms", "a=amd-zen4,a=intel-v5"], "twice"),
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
        Definition.read(text)
