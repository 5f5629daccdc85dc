# SPDX-License-Identifier: GPL-2.0-only
"""An emulator's hooks, shared out among the patches of a series."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from pmu_passthrough.base.place import remove_temporary, text_of
from pmu_passthrough.base.say import Refused
from pmu_passthrough.series.description import Series, names
from pmu_passthrough.series.written import sender, write

SOURCE = {"cpu.c": "".join(f"line {n}\n" for n in range(20)), "build": "one.c\n"}
HOOKS = """--- cpu.c
+++ cpu.c
@@ -3,3 +3,4 @@
 line 2
-line 3
+line 3, repaired
+count_init();
 line 4
@@ -9,2 +10,3 @@
 line 8
+count();
 line 9
--- build
+++ build
@@ -1 +1,3 @@
 one.c
+count.c
+noise.c
"""
ABOUT = """[[patch]]
subject = "cpu: Repair a line"
body = "It was wrong."
lines = ["cpu.c: line 3"]

[[patch]]
subject = "cpu: Count"
body = "Nobody did."
lines = ["*: count"]
files = ["count.c"]
own = ["test.c"]
amend = "count.patch"

[[left]]
why = "Ours."
lines = ["*: noise"]
files = ["noise.*"]
"""
AMEND = """--- a/count.c
+++ b/count.c
@@ -2 +1,0 @@
-noise();
"""


def lay_out(top: Path, about: str = ABOUT, hooks: str = HOOKS) -> Path:
    """A source, and a series for it; the source's folder."""
    files = {
        "lab/toy/hooks.patch": hooks,
        "lab/toy/files/count.c": "counts();\nnoise();\n",
        "lab/toy/files/noise.c": "makes();\n",
        "upstream/toy/series.toml": about,
        "upstream/toy/cover-letter.txt": "Count\n\nOn a toy.\n",
        "upstream/toy/count.patch": AMEND,
        "upstream/toy/files/test.c": "asks();\n",
        **{f"source/{name}": text for name, text in SOURCE.items()},
    }
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    return top / "source"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user whom git knows, and that has made nothing a habit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    config(home, "user.name", "A Sender")
    config(home, "user.email", "sender@example.org")
    return home


def config(home: Path, name: str, value: str) -> None:
    subprocess.run(["git", "config", "-f", home / ".gitconfig", name, value], check=True)


def git(tree: Path, *words: str | Path) -> str:
    made = subprocess.run(["git", "-C", tree, *words], check=True, capture_output=True, text=True)
    return made.stdout


def repository(source: Path) -> None:
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "source")


def written(top: Path, out: str | Path = "out") -> list[Path]:
    return write(Series("toy", top), top / "source", top / out, sender())


def test_mails_apply_one_after_another_to_what_the_lab_has_without_its_own(tmp_path: Path) -> None:
    source = lay_out(tmp_path)
    mails = written(tmp_path)
    assert [mail.name[:4] for mail in mails] == ["0000", "0001", "0002"]
    assert "Subject: [PATCH 0/2] Count\n\nOn a toy.\n" in mails[0].read_text(encoding="utf-8")
    assert (source / "cpu.c").read_text(encoding="utf-8") == SOURCE["cpu.c"]
    repository(source)
    git(source, "am", "-q", mails[1])
    first = SOURCE["cpu.c"].replace("line 3\n", "line 3, repaired\n")
    assert (source / "cpu.c").read_text(encoding="utf-8") == first
    assert not (source / "count.c").exists()
    git(source, "am", "-q", mails[2])
    second = first.replace("repaired\n", "repaired\ncount_init();\n")
    second = second.replace("line 8\n", "line 8\ncount();\n")
    assert (source / "cpu.c").read_text(encoding="utf-8") == second
    assert (source / "build").read_text(encoding="utf-8") == "one.c\ncount.c\n"
    assert (source / "count.c").read_text(encoding="utf-8") == "counts();\n"
    assert (source / "test.c").exists() and not (source / "noise.c").exists()


def test_a_source_that_has_moved_is_found_and_another_is_refused(tmp_path: Path) -> None:
    source = lay_out(tmp_path)
    text = SOURCE["cpu.c"]
    (source / "cpu.c").write_text("a\nb\n" + text, encoding="utf-8")
    mails = written(tmp_path)
    assert "line 3, repaired" in mails[1].read_text(encoding="utf-8")
    (source / "cpu.c").write_text(text.replace("line 8", "line eight"), encoding="utf-8")
    with pytest.raises(Refused, match="the hooks do not fit: 1 out of 2 hunks FAILED"):
        written(tmp_path, "other")
    assert not (tmp_path / "other").exists()


BLOCK = "a\nb\nc\n"
EQUAL = """--- cpu.c
+++ cpu.c
@@ -5,2 +5,3 @@
 b
+line 3
 c
@@ -8,2 +9,3 @@
 b
+count
 c
"""


def test_equal_places_in_a_source_that_has_moved_are_told_apart(tmp_path: Path) -> None:
    source = lay_out(tmp_path, ABOUT.replace('lines = ["*: noise"]\n', ""), EQUAL)
    (source / "cpu.c").write_text("new\n" + 3 * BLOCK, encoding="utf-8")
    mails = written(tmp_path)
    repository(source)
    git(source, "am", "-q", *mails[1:])
    text = (source / "cpu.c").read_text(encoding="utf-8")
    assert text == "new\na\nb\nc\na\nb\nline 3\nc\na\nb\ncount\nc\n"


def test_a_source_of_which_patch_makes_something_else_is_refused(tmp_path: Path) -> None:
    source = lay_out(tmp_path, ABOUT.replace('lines = ["*: noise"]\n', ""), EQUAL)
    (source / "cpu.c").write_text(BLOCK + "d\ne\nf\n" + BLOCK + BLOCK, encoding="utf-8")
    with pytest.raises(Refused, match="the hooks fit cpu.c at line 5 in two places"):
        written(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"cpu.c: line 3"', '"cpu.c: line 3,"', "no part has 'line 3' of cpu.c"),
        ('"cpu.c: line 3"', '"cpu.c"', "two parts have 'count_init();' of cpu.c"),
        ('"*: count"', '"*: count", "*: never"', "nothing is '*: never'"),
        ('"*: count"', '"*: ("', "'(' is no regular expression"),
        ('"noise.*"', "", "no part has noise.c"),
        ('"noise.*"', '"*.c"', "two parts have count.c"),
        ("why =", "because =", "is no description of a series"),
        ('why = "Ours."', 'why = " "', "does not say why"),
        ('lines = ["*: count"]', "lines = [1]", "lines = [1]"),
        ('lines = ["*: count"]', 'lines = "*: count"', "lines = '*: count'"),
        ('body = "Nobody did."', "", "has a patch without subject or body"),
        ("[[left]]", "[left", "is no description of a series"),
    ],
)
def test_a_description_that_leaves_something_open_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in ABOUT
    lay_out(tmp_path, ABOUT.replace(old, new, 1))
    with pytest.raises(Refused, match=re.escape(words)):
        Series("toy", tmp_path)


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        (HOOKS[:-20], "the hooks are no patch"),
        ("--- /dev/null\n+++ new.c\n@@ -0,0 +1 @@\n+count\n", "the hooks add or remove new.c"),
        (HOOKS + "\\ No newline at end of file\n", "without a last newline"),
    ],
)
def test_hooks_that_are_none_are_refused(tmp_path: Path, hooks: str, words: str) -> None:
    lay_out(tmp_path, hooks=hooks)
    with pytest.raises(Refused, match=words):
        Series("toy", tmp_path)


def test_an_amendment_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "lab/toy/files/count.c").write_text("counts();\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Refused, match="count.patch does not fit"):
        written(tmp_path)
    remove_temporary()
    assert sorted(tmp_path.iterdir()) == before


def test_a_sender_without_a_name_is_refused(tmp_path: Path, home: Path) -> None:
    lay_out(tmp_path)
    (home / ".gitconfig").unlink()
    with pytest.raises(Refused, match="git does not say who you are"):
        written(tmp_path)


def test_what_the_user_made_a_habit_of_git_changes_no_mail(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    plain = [re.sub("(?m)^(From|Date|index).*", "", text_of(mail)) for mail in written(tmp_path)]
    habits = {
        "core.excludesFile": str(home / "ignored"),
        "core.attributesFile": str(home / "attributes"),
        "diff.noprefix": "true",
        "diff.context": "9",
        "format.signOff": "true",
        "format.subjectPrefix": "RFC",
        "format.suffix": ".txt",
        "format.useAutoBase": "true",
        "commit.gpgSign": "true",
    }
    for name, value in habits.items():
        config(home, name, value)
    (home / "ignored").write_text("*.c\n", encoding="utf-8")
    (home / "attributes").write_text("*.c -diff\n", encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    monkeypatch.chdir(tmp_path)
    again = [
        re.sub("(?m)^(From|Date|index).*", "", text_of(mail)) for mail in written(tmp_path, "again")
    ]
    assert again == plain
    assert not (other / ".git/index").exists()


def test_a_folder_may_be_named_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    mails = write(Series("toy", tmp_path), source, Path("here"), sender())
    assert mails[0].parent == tmp_path / "here"


def test_bytes_of_the_source_that_are_no_utf_8_come_through(tmp_path: Path) -> None:
    source = lay_out(tmp_path)
    text = SOURCE["cpu.c"].replace("line 1\n", "line \xe9\n").encode("latin-1")
    (source / "cpu.c").write_bytes(text)
    mails = written(tmp_path)
    repository(source)
    git(source, "am", "-q", *mails[1:])
    assert b"line \xe9\nline 2\nline 3, repaired\n" in (source / "cpu.c").read_bytes()


@pytest.mark.parametrize("name", names())
def test_every_line_of_the_labs_models_is_in_a_patch_or_left_out_for_a_reason(name: str) -> None:
    series = Series(name)
    assert len(series.cover.splitlines()[0]) < 76
    bodies = "\n".join([series.cover, *(part.body for part in series.patches)])
    assert max(len(line) for line in bodies.splitlines()) <= 79
