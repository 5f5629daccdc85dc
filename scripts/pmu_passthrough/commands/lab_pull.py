# SPDX-License-Identifier: GPL-2.0-only
"""What "scripts/lab pull" does."""

import argparse
from pathlib import Path

from ..base.options import not_empty, number
from ..base.place import Lock, build, folder
from ..base.say import Refused, say
from ..base.verbs import Option, Verb
from ..base.web import is_address
from ..kernelci.lab import PullLab, forever
from ..lab.machine import ALL, Machine, machine
from ..lab.run import run


def _platform(word: str) -> tuple[str, Machine]:
    name, _, profile = word.partition("=")
    if not name:
        raise Refused(f"--platforms wants NAME=MACHINE, not '{word}'")
    return name, machine(profile or name)


def _pull(values: argparse.Namespace) -> int:
    if not values.runtime:
        raise Refused("pull wants --runtime, the lab's name among KernelCI's runtimes")
    named = values.platforms.split(",") if values.platforms else ALL
    if values.logs and not is_address(values.logs):
        raise Refused(f"--logs wants an http or https URL, not '{values.logs}'")
    machines = dict(_platform(word) for word in named)
    if len(machines) < len(named):
        raise Refused("--platforms names a platform twice")
    out = folder(Path(values.out) if values.out else build() / "pull", "results to")
    with Lock(out / "lock").take("another lab"):
        lab = PullLab(values.runtime, machines, out, values.logs, run)
        if not values.once:
            forever(lab, values.interval)
        say(f"{lab.poll()} jobs done")
    return 0


PULL = Verb(
    "pull",
    "do the jobs that KernelCI has for this lab, and answer them",
    _pull,
    options=(
        Option("--runtime", "the lab's name among KernelCI's runtimes", "NAME", default=""),
        Option(
            "--platforms",
            'its platforms, "NAME=MACHINE,..." (default: called as the machines are)',
            "LIST",
            default="",
        ),
        Option("--logs", "the URL at which the folder of results can be read", "URL", default=""),
        Option("--once", "end when no job waits"),
        Option("--interval", "seconds between questions (default 45)", "S", number(), 45),
        Option("--out", "where results go (default build/pull)", "DIR", not_empty),
    ),
    details="""A job is a kernel to boot, or to run the suite on, as KernelCI's runtime of the kind
pull_labs writes it. KERNELCI_API has the server and the token that allows it:
https://TOKEN@HOST/latest.""",
)
