# SPDX-License-Identifier: GPL-2.0-only
"""What gcov says of the kernel, and what is made of it."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pmu_passthrough.base.say import Refused
from pmu_passthrough.lab.covered import executed
from pmu_passthrough.mutation import coverage
from pmu_passthrough.mutation.table import Wanted

CODE = """int asked(int a)
{
    if (a > 1)
        return 3;
    return 4;
}
int never(void)
{
    return 1;
}
int main(void) { return asked(0) != 4; }
"""


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, Path]:
    """A program in place of a kernel: its folder, and that of a run."""
    obj = tmp_path / "tree/obj"
    obj.mkdir(parents=True)
    (tmp_path / "tree/one.c").write_text(CODE, encoding="utf-8")
    command = ["gcc", "-O0", "--coverage", "-o", "one.o", "-c", "../one.c"]
    subprocess.run(command, cwd=obj, check=True)
    subprocess.run(["gcc", "--coverage", "-o", "program", "one.o"], cwd=obj, check=True)
    subprocess.run(["./program"], cwd=obj, check=True)
    (tmp_path / "built/notes").mkdir(parents=True)
    (tmp_path / "built/notes/one.gcno").write_bytes((obj / "one.gcno").read_bytes())
    data = base64.encodebytes((obj / "one.gcda").read_bytes()).decode().splitlines()
    (tmp_path / "out").mkdir()
    report = ["@@lab end", "@@lab executed /sys/kernel/debug/gcov/x/obj/one.gcda"]
    report += [*(f"@@lab data {line}" for line in data), "@@lab executed-end", "@@lab off"]
    (tmp_path / "out/report.log").write_text("\r\n".join(report) + "\r\n", encoding="utf-8")
    return tmp_path / "built", tmp_path / "out"


def test_lines_and_branches_are_those_that_were_executed(run: tuple[Path, Path]) -> None:
    lines = coverage.lines_of(executed(*run), [Wanted("one.c", ("asked", "never"))])
    counts = {one.line: one.count for one in lines}
    # Whether a closing bracket is a line of code is the compiler's choice.
    assert [counts[line] for line in (1, 3, 4, 5, 7, 9)] == [1, 1, 0, 1, 0, 0]
    (branch,) = [one for one in lines if one.branches]
    assert (branch.line, branch.branches, branch.taken) == (3, 2, 1)


def test_only_functions_that_are_wanted_are_shown(run: tuple[Path, Path]) -> None:
    lines = coverage.lines_of(executed(*run), [Wanted("one.c", ("ne*",))])
    assert {one.function for one in lines} == {"never"}
    assert not coverage.lines_of(executed(*run), [Wanted("two.c", ("*",))])


def test_what_did_not_come_whole_is_refused(run: tuple[Path, Path]) -> None:
    report = run[1] / "report.log"
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace("@@lab data ", "@@lab data !", 1), encoding="utf-8")
    with pytest.raises(Refused, match="did not come whole"):
        executed(*run)
    report.write_text("@@lab end\n", encoding="utf-8")
    with pytest.raises(Refused, match="does not say what was executed"):
        executed(*run)


def of(line: int, count: int, taken: int = 0) -> coverage.Executed:
    return coverage.Executed("one.c", "asked", line, count, 2 if taken else 0, taken)


def test_of_several_runs_what_any_executed_counts() -> None:
    both = coverage.together([[of(3, 0), of(4, 2, 1)], [of(3, 5), of(4, 1, 2)]])
    assert [(one.line, one.count, one.taken) for one in both] == [(3, 5, 0), (4, 2, 2)]


def test_table_page_and_list_say_the_same(run: tuple[Path, Path]) -> None:
    lines = coverage.lines_of(executed(*run), [Wanted("one.c", ("*",))])
    sources = run[0].parent / "tree"
    (row,) = coverage.cells(lines)
    executed_lines = sum(one.count > 0 for one in lines)
    share = f"{executed_lines * 100 // len(lines)} %"
    assert row[:4] == ["one.c", str(len(lines)), str(executed_lines), share]
    assert len(coverage.cells(lines, function=True)) == 4
    missed = list(coverage.unexecuted(lines, sources))
    assert missed[:2] == ["one.c asked()", "    4: return 3;"]
    shown = coverage.html(lines, "title", sources)
    assert "return 3;" in shown and share in shown and "<svg" in shown
    document: dict[str, Any] = coverage.document(lines, "title")
    assert sum(one["count"] == 0 for one in document["lines"]) == 3
