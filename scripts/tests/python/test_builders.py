# SPDX-License-Identifier: GPL-2.0-only
"""What is built, where, and from what."""

import os
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from pmu_passthrough.base import place
from pmu_passthrough.base.say import Refused
from pmu_passthrough.builders import kernel, programs, source
from pmu_passthrough.builders.cache import CacheLock, cached, forget_halves, key_of, step
from pmu_passthrough.builders.own_tree import OwnTree, replace


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("KSRC", "LAB_BUILD", "LAB_FREE_MIB_TEST"):
        monkeypatch.delenv(name, raising=False)


def image(folder: Path, version: str, size: int = 4096) -> Path:
    """The header of a bzImage with that version string, that is size bytes long."""
    data = bytearray(4096)
    data[0x1F1] = 1
    struct.pack_into("<I", data, 0x1F4, (size - 1024) // 16)
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x20E, 0x400)
    text = f"{version} (me@here) #1".encode() + b"\0"
    data[0x600 : 0x600 + len(text)] = text
    (folder / "image").write_bytes(data)
    return folder / "image"


@pytest.mark.parametrize("text", ["hello\n", "", "x" * 5000])
def test_a_file_that_is_no_kernel_image_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "text").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match=f"KERNEL={tmp_path}/text is no x86 bzImage"):
        kernel.check_image(str(tmp_path / "text"))


def test_an_image_that_is_missing_old_or_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not exist"):
        kernel.check_image(str(tmp_path / "none"))
    with pytest.raises(Refused, match=r"is Linux 6.6.70, too old: the oldest is 6.12"):
        kernel.check_image(str(image(tmp_path, "6.6.70")))
    with pytest.raises(Refused, match="is not whole: 4096 bytes of at least 8192"):
        kernel.check_image(str(image(tmp_path, "7.3.4", 8192)))


def test_an_image_without_a_needed_option_is_refused_and_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    tool = tmp_path / "scripts/extract-ikconfig"
    tool.write_text(
        "#!/bin/sh\necho CONFIG_BLK_DEV_INITRD=y; echo CONFIG_DEVTMPFS=y\n", encoding="utf-8"
    )
    tool.chmod(0o755)
    with pytest.raises(Refused, match="lacks CONFIG_PROC_FS=y"):
        kernel.check_image_options(str(image(tmp_path, "7.3.4")), tmp_path)


def test_a_tree_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSRC", str(tmp_path))
    with pytest.raises(Refused, match=f"KSRC={tmp_path} is no kernel source tree"):
        source.tree()


def test_the_version_is_that_of_the_makefile(tmp_path: Path) -> None:
    text = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION = -rc1\n"
    (tmp_path / "Makefile").write_text(text, encoding="utf-8")
    assert source.version(tmp_path) == "7.3.4-rc1"


def test_a_key_is_of_what_is_in_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_text("one", encoding="utf-8")
    before = key_of("word", tmp_path / "d")
    os.utime(tmp_path / "d/f", (1, 1))
    assert key_of("word", tmp_path / "d") == before
    (tmp_path / "d/f").write_text("two", encoding="utf-8")
    assert key_of("word", tmp_path / "d") != before != key_of("words", tmp_path / "d")
    # As earlier versions made it, so that their caches are used.
    assert key_of("name /x", "7.3.4") == "5f720c87ddeed07b"


def test_a_product_is_made_once_and_is_whole(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(part: Path) -> None:
        made.append(part)
        time.sleep(0.1)
        (part / "x").touch()

    threads = [
        threading.Thread(target=cached, args=(tmp_path / "p", 1, "x", make)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and (tmp_path / "p/x").exists()


def test_a_product_may_need_another(tmp_path: Path) -> None:
    def make(part: Path) -> None:
        cached(tmp_path / "other", 1, "x", lambda other: (other / "y").touch())
        with CacheLock():
            assert len(CacheLock.handles()) == 1

    cached(tmp_path / "p", 1, "x", make)
    assert (tmp_path / "other/y").exists() and CacheLock.handles() == ()
    # And it is free again, for other processes as well.
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pmu_passthrough.base import place;"
        "sys.exit(not place.Lock(place.cache_folder() / 'lock').try_take())"
    )
    command = ["/usr/bin/python3", "-c", script, str(place.TOP / "scripts")]
    subprocess.run(command, check=True)
    with CacheLock():
        assert subprocess.run(command, check=False).returncode == 1


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(part: Path) -> None:
        (part / "x").touch()
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        cached(tmp_path / "p", 1, "x", make)
    assert not list(tmp_path.glob("p*"))


@pytest.mark.parametrize(("signal", "again"), [("TERM", False), ("KILL", True)])
def test_what_a_killed_build_left_half_is_made_again(
    tmp_path: Path, signal: str, again: bool
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "whole").touch()
    recipe = f"printf half >$@; kill -{signal} 0; sleep 60"
    (tmp_path / "Makefile").write_text(f"made/half:\n\t{recipe}\n", encoding="utf-8")
    command = ["make", "-s", "-C", tmp_path, "made/half"]
    with pytest.raises(Refused, match="building it failed"):
        step("building it", 1, tmp_path / "log", made, command)
    assert (made / "half").exists() == again
    forget_halves(made)
    assert made.exists() != again
    # Once is enough.
    made.mkdir(exist_ok=True)
    forget_halves(made)
    assert made.exists()


def test_a_disk_without_space_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_FREE_MIB_TEST", "999999999")
    with pytest.raises(Refused, match="no space for building QEMU: .* MiB free, 3000 are needed"):
        cached(tmp_path / "p", 3000, "building QEMU", lambda part: None)


def test_an_installed_suite_builds_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    users = tmp_path / ".cache/pmu_passthrough/build"
    assert place.build_of(Path("/usr/share/pmu_passthrough")) == users
    assert place.build_of(tmp_path / "checkout") == tmp_path / "checkout/build"
    monkeypatch.delenv("HOME")
    assert place.home().is_absolute()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old", encoding="utf-8")
    place.write_whole(tmp_path / "f", "new")
    assert (tmp_path / "f").read_text(encoding="utf-8") == "new"
    with pytest.raises(Refused, match="cannot write to"):
        place.write_whole(tmp_path / "no/f", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    # Its mode stays, and what a link names is written.
    (tmp_path / "f").chmod(0o600)
    (tmp_path / "link").symlink_to("f")
    place.write_whole(tmp_path / "link", "through")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "f").read_text(encoding="utf-8") == "through"
    place.write_whole(tmp_path / ("x" * 250), "")


def test_a_temporary_folder_goes_also_after_a_kill(tmp_path: Path) -> None:
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pmu_passthrough.base import place;"
        "print(place.temporary_folder()); os.kill(os.getpid(), 9) if sys.argv[2:] else place.remove_temporary()"
    )
    command = ["/usr/bin/python3", "-u", "-c", script, str(place.TOP / "scripts")]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run(command, env=environment, check=True)
    assert not list(tmp_path.glob("pmu*"))
    subprocess.run([*command, "killed"], env=environment, check=False)
    (left,) = tmp_path.glob("pmu*")
    # One that is young may belong to somebody who only begins.
    subprocess.run(command, env=environment, check=True)
    os.utime(left, (1, 1))
    subprocess.run(command, env=environment, check=True)
    assert not list(tmp_path.glob("pmu*"))


# Trees that are built differently.


def test_an_own_tree_takes_objects_and_compiles_again_what_differed(tmp_path: Path) -> None:
    src = tmp_path / "src"
    (src / "kernel").mkdir(parents=True)
    (src / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    for name in ("same.c", "patched.c"):
        (src / "kernel" / name).write_text(f"int {name[0]};\n", encoding="utf-8")
    old = time.time() - 1000
    for path in src.rglob("*.c"):
        os.utime(path, (old, old))
    plain = kernel.WorkTree(src).path
    (plain / "obj").mkdir()
    (plain / "obj/vmlinux").write_text("kernel\n", encoding="utf-8")
    # As a patch and its undoing leave it: the same text, written since.
    (plain / "kernel/patched.c").unlink()
    (plain / "kernel/patched.c").write_text("int p;\n", encoding="utf-8")
    tree = OwnTree(src, "other")
    tree._take_objects()
    assert (tree.obj / "vmlinux").read_text(encoding="utf-8") == "kernel\n"
    assert (tree.path / "kernel/same.c").stat().st_mtime == pytest.approx(old)
    assert (tree.path / "kernel/patched.c").stat().st_mtime > old + 500
    assert (src / "kernel/patched.c").stat().st_mtime == pytest.approx(old)


@pytest.mark.parametrize("given", [False, True])
def test_an_own_tree_begins_as_its_source_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    src = tmp_path / "src"
    src.mkdir()
    if given:
        monkeypatch.setenv("KSRC", str(src))
    for name in ("Makefile", "changed.c"):
        (src / name).write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    tree = OwnTree(src, "other")
    tree.change(["changed.c", "new.c"])
    replace(tree.path / "changed.c", b"int changed;\n")
    replace(tree.path / "new.c", b"int new;\n")
    assert (src / "changed.c").read_text(encoding="utf-8").startswith("VERSION")
    again = OwnTree(src, "other")
    assert (again.path / "changed.c").read_bytes() == (src / "changed.c").read_bytes()
    assert not (again.path / "new.c").exists()


def test_busybox_is_found_by_the_names_that_distributions_give_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="busybox is missing"):
        programs.busybox()
    for name in ("busybox", "busybox-static"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
        assert programs.busybox() == tmp_path / name


def test_a_static_program_has_no_libraries_and_hides_none(tmp_path: Path) -> None:
    (tmp_path / "one.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    for name, *options in (("static", "-static"), ("shared",)):
        subprocess.run(["gcc", *options, "-o", tmp_path / name, tmp_path / "one.c"], check=True)
    assert not programs.libraries([tmp_path / "static"])
    found = programs.libraries([tmp_path / "static", tmp_path / "shared"])
    assert any("/libc.so" in name for name in found)
