# SPDX-License-Identifier: GPL-2.0-only
"""Which mutants are wanted, what a boot said of them, and what that counts as."""

import dataclasses
import subprocess
from pathlib import Path

import pytest
from sample import mutant

from pmu_passthrough.base.say import Refused

pytest.importorskip("clang.cindex")
pytest.importorskip("unidiff")

from pmu_passthrough.lab.mutants import Answer, Question, answers_in  # noqa: E402
from pmu_passthrough.mutation import report, table, verdict  # noqa: E402
from pmu_passthrough.mutation.calls import Calls  # noqa: E402
from pmu_passthrough.mutation.mutant import load, with_fingerprint, write  # noqa: E402
from pmu_passthrough.mutation.patch import Patch  # noqa: E402
from pmu_passthrough.mutation.verdict import Argument, Kept, Verdict  # noqa: E402
from pmu_passthrough.mutation.verdict import counted, what_is_stale  # noqa: E402


# Tables and patches.


def test_a_file_or_function_of_the_default_table_can_be_chosen() -> None:
    rows = table.chosen(["arch/x86/kvm/pmu.c:kvm_pmu_*", "arch/x86/kvm/pmu.h"])
    assert rows[0].globs == ("kvm_pmu_*",)
    assert rows[1].unit == "arch/x86/kvm/pmu.c"
    assert table.chosen(["kernel/cpu.c"])[0].globs == ("*",)


def test_what_the_default_table_has_is_of_the_same_kernel() -> None:
    for word, known in (
        ("arch/x86/kvm/pmu.c", True),
        ("arch/x86/kvm/pmu.c:kvm_pmu_refresh", True),
        ("kernel/events/core.c:perf_*_guest_context", True),
        ("kernel/events/core.c:perf_event_open", False),
        ("kernel/cpu.c", False),
    ):
        assert [table.is_of_default(row) for row in table.chosen([word])] == [known]


def test_a_header_that_nothing_is_known_of_is_refused() -> None:
    with pytest.raises(Refused, match="no file include/linux/none.h"):
        table.chosen(["include/linux/none.h"])


def test_rules_name_functions_as_their_source() -> None:
    assert "M9" in table.rules_of("kvm_arch_destroy_vm")
    assert not table.rules_of("start_kernel")


BEFORE = "one\ntwo\nthree\nfour\nfive\n"
AFTER = "one\n2\nthree\nfive\nsix\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two commits."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    for text in (BEFORE, AFTER):
        (tmp_path / "a.c").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    return tmp_path


def test_a_range_touches_what_it_adds_and_what_is_beside_what_it_removes(tree: Path) -> None:
    patch = Patch.of_range(tree, "HEAD^..HEAD")
    (touched,) = patch.touched()
    # 2 is for 1 and 2, whose line was replaced; 3 and 4 are beside "four".
    assert touched.file == "a.c" and touched.lines == {1, 2, 3, 4, 5}
    assert patch.is_in(tree)
    assert [line.number for line in patch.lines() if line.kind == "+"] == [2, 5]


def test_a_patch_fits_a_tree_that_has_it_not(tree: Path) -> None:
    patch = Patch.of_range(tree, "HEAD^..HEAD")
    (tree / "a.c").write_text(BEFORE, encoding="utf-8")
    assert not patch.is_in(tree)
    (tree / "a.c").write_text("other\n" * 9, encoding="utf-8")
    with pytest.raises(Refused, match="neither is in"):
        patch.is_in(tree)


@pytest.mark.parametrize(
    "commits, words",
    [
        ("HEAD", "wants A..B"),
        ("..HEAD", "wants A..B"),
        ("--all..HEAD", "wants A..B"),
        ("HEAD~9..HEAD", "has no commit HEAD~9"),
        ("HEAD..HEAD", "nothing differs"),
    ],
)
def test_a_range_that_is_none_is_refused(tree: Path, commits: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        Patch.of_range(tree, commits)


@pytest.mark.parametrize("text", ["", "hello\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n"])
def test_what_is_no_patch_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="given is no patch"):
        Patch(text, "given").touched()


MODE = "diff --git a/a.c b/a.c\nold mode 100644\nnew mode 100755\n"
HUNK = "--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"


@pytest.mark.parametrize(
    "text, words",
    [
        (MODE, "changes no C"),
        (HUNK + HUNK, "changes a.c more than once"),
        ("+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n", "is no patch"),
    ],
)
def test_a_patch_of_which_no_line_is_certain_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        Patch(text, "given").touched()


def test_a_patch_that_fits_elsewhere_only_is_refused(tree: Path) -> None:
    (tree / "a.c").write_text("zero\n" * 30 + BEFORE, encoding="utf-8")
    with pytest.raises(Refused, match="line by line"):
        Patch(HUNK, "given").is_in(tree)


def test_a_file_that_is_renamed_is_known_by_both_names() -> None:
    text = "diff --git a/z.c b/y.c\nsimilarity index 90%\nrename from z.c\nrename to y.c\n"
    text += "--- a/z.c\n+++ b/y.c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    assert Patch(text, "given").files() == ["y.c", "z.c"]


def test_any_bytes_may_be_in_a_patch(tmp_path: Path) -> None:
    (tmp_path / "patch").write_bytes(b"From: J\xf6rg\n" + HUNK.encode())
    assert len(Patch.read(tmp_path / "patch").sum()) == 64


def test_functions_of_one_file_are_one_row() -> None:
    (row,) = table.chosen(["kernel/cpu.c:one", "kernel/cpu.c:two", "kernel/cpu.c:one"])
    assert row.globs == ("one", "two")


def test_a_patch_without_c_is_refused() -> None:
    with pytest.raises(Refused, match="changes no C"):
        Patch("--- a/x.rst\n+++ b/x.rst\n@@ -1 +1 @@\n-a\n+b\n", "given").touched()


# What a boot says.


def asked(how: str, number: int, case: str, status: int | None, said: str = "") -> str:
    ok = {0: "ok", 4: "ok"}.get(status if status is not None else 1, "not ok")
    name = case.partition(":")[2]
    lines = [f"@@lab asked {how} {number} {case}", "@@lab program a_test", "TAP version 13", "1..1"]
    lines += [f"#  RUN           {name} ...", *([said] if said else [])]
    if status is not None:
        lines += [f"{ok} 1 {name}", f"@@lab status {status}"]
    return "".join(f"{line}\n" for line in lines)


CASE, NEXT = "a_test:f.M9_one", "a_test:f.M9_two"
VIOLATES = "# violates M9: it is not"


def one(text: str, *, alone: bool = False, first: int = 5) -> Answer:
    questions = [Question(9, (CASE,)), Question(5, (CASE, NEXT), alone)]
    before = asked("mutated", 9, CASE, 0) + "@@lab done 9\n"
    (found,) = [a for a in answers_in(questions, before + text, "the end") if a.mutant == first]
    return found


def test_a_mutant_whose_cases_pass_survives() -> None:
    text = asked("mutated", 5, CASE, 0) + asked("mutated", 5, NEXT, 0) + "@@lab done 5\n"
    assert one(text) == Answer(5, "survived", asked=2)


def test_a_case_that_is_skipped_with_the_mutant_has_noticed_it() -> None:
    text = (
        asked("mutated", 5, CASE, 4).replace("ok 1 f.M9_one", "ok 1 f.M9_one # SKIP needs a PMU")
        + asked("control", 5, CASE, 0)
        + asked("again", 5, CASE, 4)
        + "@@lab done 5\n"
    )
    assert one(text) == Answer(5, "noticed", CASE, (), "skip", 1)


def test_a_mutant_is_noticed_by_a_case_that_fails_twice_and_passes_between() -> None:
    text = (
        asked("mutated", 5, CASE, 0)
        + asked("mutated", 5, NEXT, 1, VIOLATES)
        + asked("control", 5, NEXT, 0)
    )
    again = text + asked("again", 5, NEXT, 1, VIOLATES) + "@@lab done 5\n"
    assert one(again) == Answer(5, "noticed", NEXT, ("M9",), asked=2)
    once = text + asked("again", 5, NEXT, 0) + "@@lab done 5\n"
    assert one(once).how == "once"


def test_what_another_mutant_left_behind_is_no_kill() -> None:
    text = asked("mutated", 5, CASE, 1, VIOLATES) + asked("control", 5, CASE, 1, VIOLATES)
    assert one(text).how == "unsettled"
    alone = asked("before", 5, CASE, 0) + text
    assert one(alone, alone=True) == Answer(5, "noticed", CASE, ("M9",), asked=1)


def test_the_first_of_a_boot_has_no_proof_either() -> None:
    text = asked("mutated", 5, CASE, 1, VIOLATES) + asked("control", 5, CASE, 1, VIOLATES)
    (found,) = answers_in([Question(5, (CASE,))], text, "the end")
    assert found.how == "unsettled"


def test_a_later_case_wants_its_own_proof() -> None:
    text = asked("before", 5, CASE, 0) + asked("mutated", 5, CASE, 0)
    text += asked("mutated", 5, NEXT, 1, VIOLATES) + asked("control", 5, NEXT, 1, VIOLATES)
    assert one(text, alone=True).how == "unsettled"


@pytest.mark.parametrize("length", [3, 20, 30, 40])
def test_a_report_may_end_in_the_middle_of_a_line(length: int) -> None:
    line = f"@@lab asked mutated 5 {CASE}"
    text = asked("mutated", 5, CASE, 0) + line[:length]
    questions = [Question(5, (CASE, NEXT))]
    assert all(a.case in ("", CASE) for a in answers_in(questions, text, "the end"))


def test_an_undecided_rule_is_not_violated() -> None:
    said = "# violates M20: no\n# undecided M9: perhaps"
    text = asked("mutated", 5, CASE, 1, said) + asked("control", 5, CASE, 0)
    text += asked("again", 5, CASE, 1, said) + "@@lab done 5\n"
    assert one(text).rules == ("M20",)


def test_a_mutant_that_ends_the_boot_is_noticed_if_it_was_alone() -> None:
    text = asked("mutated", 5, CASE, None)
    assert one(text).how == "unsettled"
    found = one(asked("before", 5, CASE, 0) + text, alone=True)
    assert (found.how, found.said) == ("noticed", "the end")


def test_a_case_that_fails_without_the_mutant_says_nothing_of_it() -> None:
    assert one(asked("before", 5, CASE, 1, VIOLATES), alone=True).how == "none"


# What that counts as.


def test_a_rule_that_names_the_function_is_told_from_others() -> None:
    own = Calls({}).rules_of("kvm_arch_destroy_vm")
    assert verdict.how_noticed(own, ["M9"]) == "own"
    assert verdict.how_noticed(own, ["M9.page"]) == "own"
    assert verdict.how_noticed(own, ["M20"]) == "killed"
    assert verdict.how_noticed(own, []) == "breaks"


def test_a_helper_has_the_rules_of_those_that_call_it(tmp_path: Path) -> None:
    Calls.of(
        [
            ("helper", "helper"),
            ("helper", "deeper"),
            ("kvm_arch_destroy_vm", "helper"),
            ("start_kernel", "deeper"),
            ("helper", "kvm_arch_vcpu_precreate"),
        ]
    ).write(tmp_path / "calls.json")
    calls = Calls.load(tmp_path / "calls.json")
    assert calls.rules_of("deeper") == table.rules_of("kvm_arch_destroy_vm")
    # One that is named has its own alone.
    assert calls.rules_of("kvm_arch_vcpu_precreate") == table.rules_of("kvm_arch_vcpu_precreate")
    assert not calls.rules_of("start_kernel")
    assert not Calls.load(tmp_path / "none").rules_of("deeper")


def test_the_best_of_several_machines_counts() -> None:
    assert verdict.best([Verdict("unreached"), Verdict("killed"), Verdict("same")]).how == "killed"
    assert verdict.best([]).how == "unknown"


def test_verdicts_are_kept_over_a_torn_line(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "verdicts")
    kept.add(mutant(1), Verdict("own", CASE, ("M9",), "", 3))
    with open(tmp_path / "verdicts", "a", encoding="utf-8") as file:
        file.write('{"fingerprint": "f2", "how": "kil')
    again = Kept(tmp_path / "verdicts")
    again.add(mutant(3), Verdict("survived", asked=7))
    found = Kept(tmp_path / "verdicts").verdicts
    assert found == {"f1": Verdict("own", CASE, ("M9",), "", 3), "f3": Verdict("survived", asked=7)}


@pytest.fixture
def argued(monkeypatch: pytest.MonkeyPatch) -> None:
    these = {
        "f3": Argument("*", "same value"),
        "f1": Argument("*", "old"),
        "f7": Argument("amd*/* */mediated", "no such counter"),
    }
    monkeypatch.setattr(verdict, "arguments", lambda: these)
    reasons = [
        ("drivers/*", Argument("amd*/*", "another vendor's")),
        ("f5", Argument("*/emulated", "of the other mode")),
        ("beyond", Argument("*", "of no host")),
    ]
    monkeypatch.setattr(verdict, "_unreached", lambda: reasons)


@pytest.mark.usefixtures("argued")
def test_a_reason_why_nothing_is_reached_holds_where_it_says() -> None:
    no = Verdict("unreached")
    amd, intel, other = "amd-zen4/mediated", "intel-v5/mediated", "intel-v5/emulated"
    assert counted(mutant(5), {other: no}) == "absent"
    assert counted(mutant(5), {amd: no, other: no}) == "unreached"
    assert counted(mutant(6), {other: no}) == "unreached"
    assert (
        counted(dataclasses.replace(mutant(6), function="beyond"), {amd: no, other: no}) == "absent"
    )
    driver = dataclasses.replace(mutant(6), file="drivers/x.c")
    assert counted(driver, {amd: no}) == "absent"
    assert counted(driver, {amd: no, intel: no}) == "unreached"
    # Of another place nothing is said; what is reached, or only not asked, is no reason's.
    assert counted(driver, {amd: no, intel: Verdict("own")}) == "own"
    assert not what_is_stale(driver, {amd: no, intel: Verdict("own")})
    assert not what_is_stale(driver, {amd: Verdict("unknown")})
    assert what_is_stale(driver, {amd: Verdict("same")})
    # Of one place it is this, of the other that.
    both = dataclasses.replace(mutant(7), file="drivers/x.c")
    assert counted(both, {amd: no, intel: no}) == "equivalent"
    assert counted(both, {amd: no, other: no}) == "unreached"
    (found,) = report.outcomes([driver], {amd: lambda _: no})
    assert found.words().endswith("[another vendor's]") and found.how == "absent"
    assert not list(report.unnoticed([found])) and report.rows([found])[-1].matter == 0


@pytest.mark.usefixtures("argued")
def test_an_argument_holds_where_it_says() -> None:
    left = Verdict("survived")
    where = ("amd-zen4/emulated", "intel-v5/mediated", "intel-v5/emulated")
    assert counted(mutant(7), {where[0]: left}) == "equivalent"
    assert counted(mutant(7), {where[0]: left, where[1]: left}) == "equivalent"
    assert counted(mutant(7), {where[0]: left, where[2]: left}) == "survived"
    assert counted(mutant(7), {where[0]: left, where[2]: Verdict("same")}) == "same"
    # Nothing is left to argue where no case comes to it.
    assert counted(mutant(7), {where[0]: left, where[2]: Verdict("unreached")}) == "equivalent"
    assert counted(mutant(7), {where[2]: Verdict("unreached")}) == "unreached"
    assert counted(mutant(7), {where[0]: left, where[2]: Verdict("own")}) == "own"
    assert counted(mutant(8), {where[0]: left}) == "survived"
    assert what_is_stale(mutant(7), {where[0]: Verdict("own"), where[2]: left})
    assert not what_is_stale(mutant(7), {where[0]: left, where[2]: Verdict("own")})


@pytest.mark.usefixtures("argued")
def test_the_table_counts_what_matters() -> None:
    mutants = [mutant(number) for number in range(1, 6)]
    hows = {"f1": "own", "f2": "survived", "f3": "survived", "f4": "breaks", "f5": "unreached"}
    found = report.outcomes(mutants, {"amd-zen4/mediated": lambda m: Verdict(hows[m.fingerprint])})
    (row,) = report.rows(found)
    assert (row.all, row.noticed, row.matter) == (5, 2, 4)
    assert row.cells()[-2:] == ["50 %", "50 %"]
    assert [one.mutant.id for one in report.stale(found)] == [1]
    lines = list(report.unnoticed(found))
    assert lines[0] == "a.c:10: kvm_pmu_set_msr()" and len(lines) == 3


@pytest.mark.usefixtures("argued")
def test_a_patch_is_shown_with_its_marks(tmp_path: Path) -> None:
    patch = Patch("--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,3 @@\n one\n+two\n+three\n-four\n", "given")
    hows = {2: Verdict("own", CASE, ("M9",)), 4: Verdict("survived", asked=3)}
    mutants = [mutant(2, 2), mutant(4, 3)]
    found = report.outcomes(mutants, {"amd-zen4/mediated": lambda m: hows[m.id]})
    lines = list(report.marked(patch, found))
    assert "M9              +two" in lines
    assert "1 survived      +three" in lines
    assert lines[lines.index("1 survived      +three") + 1].lstrip().startswith("> survived")
    page = report.html(found, "given", tmp_path, patch)
    assert "x4()" in page and "M9" in page
    (tmp_path / "a.c").write_text("one\n<two>\nthree\n", encoding="utf-8")
    page = report.html(found, "given", tmp_path, None)
    assert "&lt;two&gt;" in page
    document = report.document(found, {"title": "given"})
    assert document["noticed"] == 1 and document["each"][0]["rules"] == ["M9"]


def test_a_mutant_that_begins_above_the_hunk_is_shown_in_it() -> None:
    patch = Patch("--- a/a.c\n+++ b/a.c\n@@ -20,2 +20,3 @@\n one\n+two\n three\n", "given")
    long = dataclasses.replace(mutant(2, 15), last=22)
    found = report.outcomes([long], {"amd-zen4/mediated": lambda m: Verdict("survived", asked=3)})
    assert list(report.marked(patch, found))[3].startswith("1 survived")


def test_a_mutant_of_another_tree_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "mutants.json", [mutant(1)])
    mutants = load(tmp_path / "mutants.json")
    assert with_fingerprint(mutants, "f1") == mutant(1)
    with pytest.raises(Refused, match="has no mutant f2"):
        with_fingerprint(mutants, "f2")
    (tmp_path / "mutants.json").write_text('[{"id": 1}]', encoding="utf-8")
    with pytest.raises(Refused, match="no list of mutants"):
        load(tmp_path / "mutants.json")
