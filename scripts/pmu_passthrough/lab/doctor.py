# SPDX-License-Identifier: GPL-2.0-only
"""What this machine lacks, and how to get it."""

import os
import signal
import subprocess
import sys

from ..base.process import NOTHING
from ..base.say import Refused, say
from ..builders import debian

# The release of Debian whose tools others have the like of.
_LIKE = "13"
LISTS = ("packages-debian.list", "packages-test-debian.list")


def _install(packages: list[str]) -> None:
    say(f"installing {' '.join(packages)}")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        # Not killed with us: what it does half-way is the machine's trouble.
        apt = subprocess.Popen(
            ["apt-get", "-q", *words], stdin=NOTHING, stdout=sys.stderr, env=quiet
        )
        try:
            status = apt.wait()
        except BaseException:
            apt.send_signal(signal.SIGINT)
            apt.wait()
            raise
        if status:
            raise Refused(f"apt-get {words[0]} failed")


def _elsewhere(lists: tuple[str, ...], emulators: set[str]) -> None:
    """On no Debian: what corresponds to the packages, and where sources come from."""
    wanted = debian.packages(*lists, of=_LIKE)
    names = debian.names_elsewhere(wanted, debian.release())
    if names is None:
        say("no distribution known here: install what corresponds to these of Debian's yourself:")
        names = wanted
    else:
        say("not a Debian: install these packages yourself:")
    say(f"  {' '.join(names)}")
    say(
        "and give the sources: KSRC= (Linux 7.x tree), QEMU_SRC= (QEMU 10.0), BOCHS_SRC= (Bochs 3.0)"
    )
    sources = {"KSRC"} | {f"{name.upper()}_SRC" for name in emulators}
    lacking = sorted(name for name in sources if not os.environ.get(name))
    if lacking:
        raise Refused(f"not given: {' '.join(lacking)}")


def doctor(emulators: set[str], install: bool, tests: bool) -> None:
    """Refuse to go on while something is missing; or install it, as root."""
    lists = LISTS if tests else LISTS[:1]
    if not debian.is_debian():
        _elsewhere(lists, emulators)
        return
    missing = debian.missing(debian.packages(*lists))
    if missing and install and os.geteuid() == 0:
        _install(missing)
    elif missing:
        raise Refused(f"missing packages; get them with: apt-get install {' '.join(missing)}")
    say("nothing is missing")
