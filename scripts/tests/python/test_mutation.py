# SPDX-License-Identifier: GPL-2.0-only
"""Mutants of C: which there are, and that each does what it says."""

import subprocess
from pathlib import Path

import pytest

from pmu_passthrough.base.place import TOP
from pmu_passthrough.base.say import Refused

pytest.importorskip("clang.cindex")

from pmu_passthrough.mutation.edit import with_mutants  # noqa: E402
from pmu_passthrough.mutation.parse import File  # noqa: E402
from pmu_passthrough.mutation.sites import Site, sites_of  # noqa: E402


def parsed(folder: Path, text: str, name: str = "sample.c") -> File:
    """The text as a file that the kernel's make compiled in the folder "obj"."""
    (folder / "obj").mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    left = f"savedcmd_{name} := gcc -std=gnu11 -c -o sample.o ../{name}\n"
    (folder / f"obj/.{Path(name).stem}.o.cmd").write_text(left, encoding="utf-8")
    return File(folder, folder / "obj", name)


def places(file: File) -> list[Site]:
    return sites_of(file, file.functions())


def changes(file: File) -> list[tuple[str, str, str]]:
    return [(c.operator, c.was, c.becomes) for site in places(file) for c in site.changes]


def numbered(sites: list[Site]) -> list[tuple[int, Site]]:
    number, found = 1, []
    for site in sites:
        found.append((number, site))
        number += len(site.changes)
    return found


class Program:
    """A C function that takes two numbers, with all its mutants, compiled."""

    def __init__(self, folder: Path, text: str) -> None:
        file = parsed(folder, text)
        self.sites = places(file)
        (folder / "linux").mkdir()
        (folder / "linux/compiler.h").write_text(
            "#define READ_ONCE(x) (x)\n#define unlikely(x) (x)\n", encoding="utf-8"
        )
        (folder / "linux/types.h").write_text(
            "#include <stdbool.h>\ntypedef unsigned char u8;\n", encoding="utf-8"
        )
        (folder / "made.c").write_bytes(with_mutants(file, numbered(self.sites)))
        (folder / "main.c").write_text(
            """
#include <stdio.h>
#include <stdlib.h>
unsigned int mutant_on;
unsigned char mutant_reached[1000], mutant_differs[1000];
long asked(long a, long b);
int main(int argc, char **argv)
{
    mutant_on = atoi(argv[1]);
    printf("%ld", asked(atol(argv[2]), atol(argv[3])));
    for (int i = 0; i < 1000; i++)
        if (mutant_differs[i])
            printf(" %d", i);
}
""",
            encoding="utf-8",
        )
        include = TOP / "lab/mutation/include"
        made = [folder / name for name in ("program", "made.c", "main.c")]
        command = [
            "gcc",
            "-std=gnu11",
            "-Wall",
            "-Wno-parentheses",
            "-Werror",
            "-I",
            folder,
            "-I",
            include,
            "-o",
        ]
        subprocess.run([str(word) for word in (*command, *made)], check=True)
        self._program = folder / "program"

    def number(self, operator: str, was: str, becomes: str) -> int:
        for first, site in numbered(self.sites):
            for at, one in enumerate(site.changes):
                if (one.operator, one.was, one.becomes) == (operator, was, becomes):
                    return first + at
        raise AssertionError(f"no {operator} of {was} to {becomes}")

    def run(self, mutant: int, a: int, b: int) -> tuple[int, set[int]]:
        """What it returns, and the mutants that would have made a difference."""
        words = [str(number) for number in (mutant, a, b)]
        made = subprocess.run([self._program, *words], capture_output=True, check=True)
        value, *differs = made.stdout.split()
        return int(value), {int(number) for number in differs}


ASKED = """
struct bits { unsigned int low : 3; };
static long other(long value) { return value + 7; }
long asked(long a, long b)
{
    struct bits bits = { .low = a };
    long sum = 0;

    if (a > 5 && b != 3)
        sum += a;
    else
        sum -= b;
    sum = sum | (b << 1);
    for (int i = 0; i < b; i++)
        sum++;
    if (!(bits.low & 4))
        return other(bits.low);
    return ~sum;
}
"""


def reference(a: int, b: int) -> int:
    total = a if a > 5 and b != 3 else -b
    total = (total | b << 1) + max(b, 0)
    return ~total if a & 4 else (a & 7) + 7


@pytest.mark.parametrize("a, b", [(6, 2), (12, 3), (4, 1), (1, 0), (7, 5)])
def test_with_no_mutant_on_it_is_the_same(tmp_path: Path, a: int, b: int) -> None:
    assert Program(tmp_path, ASKED).run(0, a, b)[0] == reference(a, b)


@pytest.mark.parametrize(
    "change, a, b, value",
    [
        (("true", "a > 5 && b != 3", "true"), 4, 1, ~(4 | 2) - 1),
        (("false", "a > 5 && b != 3", "false"), 6, 2, ~((-2 | 4) + 2)),
        (("negate", "a > 5 && b != 3", "!(a > 5 && b != 3)"), 6, 2, ~((-2 | 4) + 2)),
        (("true", "a > 5", "true"), 4, 1, ~((4 | 2) + 1)),
        (("boundary", "a > 5", "a >= 5"), 5, 1, ~((5 | 2) + 1)),
        (("delete", "sum += a", ""), 6, 2, ~((0 | 4) + 2)),
        (("operator", "sum += a", "sum -= a"), 6, 2, ~((-6 | 4) + 2)),
        (("operator", "sum | (b << 1)", "sum & (b << 1)"), 6, 2, ~((6 & 4) + 2)),
        (("constant", "1", "0"), 6, 2, ~((6 | 2) + 2)),
        (("delete", "sum++", ""), 6, 2, ~(6 | 4)),
        (("false", "i < b", "false"), 6, 2, ~(6 | 4)),
        (("return", "other(bits.low)", "0"), 1, 0, 0),
        (("argument", "bits.low", "0"), 1, 0, 7),
        (("operator", "~sum", "sum"), 6, 2, (6 | 4) + 2),
        (("operator", "bits.low & 4", "bits.low | 4"), 1, 0, ~0),
    ],
)
def test_a_mutant_does_what_it_says(
    tmp_path: Path, change: tuple[str, str, str], a: int, b: int, value: int
) -> None:
    program = Program(tmp_path, ASKED)
    number = program.number(*change)
    found, _ = program.run(number, a, b)
    assert found == value
    # It is noted beforehand that it would make a difference.
    assert number in program.run(0, a, b)[1]


def test_what_would_be_the_same_makes_no_difference(tmp_path: Path) -> None:
    program = Program(tmp_path, ASKED)
    _, differs = program.run(0, 6, 2)
    for change in (
        ("true", "a > 5 && b != 3", "true"),
        ("boundary", "a > 5", "a >= 5"),
        ("return", "other(bits.low)", "0"),
    ):
        assert program.number(*change) not in differs


def test_a_name_stays_when_lines_move_and_texts_stay(tmp_path: Path) -> None:
    before = [name for site in places(parsed(tmp_path, ASKED)) for name in site.fingerprints]
    moved = "\n\n/* more */\n" + ASKED.replace("sum += a", "sum  +=\n\t\ta")
    after = [name for site in places(parsed(tmp_path, moved)) for name in site.fingerprints]
    assert before == after and len(set(before)) == len(before)


def test_locks_barriers_and_messages_stay(tmp_path: Path) -> None:
    file = parsed(
        tmp_path,
        """
void spin_lock(int *l); void mutex_unlock(int *l); void smp_mb(void); int pr_warn(const char *f);
void work(int *l) { spin_lock(l); smp_mb(); pr_warn("x"); mutex_unlock(l); }
""",
    )
    assert changes(file) == []


def test_what_a_macro_makes_is_changed_only_as_a_whole(tmp_path: Path) -> None:
    file = parsed(
        tmp_path,
        """
#define TWICE(x) do { (x) = (x) + (x); } while (0)
void work(int a) { TWICE(a); }
""",
    )
    assert changes(file) == [("delete", "TWICE(a)", "")]


@pytest.mark.parametrize(
    "text, a, b, value",
    [
        # A constant keeps its type, whatever the other one's would be.
        ("return ~0xffffffff;", 0, 0, 0),
        ("return (unsigned)5 * 0x7fffffff;", 0, 0, 2147483643),
        ("return a + 0644;", 1, 0, 421),
        # Operands of a macro without brackets are not what they seem.
        ("return X & b;", 4, 2, 4),
        ("return !a;", 8, 0, 0),
    ],
)
def test_nothing_changes_where_no_mutant_is_on(
    tmp_path: Path, text: str, a: int, b: int, value: int
) -> None:
    program = Program(tmp_path, f"#define X a | 1\nlong asked(long a, long b) {{ {text} }}\n")
    found = program.run(0, a, b)[0]
    assert found == (a | 1 & b if "X" in text else value)


def test_what_the_compiler_decides_by_is_left_alone(tmp_path: Path) -> None:
    file = parsed(
        tmp_path,
        """
#define IS_ENABLED(option) 0
void gone(void);
int work(int a)
{
    if (IS_ENABLED(CONFIG_X))
        gone();
    if (a && IS_ENABLED(CONFIG_Y))
        gone();
    while (1)
        if (a)
            return a;
}
""",
    )
    assert {was for _, was, _ in changes(file)} <= {"gone()", "a"}


def test_what_only_begins_like_a_lock_is_changed(tmp_path: Path) -> None:
    file = parsed(
        tmp_path,
        """
void smp_call_function_single(int cpu); void rcu_assign_pointer(int a); void local_irq_disable(void);
void work(int a) { smp_call_function_single(a); rcu_assign_pointer(a); local_irq_disable(); }
""",
    )
    deleted = [was for operator, was, _ in changes(file) if operator == "delete"]
    assert deleted == ["smp_call_function_single(a)", "rcu_assign_pointer(a)"]


def test_what_is_not_compiled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "obj").mkdir()
    (tmp_path / "left.c").write_text("int a;\n", encoding="utf-8")
    with pytest.raises(Refused, match="left.c is not compiled"):
        File(tmp_path, tmp_path / "obj", "left.c")


def test_what_clang_cannot_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="clang cannot read sample.c"):
        parsed(tmp_path, "int a(void) { return b; }\n")


def test_calls_are_found_directly_and_through_tables_of_operations(tmp_path: Path) -> None:
    text = """
struct operations { void (*refresh)(int); int (*other)(void); };
void __SCT__kvm_x86_pmu_refresh(int);
static void helper(void) {}
static void refresh_one(int a) { helper(); }
static struct operations these = { .refresh = refresh_one };
void named(void) { __SCT__kvm_x86_pmu_refresh(1); }
void gives(void (*to)(void (*)(void))) { to(helper); }
"""
    found = set(parsed(tmp_path, text).calls())
    assert ("refresh_one", "helper") in found
    assert ("gives", "helper") in found
    assert {("named", ".refresh"), (".refresh", "refresh_one")} <= found


def test_the_faults_of_the_reference_kernel_are_left_alone(tmp_path: Path) -> None:
    text = """
extern int perf_guest_fault(int name);
extern int g(void);
int f(int a)
{
    if (a && !perf_guest_fault(1))
        return 2;
    if (perf_guest_fault(2) || (perf_guest_fault(3) && g()))
        a = 5;
    else
        a = 6;
    if (g() || perf_guest_fault(3))
        a = 7;
    return perf_guest_fault(4) ? a : 8;
}
"""
    made = changes(parsed(tmp_path, text))
    assert {("true", "a", "true"), ("false", "g()", "false")} <= set(made)
    assert {("delete", "a = 6", ""), ("delete", "a = 7", ""), ("constant", "8", "9")} <= set(made)
    assert not [was for _, was, _ in made if "perf_guest_fault" in was or "5" in was]
    assert len([was for _, was, _ in made if was == "g()"]) == 1
