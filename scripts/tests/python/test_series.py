# SPDX-License-Identifier: GPL-2.0-only
"""An emulator's hooks, shared out among the patches of a series."""

import re
import subprocess
from pathlib import Path

import pytest

from pmu_passthrough.base.say import Refused
from pmu_passthrough.series import written
from pmu_passthrough.series.description import Series, names

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


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A Sender")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "sender@example.org")


def applied(tree: Path, mail: Path) -> None:
    subprocess.run(["git", "-C", tree, "am", "-q", mail], check=True)


@pytest.mark.usefixtures("sender")
def test_mails_apply_one_after_another_to_what_the_lab_has_without_its_own(tmp_path: Path) -> None:
    source = lay_out(tmp_path)
    mails = written.write(Series("toy", tmp_path), source, tmp_path / "out")
    assert [mail.name[:4] for mail in mails] == ["0000", "0001", "0002"]
    assert "Subject: [PATCH 0/2] Count\n\nOn a toy.\n" in mails[0].read_text(encoding="utf-8")
    assert not list(tmp_path.glob("out.part*"))
    assert (source / "cpu.c").read_text(encoding="utf-8") == SOURCE["cpu.c"]
    subprocess.run(["git", "-C", source, "init", "-q"], check=True)
    subprocess.run(["git", "-C", source, "add", "-A"], check=True)
    subprocess.run(["git", "-C", source, "commit", "-qm", "source"], check=True)
    applied(source, mails[1])
    first = SOURCE["cpu.c"].replace("line 3\n", "line 3, repaired\n")
    assert (source / "cpu.c").read_text(encoding="utf-8") == first
    assert not (source / "count.c").exists()
    applied(source, mails[2])
    second = first.replace("repaired\n", "repaired\ncount_init();\n")
    second = second.replace("line 8\n", "line 8\ncount();\n")
    assert (source / "cpu.c").read_text(encoding="utf-8") == second
    assert (source / "build").read_text(encoding="utf-8") == "one.c\ncount.c\n"
    assert (source / "count.c").read_text(encoding="utf-8") == "counts();\n"
    assert (source / "test.c").exists() and not (source / "noise.c").exists()


@pytest.mark.usefixtures("sender")
def test_a_source_that_has_moved_is_found_and_another_is_refused(tmp_path: Path) -> None:
    source = lay_out(tmp_path)
    text = SOURCE["cpu.c"]
    (source / "cpu.c").write_text("a\nb\n" + text, encoding="utf-8")
    mails = written.write(Series("toy", tmp_path), source, tmp_path / "out")
    assert "line 3, repaired" in mails[1].read_text(encoding="utf-8")
    (source / "cpu.c").write_text(text.replace("line 8", "line eight"), encoding="utf-8")
    with pytest.raises(Refused, match="the hooks do not fit cpu.c at line 9"):
        written.write(Series("toy", tmp_path), source, tmp_path / "other")
    assert not (tmp_path / "other").exists()


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


@pytest.mark.usefixtures("sender")
def test_an_amendment_that_does_not_fit_and_a_sender_without_a_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay_out(tmp_path)
    (tmp_path / "lab/toy/files/count.c").write_text("counts();\n", encoding="utf-8")
    with pytest.raises(Refused, match="count.patch does not fit"):
        written.write(Series("toy", tmp_path), source, tmp_path / "out")
    for who in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(who)
    with pytest.raises(Refused, match="git does not know who you are"):
        written.write(Series("toy", tmp_path), source, tmp_path / "out")


@pytest.mark.parametrize("name", names())
def test_every_line_of_the_labs_models_is_in_a_patch_or_left_out_for_a_reason(name: str) -> None:
    series = Series(name)
    assert all(part.subject and part.body.strip() for part in series.patches)
    assert all(part.why.strip() for part in series.left)
    assert len(series.cover.splitlines()[0]) < 76
    bodies = "\n".join([series.cover, *(part.body for part in series.patches)])
    assert max(len(line) for line in bodies.splitlines()) <= 79
