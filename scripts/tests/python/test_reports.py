# SPDX-License-Identifier: GPL-2.0-only
"""No string of a results file is live in a report, and every form stays well-formed."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sample import run

from pmu_passthrough.base.say import Refused
from pmu_passthrough.results import diff, junit, kcidb, lava, page
from pmu_passthrough.results.model import Results
from pmu_passthrough.results.timeline import Timeline

EVIL = "\"><script>alert(1)</script><img src=x onerror=y>&amp;\x07\x00\ufffe\ud800{{ 7 * 7 }}'`</pre></title>"


class Tags(HTMLParser):
    """The elements that a browser would make, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def evil() -> Results:
    """All that is a string is hostile, but for what the schema gives a form."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(one) for key, one in value.items()}
        return (
            [turned(one) for one in value]
            if isinstance(value, list)
            else EVIL
            if isinstance(value, str)
            else value
        )

    value: dict[str, Any] = turned(run())
    good = run()
    for key in ("contract", "verdict"):
        value[key] = good[key]
    value["facts"] = {EVIL: EVIL, "/x" + EVIL: EVIL, "cpu_" + EVIL: EVIL, "calibration": EVIL}
    for case, one in zip(value["cases"], good["cases"]):
        case |= {"outcome": one["outcome"], "rules": one["rules"]}
        case["said"] = [
            EVIL,
            f"#   again     {EVIL}",
            f"#   timeline  1.0 cpu0 open {EVIL}",
            f"#   timeline  2.0 cpu1 read {EVIL}",
        ]
        if one["outcome"] == "known":
            case["reason"] = f"known {EVIL}"
    return Results.of(value)


def test_the_page_has_no_tag_that_is_not_ours(tmp_path: Path) -> None:
    for name in ("config", "kernel.log"):
        (tmp_path / name).write_text(EVIL, encoding="utf-8", errors="replace")
    text = page.report([evil()], [tmp_path], {"M9": EVIL})
    plain = page.report([Results.of(run())], [tmp_path], {})
    tags, ours = Tags(text), Tags(plain)
    drawing = {"svg", "text", "line", "rect", "path"}
    assert tags.names <= ours.names | drawing
    assert (
        not {name for name in tags.attributes if name.startswith("on")}
        and "src" not in tags.attributes
    )
    assert "49" not in re.findall(r"\b49\b", text)
    text.encode("utf-8")


def test_junit_is_xml_whatever_is_in_it() -> None:
    root = ElementTree.fromstring(junit.report([evil()]))
    assert len(root.findall(".//testcase")) == 6
    assert len(root.findall(".//failure")) == 2 and len(root.findall(".//error")) == 1


def test_lava_and_kcidb_have_no_odd_word() -> None:
    for line in lava.report([evil()]).splitlines():
        assert re.fullmatch(
            r"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=[a-zA-Z0-9_.-]+ RESULT=[a-z]+>", line
        )
    value = json.loads(kcidb.Submission("lab", "x", "y").report([kcidb.Run("k", evil())]))
    assert all(re.fullmatch(r"[a-zA-Z0-9_.:-]+", test["id"]) for test in value["tests"])


# Of KCIDB's schema 5.3 (kcidb-io): what an object must have, and what else it may that is made
# here. It takes no member that it does not know, and no null.
_MEMBERS = {
    "checkouts": ("id origin", "git_commit_hash tree_name git_repository_url"),
    "builds": (
        "id origin checkout_id",
        "architecture status misc config_name start_time compiler config_url",
    ),
    "tests": (
        "id origin build_id",
        "path status environment misc start_time duration log_url log_excerpt output_files",
    ),
    "issues": ("id origin version", "comment culprit"),
    "incidents": ("id origin issue_id issue_version", "test_id present"),
}


def _values(value: Any) -> Iterator[Any]:
    """All that is in it, however deep."""
    yield value
    for inner in value.values() if isinstance(value, dict) else []:
        yield from _values(inner)
    for inner in value if isinstance(value, list) else []:
        yield from _values(inner)


@pytest.mark.parametrize("results", [Results.of(run()), evil()])
def test_kcidb_takes_what_is_made_for_it(results: Results) -> None:
    of_run = kcidb.Run(
        "k", results, "", ("config", "console.log", "results.ktap"), "https://logs.example/k"
    )
    source = kcidb.Source("0" * 40, "mainline", "https://git.example/linux.git")
    value = json.loads(kcidb.Submission("lab", "x", "y", source).report([of_run]))
    assert set(value) == {"version", *_MEMBERS}
    for name, (must, may) in _MEMBERS.items():
        assert value[name]
        for one in value[name]:
            assert set(must.split()) <= set(one) <= {*must.split(), *may.split()}
            for key in (key for key in one if key == "id" or key.endswith("_id")):
                assert re.fullmatch(r"[a-z0-9_]+:[^\0]*", one[key])
    for one in value["tests"]:
        assert re.fullmatch(r"[.a-zA-Z0-9_-]*", one["path"])
        assert set(one["environment"]) <= {"comment", "misc"}
        assert (
            isinstance(one.get("duration", 0), (int, float))
            and len(one.get("log_excerpt", "")) <= 16384
        )
        assert all(set(file) == {"name", "url"} for file in one["output_files"])
    assert None not in list(_values(value))


@pytest.mark.parametrize("line", ["nan", "1e400", "1." + "0" * 400, "--5", "5", "x"])
def test_a_timeline_that_is_no_number_is_not_drawn(line: str) -> None:
    said = [
        f"#   timeline  {line} cpu0 open fd 5",
        f"#   timeline  {line} cpu99999999999999999999 x",
    ]
    assert not Timeline(said)


def test_a_timeline_is_drawn() -> None:
    said = [
        f"#   timeline  {line}"
        for line in (
            "0.0 cpu0 open fd 5",
            "10.0 cpu1 guest 77 in",
            "30.0 cpu1 inside since 20.0",
            "40.0 cpu0 guest 77 out",
            "50.0 cpu0 error fd 5",
        )
    ]
    line = Timeline(said)
    assert line and line.cpus == [0, 1] and line.last == 50
    assert [
        (bar.kind, bar.start, bar.end, line.x(bar.start), line.width(bar)) for bar in line.bars
    ] == [
        ("guest", 10, 40, "240", "540"),
        ("inside", 20, 30, "420", "180"),
    ]
    assert [mark.colour for mark in line.marks] == ["#8250df", "#cf222e"]


def test_one_machine_does_not_hide_the_others_failures() -> None:
    good: dict[str, Any] = run() | {"machine": "intel-v5"}
    good["cases"] = [case for case in good["cases"] if case["outcome"] == "conforms"]
    bad: dict[str, Any] = run()
    bad["cases"][0] |= {"outcome": "violates", "said": ["# violates M9: x"]}
    then = [Results.of(run()), Results.of(good)]
    now = [Results.of(bad), Results.of(good)]
    text, failures = diff.report(then, now)
    assert failures and text.startswith("new failure\tamd-zen4 mediated claim_test:claim.M9_first")
    names = re.findall('testsuite name="([^"]*)"', junit.report(now))
    assert names == ["amd-zen4-mediated.claim_test", "intel-v5-mediated.claim_test"]
    ids = re.findall("TEST_CASE_ID=([^ ]*)", lava.report(now))
    assert len(ids) == len(set(ids)) == 7


def test_runs_of_other_contracts_are_not_compared() -> None:
    other = run() | {"contract": "rfc"}
    with pytest.raises(Refused, match="then is of mediated, now of rfc"):
        diff.report([Results.of(run())], [Results.of(other)])
