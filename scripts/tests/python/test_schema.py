# SPDX-License-Identifier: GPL-2.0-only
"""Results are read by the published schema: what the jsonschema package says of any
change of a good file, our own reading of the schema says as well."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample import run

from pmu_passthrough.base.place import TOP
from pmu_passthrough.base.say import Refused
from pmu_passthrough.results.model import complaint, load, schema
from pmu_passthrough.results.schema import Schema

jsonschema = importlib.import_module("jsonschema")
SCHEMA = json.loads((TOP / "docs/results.schema.json").read_text(encoding="utf-8"))
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2.0,
    "",
    "x",
    "M1)",
    [],
    [1],
    {},
    {"x": 1},
    10**20,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in items:
        yield from paths(one, (*at, key))


def changed(at: tuple[Any, ...], new: Any) -> Any:
    value: Any = run()
    if not at:
        return new
    node = value
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = new
    return value


def without(at: tuple[Any, ...]) -> Any:
    value: Any = run()
    node = value
    for key in at[:-1]:
        node = node[key]
    del node[at[-1]]
    return value


def everything() -> Iterator[Any]:
    for at in paths(run()):
        yield from (changed(at, odd) for odd in ODD)
        if at:
            yield without(at)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert complaint(run()) is None


def test_both_readings_agree() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    asked = refused = 0
    for value in everything():
        ours = schema().complaint(value)
        assert (ours is None) == validator.is_valid(value), value
        asked += 1
        refused += ours is not None
    assert asked > 1000 and refused > 500


def test_a_keyword_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="oneOf"):
        Schema({"oneOf": []})


@pytest.mark.parametrize(
    "change",
    [
        {
            "totals": {
                "conforms": 2,
                "known": 1,
                "violates": 1,
                "broken": 1,
                "undecided": 1,
                "skip": 1,
            }
        },
        {"verdict": "conforms"},
        {"cases": []},
    ],
)
def test_results_that_do_not_count_their_own_cases_are_refused(change: dict[str, Any]) -> None:
    assert complaint(run() | change) is not None


@pytest.mark.parametrize(
    "text", ["", "\n", "null", "[]", "{}", '{"schema": 1}', "{}{}", "[" * 100000, "\x00"]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="is no results.json of this suite"):
        load(tmp_path / "f")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"claim.M9_first"', '"claim\\ud800"'),
        ('"claim.M9_first"', '"claim\\udcff"'),
        ('"verdict": "violates"', '"verdict": "conforms", "verdict": "violates"'),
        ('"cpus": 2', '"cpus": 2, "extra": NaN'),
        ('"cpus": 2', '"cpus": Infinity'),
        ('["M9"]', '["M9\\n"]'),
        ('["M9"]', f'["M{"9" * 5000}"]'),
        ('"known D28"', '"known "'),
    ],
)
def test_what_a_form_could_not_show_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = json.dumps(run())
    assert old in text
    (tmp_path / "f").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Refused, match="is no results.json of this suite"):
        load(tmp_path / "f")


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero", "/nowhere", "/tmp", "/proc/self/mem"])
def test_what_is_no_file_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        load(Path(name))


def test_names_of_earlier_versions_are_those_of_today(tmp_path: Path) -> None:
    value: dict[str, Any] = run() | {"contract": "seed"}
    value["cases"][0] |= {"program": "seed_error_test", "case": "seed_error.x.R15_y"}
    (tmp_path / "f").write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(Refused, match="/contract"):
        load(tmp_path / "f")
    renewed = load(tmp_path / "f", renew=True)
    assert renewed.contract == "rfc"
    assert renewed.cases[0].name == "rfc_error_test:rfc_error.x.R15_y"
