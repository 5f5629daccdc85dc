# SPDX-License-Identifier: GPL-2.0-only
"""What a boot is asked, dealt out and watched for, without a boot."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pmu_passthrough.base import process
from pmu_passthrough.base.options import number
from pmu_passthrough.base.say import Refused, one_line
from pmu_passthrough.lab import boot, durations, folder, inside, run, state, trials
from pmu_passthrough.lab.machine import machine, names
from pmu_passthrough.lab.qemu import port
from pmu_passthrough.lab import request as request_
from pmu_passthrough.lab.request import Request
from pmu_passthrough.lab.rough import Rough
from pmu_passthrough.matrix import soak
from pmu_passthrough.results.model import CaseResult, Results
from pmu_passthrough.suite import cases


def test_every_profile_is_whole() -> None:
    for name in names():
        assert Request(machine(name)).kernel_arguments()
        Rough().setting(machine(name))
    assert machine("intel-v4").pmu_version == 4 and machine("intel-v4").pmu_general == 8
    assert machine("intel-sparse").pmu_fixed_mask == 0x77


def test_a_rough_machine_is_as_rough_as_asked() -> None:
    rough = machine("amd-zen4-rough")
    assert Rough().setting(rough) == "late=400 cycles=370 garbage=1 ipi=1000 nmi=2 smi=2 seed=0"
    assert Rough(None, 200, 7).setting(rough).startswith("late=800 cycles=740 garbage=1 ")
    assert Rough("").setting(rough) == "" == Rough().setting(machine("amd-zen4"))


def test_the_command_that_asks_again_asks_the_same() -> None:
    request = Request(
        machine("intel-v5"), contract="rfc", variant="reference", fault="wakes", cpus=3
    )
    assert (
        request.again()
        == "scripts/lab run --machine intel-v5 --cpus 3 --contract rfc --fault wakes"
    )
    odd = Request(machine("amd-zen4"), append="a='b c'", image="/my kernel", strict=True)
    assert odd.again().startswith("scripts/lab run --strict --kernel '/my kernel' --append ")


def test_the_contract_says_whether_the_pmu_is_mediated() -> None:
    of = {name: Request(machine("amd-zen4"), contract=name) for name in request_.CONTRACTS}
    mediated = {
        name for name, one in of.items() if "enable_mediated_pmu=1" in one.kernel_arguments()
    }
    assert mediated == {"auto", "mediated", "rfc", "rfc-as-posted"}
    assert "enable_mediated_pmu=0" in of["emulated"].kernel_arguments()
    assert "perf_guest.contract" not in of["emulated"].kernel_arguments()


def test_a_kernel_is_not_asked_for_what_it_does_not_know() -> None:
    assert request_.speaks("6.12", "emulated") and request_.speaks("6.12", "auto")
    assert not request_.speaks("6.12", "mediated")
    assert request_.speaks("7.2", "mediated") and not request_.speaks("7.2", "rfc")
    assert request_.speaks(request_.NEWEST, "rfc")
    old = Request(machine("amd-zen4"), contract="mediated", release="6.12")
    with pytest.raises(Refused, match="Linux 6.12 speaks the emulated contract only"):
        old.check()
    with pytest.raises(Refused, match="is for the newest kernel"):
        replace(old, release="7.2", contract="rfc").check()
    with pytest.raises(Refused, match="no reference kernel"):
        replace(old, release="7.2", variant="reference").check()
    parts = run.parts_of(
        replace(old, contract="mediated,emulated,rfc", release="all"),
        [machine("amd-zen4")],
        request_.contracts_in("mediated,emulated,rfc"),
        request_.kernels_in("all"),
        Path("out"),
        1,
    )
    assert [str(part.out) for part in parts] == [
        "out/newest/mediated",
        "out/newest/emulated",
        "out/newest/rfc",
        "out/7.2/mediated",
        "out/7.2/emulated",
        "out/6.12/emulated",
    ]
    with pytest.raises(Refused, match="no kernel named speaks mediated"):
        run.parts_of(old, [machine("amd-zen4")], ["mediated"], ["6.12"], Path("out"), 1)


def test_programs_are_dealt_out_by_how_long_they_take() -> None:
    entries = [cases.Entry(path.stem) for path in cases.programs()]
    seconds = {entry.program: 1.0 for entry in entries} | {"host_events_test": len(entries) / 2}
    hands = run.dealt(entries, seconds, 2)
    assert sorted(str(e) for hand in hands for e in hand) == sorted(str(e) for e in entries)
    # The longest is no company for as many others as the rest have.
    assert hands[0][0].program == "host_events_test" and len(hands[0]) < len(hands[1])
    assert len(run.dealt(entries[:1], seconds, 2)) == 1
    assert all(hand == sorted(hand, key=entries.index) for hand in hands)


def test_a_machine_is_shared_by_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "at_a_time", lambda memory_mib, threads=1: 4)
    amd, intel = Request(machine("amd-zen4")), Request(machine("intel-v5"))
    assert [run.boots_for(intel, others) for others in (0, 1, 3, 9)] == [4, 3, 1, 1]
    # Where a boot costs next to nothing, all are dealt out in as many.
    assert run.boots_for(amd, 9) == 4
    assert run.boots_for(replace(amd, icount=True)) == 1


def test_boots_are_joined_and_what_ended_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("report.log", "results.ktap", "kernel.log", "console.log", "command")
    began: list[str] = []
    fails = ""

    def one_boot(
        request: Request, out: Path, name: str, entries: list[cases.Entry], products: object
    ) -> Results:
        began.append(name)
        if name == fails:
            raise Refused("no emulator")
        for file in names:
            (out / file).write_text(f"{name}\n", encoding="utf-8")
        made = [CaseResult(entry.program, "f.M1_x", ["M1"], "conforms") for entry in entries]
        return Results({"boot_seconds": 1, "command": name}, request.contract, {}, True, made)

    monkeypatch.setattr(run, "run", one_boot)
    monkeypatch.setattr(run, "prepare", lambda request: None)
    monkeypatch.setattr(run, "at_a_time", lambda memory_mib, threads=1: 1)
    requests = [Request(machine("amd-zen4"), contract=name) for name in ("mediated", "rfc")]
    parts = [run.Part(one, tmp_path / one.contract, one.contract, 11) for one in requests]
    results = run.run_all(parts, tmp_path)
    asked = [entry.program for entry in cases.entries("")]
    for part, made in zip(parts, results):
        assert [case.program for case in made.cases] == asked
        said = (part.out / "report.log").read_text(encoding="utf-8").splitlines()
        assert said == [f"{part.name} boot {number}" for number in range(1, 12)]
    fails = began[-1]
    with pytest.raises(Refused, match="no emulator"):
        run.run_all(parts, tmp_path)
    left = {part.name: (part.out / "results.json").exists() for part in parts}
    assert sorted(left.values()) == [False, True] and not left[fails.split()[0]]


def test_what_programs_took_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = Request(machine("amd-zen4"))
    whole, part = cases.entries("param_test")[0], cases.Entry("claim_test")
    assert durations.expected(request, [part])["claim_test"] > 1
    took = {"durations": {"programs": {"param_test": 9.0, "claim_test": 7.0}}}
    durations.keep(request, [whole, part], Results(took, "mediated", {}, True, []))
    expected = durations.expected(request, [part])
    assert expected == {"claim_test": 7.0}
    # Of a program that did not run whole nothing is known, nor of another contract.
    assert durations.expected(request, [cases.Entry("param_test")])["param_test"] < 9
    other = replace(request, contract="rfc", variant="reference")
    assert durations.expected(other, [part])["claim_test"] < 7
    # A part of a program is expected to take a part of its time.
    some = durations.expected(request, [cases.Entry("claim_test", ("a",))])
    assert 0 < some["claim_test"] < 2


def test_a_saved_boot_is_for_what_is_the_same_after_any_boot() -> None:
    request = Request(machine("amd-zen4"))
    assert state.can_resume(request, "JOB=run\n")
    for other in (
        replace(request, icount=True),
        replace(request, fault="wakes", variant="reference"),
        replace(request, variant="debug"),
        replace(request, image="/boot/bzImage"),
        replace(request, machine=machine("amd-zen4-rough")),
        replace(request, machine=machine("intel-v5")),
    ):
        assert not state.can_resume(other, "JOB=run\n")
    assert not state.can_resume(request, "x" * 40000)


def test_a_program_that_was_asked_for_and_did_not_run_is_broken() -> None:
    ran = Results({}, "mediated", {}, True, [CaseResult("a_test", "x", [], "conforms")])
    left = run.left_out([cases.Entry("a_test"), cases.Entry("b_test", ("y",))], ran)
    assert [(case.name, case.outcome) for case in left] == [("b_test:plan", "broken")]


def test_a_state_that_no_run_can_go_on_from_is_removed(tmp_path: Path) -> None:
    kept, out = tmp_path / "state", tmp_path / "out"
    for path in (kept, out):
        path.mkdir()
    for name in ("console.log", "report.log", "memory"):
        (kept / name).write_text("@@lab ready\n", encoding="utf-8")
    request = Request(machine("amd-zen4"))
    assert state.go_on(kept, out, "JOB=run\n", ["qemu"], request)[:2] == ["qemu", "-incoming"]
    assert (
        (out / "job")
        .read_text(encoding="utf-8")
        .endswith("\n@@lab job begins\nJOB=run\n@@lab job ends 02db14848c7488fe06492759dcd70dfe\n")
    )
    assert not state.went_on(kept, out) and not kept.exists() and not (out / "memory").exists()
    # Somebody else may have removed it before.
    assert state.go_on(kept, out, "JOB=run\n", ["qemu"], request) == []
    assert not (out / "report.log").read_text(encoding="utf-8")


def test_only_what_a_run_marked_is_taken_for_its_boots(tmp_path: Path) -> None:
    for name in ("1", "2", "x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.log").touch()
    folder.mark_boot(tmp_path / "2")
    # One that is marked takes the boot's results.
    folder.mark_boot(tmp_path / "3")
    with folder.RunFolder(tmp_path / "3") as part:
        part.clear()
    with folder.RunFolder(tmp_path) as claimed:
        claimed.clear()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["1", "x"]


@pytest.mark.parametrize(
    "globs", ["M99*", "param_test\nx", "claim_test:open.x.M3_every_vm_claims", "a,,b", "["]
)
def test_a_filter_that_means_nothing_is_refused(globs: str) -> None:
    with pytest.raises(Refused, match="no case matches --filter"):
        cases.select(globs)


def test_a_filter_means_programs_cases_and_variants() -> None:
    assert {case.program for case in cases.select("param_test")} == {"param_test"}
    assert [str(case) for case in cases.select("claim_test:claim.M3_every_vm_claims")] == [
        "claim_test:claim.M3_every_vm_claims"
    ]
    assert cases.entries("param_test")[0].cases


@pytest.mark.parametrize(
    "word", ["0", "-1", "1m", "", "1e3", "007", "١", "9" * 10, "9" * 20, "1\n"]
)
def test_a_number_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(Exception, match="wants a number"):
        number()(word)


def test_a_message_is_one_line() -> None:
    assert one_line("a\nb\x1b[0m\r") == "a\\nb\\x1b[0m\\r"


REPORT = """@@lab fact release 7
@@lab trial wakes none
@@lab fact /fault none
@@lab program p
@@lab status 0
@@lab trial wakes wakes
@@lab fact /fault wakes
@@lab program p
@@lab status 1
@@lab tried wakes
@@lab end
"""


def test_each_half_of_a_trial_is_a_report_of_its_own() -> None:
    control = trials.part_of_report(REPORT, "wakes", "none").splitlines()
    assert control[0] == "@@lab fact release 7" and control[-1] == "@@lab end"
    assert "@@lab status 0" in control and "@@lab status 1" not in control
    broken = trials.part_of_report(REPORT, "wakes", "wakes")
    assert "@@lab status 1" in broken and "fact /fault none" not in broken
    assert trials.part_of_report(REPORT, "other", "other") == ""
    # One that was cut off has no end of its own.
    cut = trials.part_of_report(REPORT[: REPORT.index("@@lab status 1")], "wakes", "wakes")
    assert "@@lab end" not in cut


def test_the_first_failure_of_a_rule_ends_a_run(tmp_path: Path) -> None:
    (tmp_path / "console.log").touch()
    watch = boot.FirstFailure(Request(machine("amd-zen4"), stop_at="M4"), tmp_path)
    assert not watch.heard("# violates M44: x") and not watch.heard("not ok 1 x")
    assert not watch.heard("# violates M4: x") and watch.heard("not ok 2 x")
    assert boot.FirstFailure(Request(machine("amd-zen4"), stop_at="any"), tmp_path).heard(
        "not ok 1 x"
    )


def test_what_is_said_after_the_first_failure_is_not_in_the_report(tmp_path: Path) -> None:
    for name in ("console.log", "report.log"):
        (tmp_path / name).touch()
    said = "printf 'ok 1 x\\nnot ok 2 y\\nnot ok 3 z\\n' >$0/report.log; sleep 100"
    watch = boot.FirstFailure(Request(machine("amd-zen4"), stop_at="any"), tmp_path)
    ending = boot.boot(["sh", "-c", said, str(tmp_path)], tmp_path, 50, watch)
    assert ending.how == "stopped"
    assert (tmp_path / "report.log").read_text(encoding="utf-8") == "ok 1 x\nnot ok 2 y\n"


def test_a_kernel_that_stopped_in_a_case_ends_a_run(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("[0.1] WARNING: before\n", encoding="utf-8")
    watch = boot.FirstFailure(Request(machine("amd-zen4"), stop_at="any"), tmp_path)
    assert not watch.heard("#  RUN  x")
    assert not watch.silent(100)
    with open(console, "a", encoding="utf-8") as file:
        file.write("[0.2] BUG: now\n")
    assert not watch.silent(10) and watch.silent(100)


def test_a_folder_is_one_runs_and_nobody_elses(tmp_path: Path) -> None:
    with folder.RunFolder(tmp_path / "out") as claimed:
        with pytest.raises(Refused, match="is in use by another run"):
            folder.RunFolder(tmp_path / "out")
        claimed.clear()
    folder.RunFolder(tmp_path / "out").clear()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config").write_text("x", encoding="utf-8")
    with pytest.raises(Refused, match="holds other things"):
        folder.RunFolder(tmp_path / "mine")
    with pytest.raises(Refused, match="holds other things"):
        folder.remove_run(tmp_path / "mine")
    assert (tmp_path / "mine/config").exists()
    # Nor because a run lies somewhere below; but the folder of runs is theirs.
    (tmp_path / "mine/a/b").mkdir(parents=True)
    (tmp_path / "mine/a/b/results.json").touch()
    assert not folder.is_a_runs(tmp_path / "mine")
    (tmp_path / "mine/config").unlink()
    assert folder.is_a_runs(tmp_path / "mine")
    assert not folder.is_a_runs(Path("/"))


def test_a_comma_in_a_path_is_no_end_of_it() -> None:
    assert port("report", Path("/a,b"))[1] == "file,id=report,path=/a,,b"


def test_files_below_tmp_are_shown_inside(tmp_path: Path) -> None:
    (tmp_path / "script").touch()
    named = inside.hidden_files(["sh", str(tmp_path / "script"), "/etc/passwd", "/tmp/none"])
    assert named == ([tmp_path / "script"] if str(tmp_path).startswith("/tmp/") else [])
    with pytest.raises(Refused, match="there is no command 'no_such_command'"):
        inside.check_command(["no_such_command"])


def test_nothing_outlives_who_started_it(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pmu_passthrough.base import process;"
        "p = process.start(['sleep', '1000']); print(p.pid, flush=True); process.wait(p)"
    )
    top = str(Path(__file__).resolve().parents[2])
    parent = subprocess.Popen(
        ["/usr/bin/python3", "-c", script, top], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    # Tied to its parent before it becomes what was asked for.
    assert _comes_true(lambda: _name(child) == "sleep")
    parent.kill()
    parent.wait()
    gone = _comes_true(lambda: _name(child) != "sleep")
    if not gone:
        os.kill(child, signal.SIGKILL)
    assert gone


def _name(pid: int) -> str:
    """Of a process that lives."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()
    except OSError:
        return ""
    return words[1].strip("()") if words[2] != "Z" else ""


def _comes_true(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not what():
        if time.monotonic() > deadline:
            return False
    return True


def test_a_wait_ends_at_its_deadline_and_when_told() -> None:
    running = process.start(["sleep", "1000"])
    assert process.wait(running, 0.1) is None
    assert process.wait(running, 100, lambda: True) is None
    process.end(running)
    assert process.wait(process.start(["sh", "-c", "exit 7"])) == 7


def _run(name: str, outcome: str, cpus: int) -> tuple[str, Results]:
    case = CaseResult("p", "c", ["M1"], outcome, "needs x" if outcome == "skip" else "", [])
    return name, Results({"machine": "m", "cpus": cpus}, "mediated", {}, True, [case])


def test_a_verdict_that_changes_is_flaky() -> None:
    lines = list(soak.compared([_run("run-0", "conforms", 2), _run("run-1", "undecided", 2)]))
    assert lines[0] == "flaky mediated p:c"
    assert lines[-1] == "2 runs, 1 cases, 2 verdicts, 0 failed always, 0 incomplete, 1 flaky"
    # A skip is no verdict, unless the same number of CPUs gave one.
    assert list(soak.compared([_run("a", "conforms", 4), _run("b", "skip", 2)]))[-1].endswith(
        " 0 flaky"
    )
    assert list(soak.compared([_run("a", "conforms", 2), _run("b", "skip", 2)]))[-1].endswith(
        " 1 flaky"
    )
    assert "always violates: mediated p:c" in list(soak.compared([_run("a", "violates", 2)]))


def test_a_build_is_asked_to_end_before_it_is_killed(tmp_path: Path) -> None:
    kind = "trap 'echo half >out; exit' TERM; echo >ready; while :; do sleep 0.1; done"
    running = process.start(["sh", "-c", kind], cwd=tmp_path)
    assert _comes_true((tmp_path / "ready").exists)
    process.end(running, ask=True)
    assert (tmp_path / "out").exists()
    deaf = process.start(
        ["sh", "-c", "trap '' TERM; echo >deaf; while :; do sleep 0.1; done"], cwd=tmp_path
    )
    assert _comes_true((tmp_path / "deaf").exists)
    process.end(deaf, ask=True)
    assert deaf.returncode == -signal.SIGKILL
