# SPDX-License-Identifier: GPL-2.0-only
"""The matrix of mutants of the kernel's code, with boots that only say something."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sample import mutant

pytest.importorskip("clang.cindex")
pytest.importorskip("unidiff")

from pmu_passthrough.lab.machine import machine  # noqa: E402
from pmu_passthrough.lab.mutants import Answer, Question, Reached  # noqa: E402
from pmu_passthrough.lab.request import Request  # noqa: E402
from pmu_passthrough.matrix import code  # noqa: E402
from pmu_passthrough.matrix.engine import Matrix  # noqa: E402
from pmu_passthrough.mutation import table  # noqa: E402
from pmu_passthrough.mutation.verdict import Kept, Verdict  # noqa: E402
from pmu_passthrough.results.model import CaseResult, Results  # noqa: E402


class Boots:
    """Answers in place of boots: by mutant, the case that fails and what it names."""

    def __init__(self, fails: dict[int, tuple[str, tuple[str, ...], str]]) -> None:
        self.fails, self.asked = fails, [list[Question]()]

    def __call__(self, request: Request, questions: list[Question], out: Path) -> list[Answer]:
        self.asked.append(questions)
        answers = []
        for question in questions:
            case, rules, said = self.fails.get(question.mutant, ("", (), ""))
            if case not in question.cases:
                answers.append(Answer(question.mutant, "survived", asked=len(question.cases)))
                continue
            asked = question.cases.index(case) + 1
            how = "noticed" if said != "left behind" or question.alone else "unsettled"
            answers.append(Answer(question.mutant, how, case, rules, said, asked))
            if said == "the kernel died":
                break
        return answers


ONE, TWO, THREE = (f"a_test:f.M{number}_x" for number in (9, 20, 41))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Boots], dict[str, Verdict]]:
    """What a matrix of six mutants comes to."""
    cases = [
        CaseResult("a_test", name.partition(":")[2], [rule], "conforms")
        for name, rule in ((ONE, "M9"), (TWO, "M20"), (THREE, "M41"))
    ]
    results = Results({"machine": "amd-zen4"}, "mediated", {}, True, cases)
    reached = Reached(
        {
            "boot": frozenset(),
            ONE: frozenset({1, 2, 3, 4}),
            TWO: frozenset({1, 2, 3}),
            THREE: frozenset({1, 2}),
        },
        frozenset({1, 2, 3, 4, 5}),
    )

    def run(boots: Boots) -> dict[str, Verdict]:
        monkeypatch.setattr(code, "ask", boots)
        monkeypatch.setattr(code, "reach", lambda *_: reached)
        matrix = Matrix(tmp_path / "out", 1, "state")
        monkeypatch.setattr(matrix, "run", lambda *_: results)
        mutants = [mutant(number, function="kvm_arch_destroy_vm") for number in range(1, 7)]
        asked = code.CodeMutants(matrix, Request(machine("amd-zen4")), mutants)
        asked.run()
        return {one.fingerprint: asked.verdict(one) for one in mutants}

    return run


Made = Callable[[Boots], dict[str, Verdict]]


def test_a_case_of_a_rule_of_the_function_is_asked_first_then_the_narrowest(made: Made) -> None:
    boots = Boots({})
    found = made(boots)
    assert [question.cases for question in boots.asked[1]][:2] == [(ONE, THREE, TWO)] * 2
    assert found["f1"] == Verdict("survived", asked=3)
    assert found["f5"].how == "same" and found["f6"].how == "unreached"


def test_what_only_breaks_is_asked_on_for_a_rule(made: Made) -> None:
    fails: dict[int, tuple[str, tuple[str, ...], str]] = {1: (ONE, (), "broken")}
    boots = Boots(fails)
    assert made(boots)["f1"] == Verdict("breaks", ONE, (), "broken", 3)
    assert boots.asked[-1][0].cases == (THREE, TWO)


def test_what_the_kernel_complains_of_is_asked_on_for_a_rule(made: Made) -> None:
    boots = Boots({1: (ONE, ("M55",), "")})
    assert made(boots)["f1"] == Verdict("killed", ONE, ("M55",), "", 3)
    assert boots.asked[-1][0].cases == (THREE, TWO)


def test_what_is_unsettled_is_asked_alone(made: Made) -> None:
    boots = Boots({3: (ONE, ("M9",), "left behind")})
    assert made(boots)["f3"] == Verdict("own", ONE, ("M9",), "left behind", 1)
    assert boots.asked[-1] == [Question(3, (ONE, TWO), True)]


def test_what_fails_without_the_mutant_too_is_no_survivor(made: Made) -> None:
    class Lost(Boots):
        def __call__(self, request: Request, questions: list[Question], out: Path) -> list[Answer]:
            how = "none" if questions[0].alone else "unsettled"
            return [Answer(one.mutant, how, one.cases[0]) for one in questions[:1]]

    assert made(Lost({}))["f4"].how == "unknown"


def test_those_after_a_mutant_that_ends_the_boot_are_asked_in_another(made: Made) -> None:
    found = made(Boots({2: (ONE, (), "the kernel died")}))
    assert found["f2"].how == "breaks" and found["f3"].how == found["f4"].how == "survived"


def test_a_kernel_booted_with_a_mutant_says_what_it_lost() -> None:
    def of(complete: bool, *outcomes: str) -> Verdict:
        cases = [
            CaseResult("a_test", f"f.M9_{at}", ["M9"], outcome, "", [f"# {outcome} M9: x"])
            for at, outcome in enumerate(outcomes)
        ]
        run = Results({"machine": "amd-zen4"}, "mediated", {}, complete, cases)
        before = frozenset({"a_test:f.M9_0", "a_test:f.M9_1"})
        return code.of_run(table.rules_of("kvm_arch_destroy_vm"), run, before)

    assert of(True, "conforms", "conforms").how == "survived"
    assert of(True, "conforms", "skip").said == "1 cases are skipped"
    assert of(True, "conforms", "violates").how == "own"
    assert of(False, "conforms").how == "breaks"


def test_only_what_is_wanted_is_forgotten(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "verdicts")
    for number in (1, 2):
        kept.add(mutant(number), Verdict("survived", asked=number))
    kept.forget(["f1", "f9"])
    assert list(Kept(tmp_path / "verdicts").verdicts) == ["f2"]


def test_what_was_answered_is_not_asked_again(made: Made) -> None:
    made(Boots({}))
    again = Boots({1: (ONE, ("M9",), "")})
    assert made(again)["f1"].how == "survived" and len(again.asked) == 1
