# SPDX-License-Identifier: GPL-2.0-only
"""Names that once were others (configs/renamed.list)."""

import functools
import re
from fnmatch import fnmatchcase
from typing import NoReturn

from ..base.place import columns
from ..base.say import Refused


@functools.cache
def renamed() -> dict[str, str]:
    """Old name to new one: contracts, programs, fixtures, cases and faults; and moved
    cases, as "program:fixture.case"."""
    return {old: new for old, new in columns("renamed.list")}


def refuse_contract(name: str, instead: str) -> NoReturn:
    """Refuse a contract that there is not, with its new name if it is an old one."""
    new = f"it is called {renamed()[name]}; " if name in renamed() else ""
    raise Refused(f"no contract called '{name}'; {new}{instead}")


def refuse_fault(name: str) -> NoReturn:
    new = f" it is called {renamed()[name]};" if name in renamed() else ""
    raise Refused(f"no fault called '{name}';{new} see scripts/lab show faults")


def refuse_case(what: str, name: str) -> NoReturn:
    """Refuse a case, with the new name of its program, fixture or case."""
    see = "see scripts/lab show cases"
    for part in (name.split(":")[0], name.split(".")[-1], name.split(":")[-1]):
        if part in renamed():
            raise Refused(f"{what} '{name}'; {part} is called {renamed()[part]}; {see}")
    for old, new in renamed().items():
        if moved := re.fullmatch(r"([a-z_]+):.*\.([^ ]+)", old):
            before = f"{moved[1]}:{moved[2]}"
            if fnmatchcase(before, name):
                now = f"{new.split(':')[0]}:{new.split('.')[-1]}"
                raise Refused(f"{what} '{name}'; {before} is {now} now; {see}")
    raise Refused(f"{what} '{name}'; {see}")


def now(name: str) -> str:
    """Of a program, fixture, case or contract, today's name."""
    return renamed().get(name, name)


def case_now(program: str, case: str) -> tuple[str, str]:
    """Program and case of an earlier version's result, as they are called today."""
    program, _, case = renamed().get(f"{program}:{case}", f"{program}:{case}").partition(":")
    return now(program), ".".join(now(part) for part in case.split("."))
