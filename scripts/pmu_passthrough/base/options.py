# SPDX-License-Identifier: GPL-2.0-only
"""Arguments of the commands: argparse, with one line for what is wrong."""

import argparse
import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .say import Refused


# Of a count or a time; and of what something is drawn from.
MOST = 10**9
MOST_SEED = 10**18


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, indent_increment=2, max_help_position=22, width=88)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "Usage: ")

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if action.option_strings and action.nargs != 0:
            return f"{', '.join(action.option_strings)} {action.metavar or action.dest.upper()}"
        return super()._format_action_invocation(action)


class Parser(argparse.ArgumentParser):
    """One command or verb.

    command -- as it is typed, "scripts/lab run"
    usage -- what follows that
    says -- what it does, in some sentences
    ends -- what stands below the options: examples, environment, statuses
    runs -- runs a command that stands after "--"
    """

    def __init__(
        self, command: str, usage: str, says: str, ends: str = "", runs: bool = False
    ) -> None:
        super().__init__(
            prog=command,
            usage=f"{command} {usage}".rstrip(),
            description=says,
            epilog=ends,
            formatter_class=_Help,
            add_help=False,
            allow_abbrev=False,
        )
        self._runs = runs
        self._optionals.title = "Options"
        self._positionals.title = "Arguments"
        self.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)

    def print_help(self, file: Any = None) -> None:
        # argparse does not mind if nothing could be written.
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        raise Refused(self._in_our_words(message))

    def _in_our_words(self, message: str) -> str:
        if found := re.match(r"argument (\S+)(?: \S+)?: expected .*argument", message):
            return f"{found[1].split('/')[0]} wants a value"
        if found := re.match(r"argument ([^:]*): (.*)", message, re.DOTALL):
            return f"{found[1].split('/')[0]} {found[2]}" if found[1].startswith("-") else found[2]
        return message

    def _refuse(self, word: str) -> NoReturn:
        if word.startswith("-"):
            raise Refused(f"no option called '{word.split('=')[0]}'; see {self.prog} --help")
        raise Refused(f"{self.prog.removeprefix('scripts/').split()[-1]} does not take '{word}'")

    def take(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The values of the options. What stands after "--" is a command (in .command),
        for those that run one, and else words as those before."""
        own = list(arguments)
        after: list[str] = []
        if "--" in own:
            at = own.index("--")
            own, after = own[:at], own[at + 1 :]
        # An option before a word that it does not know would be said to lack the word.
        known = {name for action in self._actions for name in action.option_strings}
        takes = {name for a in self._actions if a.nargs != 0 for name in a.option_strings}
        for before, word in zip(["", *own], own):
            strange = word.startswith("--") and word.split("=")[0] not in known
            if strange and before not in takes:
                self._refuse(word)
        values, rest = self.parse_known_intermixed_args(own)
        rest += [] if self._runs else after
        words = next((a for a in self._actions if not a.option_strings and a.nargs == "*"), None)
        if rest and words is not None and not any(word.startswith("-") for word in rest):
            setattr(values, words.dest, [*getattr(values, words.dest), *rest])
        elif rest:
            self._refuse(rest[0])
        values.command = after
        return values


def number(least: int = 1, most: int = MOST) -> Callable[[str], int]:
    """A type of options: a number from LEAST to MOST, without a sign."""

    def take(word: str) -> int:
        if (
            not re.fullmatch(r"0|[1-9][0-9]{0,18}", word, re.ASCII)
            or not least <= int(word) <= most
        ):
            up_to = f" to {most}" if most < MOST else ""
            raise argparse.ArgumentTypeError(f"wants a number from {least}{up_to}, not '{word}'")
        return int(word)

    return take


def not_empty(word: str) -> str:
    """A type of options: a name, which is not empty."""
    if not word:
        raise argparse.ArgumentTypeError("wants a value")
    return word


def number_in(variable: str, default: int, least: int = 1, most: int = MOST) -> int:
    """A number of the environment."""
    word = os.environ.get(variable, "")
    if not word:
        return default
    try:
        return number(least, most)(word)
    except argparse.ArgumentTypeError as error:
        raise Refused(f"{variable} {error}") from None


def jobs(default: int = 0) -> int:
    """JOBS=, or DEFAULT, or as many as this machine has cores."""
    return number_in("JOBS", default or len(os.sched_getaffinity(0)), most=4096)


def words_in(name: str) -> list[str]:
    """The words of a variable that make passes on."""
    try:
        return shlex.split(os.environ.get(name, ""))
    except ValueError as error:
        raise Refused(f"{name}: {error}".lower()) from None


def offer(action: argparse.Action, choices: Callable[[], list[str]]) -> None:
    """Complete the argument to one of these (argcomplete)."""
    setattr(action, "completer", lambda **_: choices())


def complete(parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Answer the shell that asks what could follow, if it does (argcomplete)."""
    if "_ARGCOMPLETE" in os.environ:
        argcomplete = importlib.import_module("argcomplete")
        argcomplete.autocomplete(parser(), always_complete_options="long")
