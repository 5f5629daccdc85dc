# SPDX-License-Identifier: GPL-2.0-only
"""From what a boot leaves behind to a verdict, on stored reports: above all, that nothing
which did not conform is ever taken for a pass."""

from pathlib import Path

import pytest

from pmu_passthrough.matrix.mutants import killers
from pmu_passthrough.results import console, ktap, ranking, table
from pmu_passthrough.results.arrivals import Arrivals
from pmu_passthrough.results.model import Results, joined, load

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
WARNING = "[    0.9] WARNING: CPU: 0 PID: 1 at kernel/events/core.c:1\n"
EXPECTED = (
    "[ 1.0] pmu_passthrough: an expected complaint begins\n"
    "[ 1.1] WARNING: CPU: 0 PID: 1 at kernel/events/core.c:1\n"
    "[ 1.2] pmu_passthrough: an expected complaint ends\n"
)


def results(report: str, ended: str = "yes", said: str = "") -> Results:
    context = {"machine": "test", "contract": "mediated", "boot_seconds": 1, "command": "x"}
    return ktap.parse(report, ended, console.complaint(said), context)


def of(name: str, ended: str = "yes", said: str = "") -> Results:
    return results((FIXTURES / name).read_text(encoding="utf-8"), ended, said)


def outcomes(run: Results) -> str:
    return " ".join(case.outcome for case in run.cases)


def test_a_clean_run_conforms() -> None:
    run = of("clean")
    assert run.verdict == "conforms" and run.passes
    assert run.totals["conforms"] == 2
    assert run.cases[0].rules == ["M4"]
    assert run.facts["release"] == "7.3.4"


def test_a_known_defect_is_shown_and_is_no_pass() -> None:
    run = of("known")
    assert run.verdict == "conforms but for known defects" and run.passes
    assert (run.totals["known"], run.totals["conforms"]) == (1, 1)
    assert run.cases[1].reason == "known D28"
    lines = list(table.lines([run], {}))
    assert lines[-1] == "1 passed, 0 failed, 0 skipped"
    assert "known  D28  time_test:times.M23_page" in lines


def test_a_violation_fails_with_its_evidence() -> None:
    run = of("violates")
    assert run.verdict == "violates" and not run.passes
    text = "\n".join(table.lines([run], {}))
    assert text.endswith("\n1 passed, 1 failed, 0 skipped")
    assert "missed    err (errno of the call, 0 if it succeeded): expected EBUSY, was 0" in text
    assert "again     scripts/lab run --filter claim_test:M6_refused" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("broken", "broken undecided broken"),
        ("skipped", "skip"),
        ("empty", "broken broken conforms"),
        ("short", "conforms broken"),
        ("silent", "broken"),
    ],
)
def test_what_came_to_no_verdict_is_no_pass(name: str, expected: str) -> None:
    run = of(name)
    assert outcomes(run) == expected
    assert not run.passes


def test_why_there_is_no_result() -> None:
    assert of("skipped").cases[0].reason == "needs enable_mediated_pmu=1"
    assert of("skipped").verdict == "broken"
    assert of("short").cases[1].reason == "3 cases planned, 1 reported, status 139"
    assert of("silent").cases[0].reason == "ended without a plan, status 127"


def test_a_panic_keeps_what_there_is_and_names_what_was_running() -> None:
    run = of("cut", said="[    3.1] Kernel panic - not syncing: Fatal exception\n")
    assert run.totals["conforms"] == 1
    assert (run.cases[1].outcome, run.cases[1].case) == (
        "violates",
        "schedule.task_pinned.M21_stops",
    )
    assert run.cases[1].reason == "the kernel stopped: Kernel panic - not syncing: Fatal exception"


def test_a_hang_is_not_the_kernels_fault_by_itself() -> None:
    run = of("cut", "no")
    assert (run.cases[1].outcome, run.cases[1].reason) == ("broken", "the deadline passed")


def test_a_run_that_was_stopped_is_no_pass() -> None:
    run = of("cut", "stopped")
    assert not run.complete and not run.passes and run.fails_without_a_case


def test_a_kernel_that_never_spoke_is_broken() -> None:
    run = results("", "no")
    assert run.cases[0].name == "boot:before the first program"
    assert run.cases[0].reason == "the deadline passed"


def test_a_warning_outside_every_case_fails_the_run() -> None:
    run = of("clean", said=WARNING)
    assert (run.cases[-1].name, run.cases[-1].outcome) == ("boot:kernel_log", "violates")


def test_a_warning_that_a_case_heard_is_its_own() -> None:
    (case,) = of("complains", said=WARNING).cases
    assert case.outcome == "violates" and case.violated_rules() == ["M55"]


def test_a_complaint_is_noticed_by_the_case_in_which_it_came() -> None:
    run = of("complains", said=WARNING)
    assert killers(run) == [("claim_test:claim.M5_first_vcpu", ["M5", "M55"])]
    # One that names a rule names what is wrong.
    run.cases[0].said.insert(0, "# violates M9: the claim ends with the VM")
    assert killers(run) == [("claim_test:claim.M5_first_vcpu", ["M55", "M9"])]


def test_a_complaint_that_a_case_provoked_is_none() -> None:
    assert of("clean", said=EXPECTED).passes
    assert not of("clean", said=EXPECTED + WARNING).passes
    # One that did not end may be what the kernel died of.
    assert not of("clean", said=EXPECTED.rpartition("[ 1.2]")[0]).passes


def test_a_defect_that_did_not_show_is_reported() -> None:
    lines = list(table.lines([of("stale")], {}))
    assert any(
        line.startswith("stale  D28 (M23.page) did not show on this kernel") for line in lines
    )


def test_a_case_of_two_rules_says_of_each_what_it_found() -> None:
    run = of("two_rules")
    assert run.contract == "rfc"
    text = "\n".join(table.lines([run], {}))
    assert "R29   conforms   1 " in text
    assert "D4    known      1 " in text
    assert "stale" not in text


def test_two_results_make_one_table() -> None:
    lines = list(table.lines([of("clean"), of("known")], {}))
    assert lines[-1] == "3 passed, 0 failed, 0 skipped"


def test_when_lines_came_says_how_long_cases_and_programs_took(tmp_path: Path) -> None:
    report = (
        "@@lab program a_test\nKTAP version 1\n1..1\n#  RUN           f.M4_x ...\n"
        "# conforms M4\n# took 250.000 ms, 125.500 ms of it computing\n"
        "ok 1 f.M4_x\n@@lab status 0\n@@lab end\n"
    )
    heard = Arrivals()
    for lines, at, computing in ((1, 2.0, 1.5), (4, 2.5, 1.75), (7, 3.25, 2.0), (9, 3.5, 2.25)):
        heard.add(lines, at, computing)
    heard.write(tmp_path)
    context = {"machine": "test", "contract": "mediated", "boot_seconds": 4, "command": "x"}
    run = ktap.parse(report, "yes", "", context, Arrivals.read(tmp_path))
    case = run.cases[0]
    assert case.durations == {"took": 0.25, "computing": 0.1255, "real": 0.75}
    assert case.seconds == 0.75 and case.said == ["# conforms M4"]
    assert run.context["durations"] == {
        "real": 3.5,
        "before_programs": 2.0,
        "computing": 2.25,
        "programs": {"a_test": 1.5},
    }
    both = joined([run, run]).context["durations"]
    assert both["real"] == 3.5 and both["computing"] == 4.5
    text = "\n".join(ranking.lines([run]))
    assert "1.500  a_test" in text and "a_test:f.M4_x" in text
    # One that another process ended.
    unknown = report.replace(", 125.500 ms of it computing", "")
    assert results(unknown).cases[0].durations == {"took": 0.25}
    # Nobody listened, or to another report.
    assert results(report).cases[0].durations == {"took": 0.25, "computing": 0.1255}
    assert "nobody measured it" in "\n".join(ranking.lines([results(report)]))
    assert Arrivals.read(tmp_path / "nowhere") is None


def test_boots_that_are_joined_conform_if_all_do() -> None:
    assert joined([of("clean"), of("known")]).passes
    assert not joined([of("clean"), of("cut", "no")]).passes


def test_a_line_that_was_cut_off_is_left_out() -> None:
    text = (FIXTURES / "clean").read_text(encoding="utf-8")
    assert results(text + "@@lab fact release 9").facts["release"] == "7.3.4"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "report.log").write_text(
        (FIXTURES / "known").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "console.log").touch()
    context = {
        "machine": "m",
        "contract": "mediated",
        "kernel": "plain",
        "cpus": 2,
        "boot_seconds": 1,
    }
    made = ktap.make(tmp_path, "yes", context)
    assert load(tmp_path / "results.json").value() == made.value()
